"""Metric names: which ones we take, how they are spelled, and which file holds them.

A plain name ``a.b.c`` lives in ``a/b/c.wsp``. A tagged one, ``name;tag=value`` or ``name{tag="value"}``, is put in
its canonical spelling (tags sorted) and lives in ``_tagged/<hash 0-2>/<hash 3-5>/<hash>.wsp``, hash being the
SHA-256 of that spelling: Carbon's layout, so either program finds the other's files.

Carbon takes any name, ``../../etc/cron.d/x`` included. Here a name that would leave the tree, or that no file system
or query could hold, is refused with one of :data:`CAUSES`.
"""

from __future__ import annotations

import hashlib
import re

CAUSES = ("empty_name", "empty_segment", "bad_character", "name_too_long", "bad_tags", "reserved_name")
TAGGED = "_tagged"
"""The folder of tagged series: a plain name at or below it could be the file of any of them."""
SUFFIX = ".wsp"
MAX_FILE_NAME_BYTES = 255  # NAME_MAX of every Linux file system
MAX_NAME_BYTES = 3_072  # leaves room for the root folder within PATH_MAX, 4096

_MARK = "\ufeff"  # a byte order mark: what some programs begin a text with
_TAKEN_OFF = _MARK + "~."
_UNWANTED = re.compile(r"[\s\x00-\x1f\x7f]")  # blanks would split the name in the plaintext protocol
_OPEN_METRICS_TAG = re.compile(r'([^=,"]+)="((?:[^"\\]|\\.)*)"(?:,|\Z)')
_BAD_TAG = re.compile(r"[;!^=]")


class BadName(ValueError):
    """A name that is refused; ``cause`` is one of :data:`CAUSES`. Caught where points are counted."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def canonical(raw: str) -> str:
    """Return the spelling under which *raw* is stored, or raise :class:`BadName`.

    Leading ``~`` and dots, which Carbon takes off too, and a byte order mark are taken off. A slash, blank or control
    character, an empty segment (``a..b``, ``a.``), a segment or name too long for a file, tags that don't parse, and
    what is at or below :data:`TAGGED` are refused.
    """
    if ";" in raw or ("{" in raw and raw.endswith("}")):
        return _canonical_tagged(raw)
    name = raw.lstrip(_TAKEN_OFF)
    if not name:
        raise BadName("empty_name")
    _check_characters(name)
    if "/" in name:
        raise BadName("bad_character")
    segments = name.split(".")
    if not all(segments):
        raise BadName("empty_segment")
    if segments[0] == TAGGED:
        raise BadName("reserved_name")
    if not name.isascii() or len(name) > MAX_FILE_NAME_BYTES - len(SUFFIX):
        sizes = [len(segment.encode()) for segment in segments]
        sizes[-1] += len(SUFFIX)
        if max(sizes) > MAX_FILE_NAME_BYTES or sum(sizes) + len(sizes) > MAX_NAME_BYTES:
            raise BadName("name_too_long")
    return name


def relative_path(name: str) -> str:
    """Return where the canonical *name* is stored, relative to the root of the tree: ``a/b/c.wsp``."""
    if ";" in name:
        digest = hashlib.sha256(name.encode()).hexdigest()
        return f"{TAGGED}/{digest[:3]}/{digest[3:6]}/{digest}{SUFFIX}"
    return name.replace(".", "/") + SUFFIX


def _check_characters(text: str) -> None:
    if _UNWANTED.search(text):
        raise BadName("bad_character")
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which no file name can hold
        raise BadName("bad_character") from None


def _canonical_tagged(raw: str) -> str:
    braces = raw.endswith("}") and "{" in raw.partition(";")[0]
    name, tags = _split_open_metrics(raw) if braces else _split_carbon(raw)
    name = name.lstrip("~")
    if not name:
        raise BadName("empty_name")
    tags.pop("name", None)  # the metric's own name takes its place
    if not tags:
        return canonical(name)
    for tag, value in tags.items():
        if not tag or not value or _BAD_TAG.search(tag) or ";" in value or value[0] == "~":
            raise BadName("bad_tags")
    spelled = name + "".join(sorted(f";{tag}={value}" for tag, value in tags.items()))
    _check_characters(spelled)  # a slash is fine here: the file is named by a hash
    if len(spelled.encode()) > MAX_NAME_BYTES:
        raise BadName("name_too_long")
    return spelled


def _split_carbon(raw: str) -> tuple[str, dict[str, str]]:
    name, *parts = raw.removeprefix(_MARK).split(";")
    tags: dict[str, str] = {}
    for part in parts:
        tag, separator, value = part.partition("=")
        if not separator:
            raise BadName("bad_tags")
        tags[tag] = value
    return name, tags


def _split_open_metrics(raw: str) -> tuple[str, dict[str, str]]:
    name, _, text = raw[:-1].removeprefix(_MARK).partition("{")
    tags: dict[str, str] = {}
    place = 0
    while place < len(text):
        found = _OPEN_METRICS_TAG.match(text, place)
        if found is None:
            raise BadName("bad_tags")
        tags[found[1]] = re.sub(r"\\(.)", r"\1", found[2])
        place = found.end()
    return name, tags
