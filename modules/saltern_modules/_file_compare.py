"""Comparing a file with what it should hold and be, as ``file.get_diff`` and ``file.check_file_meta`` do."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern.named import NamedTuple
from saltern_modules import _file_sources, _file_text, _keywords
from saltern_modules._file_perms import Wanted, attribute_changes
from saltern_modules._file_status import mode_text, stats

Salt = Mapping[str, Callable[..., Any]]

OBFUSCATED = "<Obfuscated Template>"
NOT_SHOWN = "<show_changes=False>"
TEMPORARY = "__saltern.tmp."
"""What the name of a file begins with that a template was rendered into."""


class Ignored(NamedTuple):
    """Which differences aren't any."""

    ordering: Any = False
    whitespace: Any = False
    comment_characters: Any = None

    @property
    def any(self) -> bool:
        """Whether there are such."""
        return any(self)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Ignored:
        """Return what the arguments of a function of ``file`` say."""
        return cls(given["ignore_ordering"], given["ignore_whitespace"], given["ignore_comment_characters"])


NOTHING = Ignored()


def content(path: str) -> bytes:
    """Return what is in the file *path*. Raises ``CommandError``."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise CommandError(f"Failed to read {path}: {error.strerror}") from None


def compared(old: bytes, new: bytes, *names: str, hidden: str = "", ignored: Ignored = NOTHING) -> tuple[bool, str]:
    """Return whether two contents differ in more than what is *ignored*, and the diff, or *hidden* in its place.

    Nothing ignored, the former says nothing.
    """
    if old == new:
        return False, ""
    if hidden:
        return False, hidden
    binary = tuple(_file_text.is_binary(data[: _file_text.LOOKED_AT_BYTES]) for data in (old, new))
    if any(binary):
        words = {
            (True, True): "Replace binary file",
            (True, False): "Replace binary file with text file",
            (False, True): "Replace text file with binary file",
        }
        return False, words[binary[0], binary[1]]
    before, after = _lines(old), _lines(new)
    if ignored.any:
        return _file_text.conditional_diff(
            before,
            after,
            *names,
            ignore_ordering=ignored.ordering,
            ignore_whitespace=ignored.whitespace,
            ignore_comment_characters=ignored.comment_characters,
        )
    return False, _file_text.diff(before, after, *names)


def _lines(data: bytes) -> list[bytes]:
    """Return the lines of *data*: a line ends with its line feed."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def hidden_by(salt: Salt, *, show_changes: bool = True, template: bool = True) -> str:
    """Return what stands in the place of a diff that isn't to be shown, ``""`` for one that is."""
    if template and salt["config.option"]("obfuscate_templates"):
        return OBFUSCATED
    return "" if show_changes else NOT_SHOWN


class Meta(NamedTuple):
    """What a file should be: what ``file.check_file_meta`` is given."""

    name: str
    sfn: str
    source: str | None
    source_sum: Mapping[str, str]
    wanted: Wanted
    saltenv: str = "base"
    contents: str | bytes | None = None
    verify_ssl: bool = True
    follow_symlinks: bool = False
    ignored: Ignored = NOTHING
    new_file_diff: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Meta:
        """Return what the arguments of ``file.check_file_meta`` say."""
        made = {"source_sum": given["source_sum"] or {}, "wanted": Wanted.of(given), "ignored": Ignored.of(given)}
        return cls(**{**_keywords.fitting(cls._fields, given), **made})


def meta_changes(meta: Meta, *, salt: Salt) -> tuple[bool, dict[str, Any]]:
    """Return whether the content differs in more than what is ignored, and what isn't as it should be."""
    changes: dict[str, Any] = {}
    found: dict[str, Any] = {}
    try:
        found = stats(meta.name, meta.source_sum.get("hash_type"), meta.follow_symlinks)
    except (CommandError, OSError):
        if not meta.new_file_diff:
            return True, {"newfile": meta.name}
    matters = False
    if "hsum" in meta.source_sum and meta.source_sum["hsum"] != found.get("sum"):
        matters = _source_change(meta, bool(found), changes, salt=salt)
    if meta.contents is not None:
        data = meta.contents if isinstance(meta.contents, bytes) else meta.contents.encode()
        try:
            matters, told = compared(content(meta.name) if found else b"", data, ignored=meta.ignored)
        except CommandError as error:
            told = str(error)
        if told:
            changes["diff"] = hidden_by(salt) or told
    if found:
        _status_changes(meta, found, changes, salt=salt)
    return matters, changes


def _source_change(meta: Meta, there: bool, changes: dict[str, Any], *, salt: Salt) -> bool:
    sfn: Any = meta.sfn
    if not sfn and meta.source:
        sfn = _file_sources.cached(
            meta.source, meta.saltenv, salt=salt, source_hash=meta.source_sum["hsum"], verify_ssl=meta.verify_ssl
        )
    if not sfn:
        changes["sum"] = "Checksum differs"
        return False
    try:
        matters, changes["diff"] = compared(
            content(meta.name) if there else b"",
            content(sfn),
            hidden=hidden_by(salt) if there else "",
            ignored=meta.ignored,
        )
    except CommandError as error:
        changes["diff"] = str(error)
        return False
    return matters


def _status_changes(meta: Meta, found: Mapping[str, Any], changes: dict[str, Any], *, salt: Salt) -> None:
    wanted = meta.wanted
    for what, number in (("user", "uid"), ("group", "gid")):
        value = getattr(wanted, what)
        if value is not None and value not in (found[what], found[number]):
            changes[what] = value
    mode = mode_text(wanted.mode)
    if mode is not None and mode != mode_text(found["mode"]):
        changes["mode"] = mode
    if wanted.attrs:
        differ = attribute_changes(meta.name, wanted.attrs, salt=salt)
        if differ and any(differ):
            changes["attrs"] = wanted.attrs
    if any(wanted.labels):
        from saltern_modules import _file_selinux

        parts = _file_selinux.parts_of(_file_selinux.context_of(meta.name, salt=salt))
        if parts is None:
            raise CommandError("Failed to get selinux attributes")
        for name, asked, part in zip(("user", "role", "type", "range"), wanted.labels, parts, strict=True):
            if asked and asked != part:
                changes["selinux"] = {name: asked}


def is_temporary(path: str) -> bool:
    """Return whether *path* is below the folder for temporary files."""
    import tempfile

    return path.startswith(tempfile.gettempdir())


def remove_temporary(sfn: Any) -> None:
    """Remove the file *sfn* if it is one that a template was rendered into."""
    import tempfile

    if isinstance(sfn, str) and sfn.startswith(os.path.join(tempfile.gettempdir(), TEMPORARY)) and os.path.exists(sfn):
        os.remove(sfn)
