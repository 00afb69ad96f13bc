"""Files and folders of this host: digests of files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules._file_errors import plainly

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "file"

__powers__ = {
    "get_hash": "reads",
    "get_sum": "reads",
    "check_hash": "reads",
    "extract_hash": "indirect",
    "get_source_sum": "indirect",
}


def get_hash(path: str, form: str = "sha256", chunk_size: int = 65536) -> str:
    """Return the digest of the file *path*; *form* is ``sha256``, ``sha512``, ``sha1``, ``md5`` or another one.

    Raises ``OSError``, ``ValueError`` for a digest that isn't known here.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.get_hash /etc/shadow
    """
    from saltern_modules._file_hashes import hash_of

    with plainly():
        return hash_of(os.path.expanduser(path), form, chunk_size)


def get_sum(path: str, form: str = "sha256") -> str:
    """Return what ``file.get_hash`` does; ``File not found`` when *path* is no file.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.get_sum /etc/passwd sha512
    """
    path = os.path.expanduser(path)
    return get_hash(path, form) if os.path.isfile(path) else "File not found"


def check_hash(path: str, file_hash: str) -> bool:
    """Return whether the file *path* has the digest *file_hash*: ``md5=…``, ``sha256:…`` or the bare digits.

    Raises ``ArgumentError`` for digits of no known length, ``OSError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.check_hash /etc/fstab md5=e138491e9d5b97023cea823fe17bac22
    """
    from saltern_modules._file_hashes import kind_and_value

    if not isinstance(file_hash, str):
        raise ArgumentError("hash must be a string")
    kind, digits = kind_and_value(file_hash)
    return get_hash(path, kind) == digits


def extract_hash(
    hash_fn: str,
    hash_type: str = "sha256",
    file_name: str = "",
    source: str = "",
    source_hash_name: str | None = None,
) -> dict[str, str] | None:
    """Return ``{hsum, hash_type}`` from the list of digests in the file *hash_fn*, ``None`` when it has none.

    The line is chosen that names *source_hash_name*, else *file_name*, else *source*; else the first with a digest. A
    *hash_type* that isn't known, as ``''``, takes any.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.extract_hash /path/to/SHA256SUMS sha256 /etc/foo
    """
    from saltern_modules._file_hashes import found_in

    with plainly(), open(hash_fn, encoding="utf-8") as lines:
        return found_in(lines, hash_type, file_name, source, source_hash_name)


def get_source_sum(
    file_name: str = "",
    source: str = "",
    source_hash: str | None = None,
    source_hash_name: str | None = None,
    saltenv: str = "base",
    verify_ssl: bool = True,
    source_hash_sig: Any = None,
    signed_by_any: Any = None,
    signed_by_all: Any = None,
    keyring: str | None = None,
    gnupghome: str | None = None,
    sig_backend: str = "gpg",
) -> dict[str, str]:
    """Return ``{hsum, hash_type}`` that *source_hash* means: ``md5=…``, bare digits, or a file of digests.

    Such a file is a path or a URL; the line is chosen as by ``file.extract_hash``. Raises ``CommandError``. Signatures
    are checked by ``gpg.verify`` of that module.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.get_source_sum /tmp/foo.tar.gz source=http://example.net/foo.tgz source_hash=499ae16dcae71eeb
    """
    from urllib.parse import urlparse

    from saltern_modules import _file_hashes, _file_sources

    if not isinstance(source_hash, str):
        raise _file_hashes.wrong_source_hash(source_hash)
    place: Any = source_hash if os.path.isabs(source_hash) else None
    if place is None:
        scheme = urlparse(source_hash).scheme
        if scheme in _file_hashes.PROTOCOLS:
            place = _file_sources.cached(source_hash, saltenv, salt=__salt__, verify_ssl=verify_ssl)
            if not place:
                raise CommandError(f"Source hash file {_file_hashes.redacted(source_hash)} not found")
            if source_hash_sig:
                _file_sources.check_signature(sig_backend, salt=__salt__)
        elif scheme:
            raise _file_hashes.wrong_source_hash(source_hash)
    if place is None:
        return _file_hashes.parse_source_hash(source_hash)
    found = extract_hash(place, "", file_name, source, source_hash_name)
    if found is None:
        raise _file_hashes.wrong_source_hash(source_hash)
    return {**found, "hsum": found["hsum"].lower()}
