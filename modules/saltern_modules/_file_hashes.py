"""Digests of files, and lists of digests (``SHA256SUMS`` and its like)."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterable
from typing import Any

from saltern.errors import ArgumentError, CommandError

LENGTHS = {"sha512": 128, "sha384": 96, "sha256": 64, "sha224": 56, "sha1": 40, "md5": 32}
"""Hexadecimal digits of each kind."""
KINDS = {length: kind for kind, length in LENGTHS.items()}
READ_BYTES = 1 << 16
PROTOCOLS = ("salt", "file", "http", "https", "ftp", "swift", "s3")
_BEFORE_NAME = frozenset(string.whitespace + "\\/*")


def hash_of(path: str, form: str, chunk_size: int = READ_BYTES) -> str:
    """Return the digest *form* of the file *path*. Raises ``OSError``, ``ValueError`` for a digest nobody knows."""
    if form == "sha256":
        from saltern.digest import sha256

        digest: Any = sha256()
    else:
        import hashlib  # loads OpenSSL: for those who ask for another

        if form not in hashlib.algorithms_available or form.startswith("shake"):
            raise ValueError(f"Invalid hash type: {form}")
        digest = hashlib.new(form, usedforsecurity=False)
    with open(path, "rb") as stream:
        while data := stream.read(chunk_size):
            digest.update(data)
    return str(digest.hexdigest())


def known_lengths() -> str:
    """Return the kinds by length, as errors name them."""
    return ", ".join(f"{KINDS[length]} ({length})" for length in sorted(KINDS))


def kind_and_value(file_hash: str) -> tuple[str, str]:
    """Return the kind and the digits of ``md5=…``, ``sha256:…`` or bare digits. Raises ``ArgumentError``."""
    for mark in ":=":
        if mark in file_hash:
            kind, _, digits = file_hash.partition(mark)
            return kind, digits
    if len(file_hash) not in KINDS:
        raise ArgumentError(
            f"Hash {file_hash} (length: {len(file_hash)}) could not be matched to a supported hash type. "
            f"The supported hash types and lengths are: {known_lengths()}"
        )
    return KINDS[len(file_hash)], file_hash


def found_in(
    lines: Iterable[str],
    hash_type: str = "sha256",
    file_name: str = "",
    source: str = "",
    source_hash_name: str | None = None,
) -> dict[str, str] | None:
    """Return ``{hsum, hash_type}`` of the line that names a file, or of the first that has a digest, or ``None``.

    A line with *source_hash_name* comes first, then one with the last name of *file_name*, then of *source*. Another
    *hash_type* than those known stands for any.
    """
    length = LENGTHS.get(hash_type)
    digits = f"{min(KINDS)},{max(KINDS)}" if length is None else str(length)
    pattern = re.compile(rf"(?i)(?<![a-z0-9])([a-f0-9]{{{digits}}})(?![a-z0-9])")
    searches = _searches(str(file_name or ""), str(source or ""), str(source_hash_name or ""))
    first: dict[str, str] | None = None
    by_search: dict[int, dict[str, str]] = {}
    for raw in lines:
        line = raw.strip()
        match = pattern.search(line)
        kind = KINDS.get(len(match[1])) if match else None
        if match is None or kind is None:
            continue
        found = {"hsum": match[1], "hash_type": kind}
        first = first or found
        for number, (name, whole, before) in enumerate(searches):
            if number not in by_search and _names(line, name, whole, before):
                by_search[number] = found
    return by_search[min(by_search)] if by_search else first


def _searches(file_name: str, source: str, source_hash_name: str) -> list[tuple[str, str, frozenset[str]]]:
    """Return what lines may end with, what they may begin with, and which character may be before the former."""
    searches = []
    if source_hash_name:
        searches.append((source_hash_name, source_hash_name, frozenset(string.whitespace)))
    if file_name:
        searches.append((os.path.basename(file_name), file_name, _BEFORE_NAME))
    if source:
        from urllib.parse import urlparse

        parsed = urlparse(source)
        searches.append((os.path.basename(parsed.path or parsed.netloc), source, _BEFORE_NAME))
    return searches


def _names(line: str, name: str, whole: str, before: frozenset[str]) -> bool:
    if line.endswith(name):
        return len(line) > len(name) and line[-len(name) - 1] in before
    return line.startswith(whole) and line[len(whole) : len(whole) + 1].isspace()


def parse_source_hash(source_hash: Any) -> dict[str, str]:
    """Return ``{hsum, hash_type}`` of ``md5=…`` or of bare digits. Raises ``CommandError``."""
    if not isinstance(source_hash, str):
        raise wrong_source_hash(source_hash)
    kind, mark, digits = (part.strip() for part in source_hash.partition("="))
    if not mark:
        kind, digits = KINDS.get(len(source_hash), ""), source_hash
        if not re.fullmatch(f"[{string.hexdigits}]+", source_hash) or not kind:
            raise wrong_source_hash(source_hash)
    if kind not in LENGTHS:
        raise CommandError(
            f"Invalid hash type '{kind}'. Supported hash types are: {', '.join(LENGTHS)}. Either remove the hash type "
            f"and simply use '{digits}' as the source_hash, or change the hash type to a supported type."
        )
    if len(digits) not in KINDS:
        raise wrong_source_hash(source_hash)
    if len(digits) != LENGTHS[kind]:
        raise CommandError(
            f"Invalid length ({len(digits)}) for hash type '{kind}'. Either remove the hash type and simply use "
            f"'{digits}' as the source_hash, or change the hash type to '{KINDS[len(digits)]}'"
        )
    return {"hash_type": kind, "hsum": digits.lower()}


def wrong_source_hash(source_hash: Any) -> CommandError:
    """Return the error that tells the forms of a source's hash."""
    return CommandError(
        f"Source hash {redacted(source_hash)} format is invalid. The supported formats are: 1) a hash, 2) an "
        "expression in the format <hash_type>=<hash>, or 3) either a path to a local file containing hashes, or a URI "
        f"of a remote hash file. Supported protocols for remote hash files are: {', '.join(PROTOCOLS)}. The hash may "
        "also not be of a valid length, the following are supported hash types and lengths: "
        f"{known_lengths()}."
    )


def redacted(url: Any) -> Any:
    """Return *url* without the password in it."""
    return re.sub(r"(https?)\:\/\/.*\@", r"\1://<redacted>@", url) if isinstance(url, str) else url
