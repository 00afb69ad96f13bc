"""Names of tagged series, ``name;tag=value``, and the readable file names that Carbon may have given them."""

from __future__ import annotations

import hashlib

from saltern.errors import GraphiteError
from saltern_graphite.rules.metric_name import SUFFIX, TAGGED, BadName, canonical

FOLDER = TAGGED
"""Where the files of tagged series are, within the Whisper tree."""
_DOT = "_DOT_"
_WRONG = {
    "empty_name": "it has no name",
    "empty_segment": "a part between two dots is empty",
    "bad_character": "blanks, control characters and, without tags, slashes are not taken",
    "name_too_long": "it is too long for a file's name",
    "reserved_name": f"{TAGGED} is the folder of tagged series",
    "bad_tags": "tags are written ;tag=value: no ; ! ^ = in a tag, no ; in a value, neither empty, no ~ before a value",
}


def spelled(raw: str) -> str:
    """The spelling under which *raw* is stored: its tags sorted. ``GraphiteError`` if it is no metric's name."""
    try:
        return canonical(raw)
    except BadName as bad:
        raise GraphiteError(f"{raw[:200]!r} is no metric's name: {_WRONG[bad.cause]}") from None


def tags_of(name: str) -> dict[str, str]:
    """The tags of the series *name*, in its canonical spelling; ``name`` is one, and all that an untagged has."""
    plain, *parts = name.split(";")
    tags = {}
    for part in parts:
        tag, _, value = part.partition("=")
        tags[tag] = value
    tags["name"] = plain
    return tags


def readable_path(name: str) -> str:
    """Where Carbon stores the tagged *name* with ``TAG_HASH_FILENAMES = False``, relative to the tree."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{FOLDER}/{digest[:3]}/{digest[3:6]}/{name.replace('.', _DOT)}{SUFFIX}"


def name_of_file(relative: str) -> str | None:
    """The name of the series in the file *relative* (to the tree); None if a hash stands there, or anything else."""
    name = relative.rpartition("/")[2].removesuffix(SUFFIX).replace(_DOT, ".")
    if ";" not in name:
        return None
    try:  # "_DOT_" may have been in the name itself: the folders, made of its hash, tell
        return name if canonical(name) == name and readable_path(name) == relative else None
    except BadName:
        return None
