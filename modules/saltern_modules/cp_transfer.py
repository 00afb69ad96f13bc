"""Files that go from here to the master, and those that somebody sends: ``cp.push``, ``cp.recv`` and the like."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from saltern.errors import CommandError
from saltern.files import make_folder, open_folder
from saltern_modules import _agent, _file_client

__virtualname__ = "cp"

__opts__: Mapping[str, Any]
__context__: dict[str, Any]

__powers__ = {
    "push": "indirect",  # shows any file of this host, and may remove it
    "push_dir": "indirect",
    "send": "indirect",  # likewise, to other minions
    "recv": "indirect",
    "recv_chunked": "indirect",
}

MAX_CHUNK_BYTES = 64 * 1024 * 1024
"""Of what one chunk is uncompressed."""


def push(path: str, keep_symlinks: bool = False, upload_path: str | None = None, remove_source: bool = False) -> bool:
    """Send the file *path* of this host to the master, which keeps it as ``minions/<id>/files/<path>`` in its cache.

    Kept as *upload_path* where that is given. Without *keep_symlinks* the path is that of what links lead to. With
    *remove_source* the file here is removed once the master has it. ``False`` for what isn't a file's absolute path,
    when the master takes none (its option ``file_recv``) or none of that size (``file_recv_max_size``). Raises
    ``CommandError`` when the master can't keep it. What was interrupted goes on where it stopped.

    CLI Example:

    .. code-block:: bash

        saltern 'db*' cp.push /etc/fstab
    """
    if not isinstance(path, str) or "../" in path or not os.path.isabs(path) or (upload_path and "../" in upload_path):
        return False
    if not os.path.isfile(path):
        return False
    from saltern_modules import _push

    agent = _agent.connected(__opts__, "cp.push")
    place = path if keep_symlinks else os.path.realpath(path)
    return _push.push(agent, path, upload_path or place, place if remove_source else "")


def push_dir(path: str, glob: str | None = None, upload_path: str | None = None) -> bool:
    """Send the files below the folder *path*, those whose names *glob* fits, to the master as ``push`` does.

    *upload_path* stands for *path* there. ``False`` when there are none, or one isn't taken. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.push_dir /etc/modprobe.d glob='*.conf'
    """
    import fnmatch

    if not isinstance(path, str) or "../" in path or not os.path.isabs(path):
        return False
    path = os.path.realpath(path)
    if os.path.isfile(path):
        return push(path, upload_path=upload_path)
    found = sorted(
        os.path.join(folder, name)
        for folder, _, names in os.walk(path)
        for name in names
        if glob is None or fnmatch.fnmatch(name, glob)
    )
    for one in found:
        inside = os.path.relpath(one, path)
        if not push(one, upload_path=os.path.join("/", upload_path.strip("/"), inside) if upload_path else None):
            return False
    return bool(found)


def send(upload: str, paths: list[str], rate: int = 0) -> dict[str, Any]:
    """Send files and folders of this host to the master, for minions to fetch: what ``saltern-cp minion:…`` calls.

    *rate*: bytes a second at most, 0 for no bound. Returns ``{'hsum', 'listing_size', 'size', 'skipped'}``: the digest
    of the listing, and bytes. Raises ``CommandError`` for what can't be read.

    CLI Example:

    .. code-block:: bash

        saltern-cp 'web*' minion:db1:/etc/app.conf /etc/app.conf        # has the minion db1 call cp.send
    """
    from saltern_modules import _push

    return _push.send(_agent.connected(__opts__, "cp.send"), upload, paths, rate)


def recv(
    files: Mapping[str, str] | None = None,
    dest: str = "",
    upload: str = "",
    hsum: str = "",
    listing_size: int = 0,
    names: list[str] | None = None,
) -> dict[str, bool] | Literal["Destination unavailable"]:
    """Fetch what ``saltern-cp`` sends to *dest*; return ``{path: True}`` for each file and folder that it was given.

    A file is verified before it is moved into place; one with this content already is left. *names*: what the files
    and folders may be called, where a minion sends them. Or with *files* write those texts, by name, to *dest*:
    ``"Destination unavailable"`` when no folder is there for it. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern-cp '*' app.conf conf.d /etc/app/        # has the minions call cp.recv
    """
    if files is not None:
        return _written(files, dest)
    from saltern_modules import _receive

    sent = _receive.Upload(_agent.connected(__opts__, "cp.recv"), upload)
    return _receive.receive(sent, sent.listing(listing_size, hsum), listing_size, dest, names)


def recv_chunked(
    dest: str, chunk: str | None, append: bool = False, compressed: bool = True, mode: int | None = None
) -> bool | str:
    """Write *chunk*, base64 of bytes that are gzipped when *compressed*, to the file *dest*, or at its end.

    ``None`` as chunk makes the folder *dest*. *mode* is set with the first chunk. Returns ``True``, or the error as
    text. Salt's own ``salt-cp`` sends so; ``saltern-cp`` doesn't.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.recv_chunked /tmp/hello aGVsbG8= compressed=False
    """
    dest = _file_client.absolute(dest, "cp.recv_chunked")
    try:
        if chunk is None:
            if os.path.isfile(dest):
                return "Path exists and is a file"
            make_folder(dest, _file_client.NEW_FOLDER_MODE)
            return True
        data = _unpacked(chunk, compressed)
        folder, name = os.path.split(dest)
        if not os.path.isdir(folder):
            make_folder(folder, _file_client.NEW_FOLDER_MODE)
        _append(folder, name, data, append, mode)
    except OSError as error:
        __context__["retcode"] = 1
        return f"[Errno {error.errno}] {error.strerror}: {dest!r}"
    return True


def _append(folder: str, name: str, data: bytes, append: bool, mode: int | None) -> None:
    at = open_folder(folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not hold us
    flags |= os.O_APPEND if append else os.O_TRUNC
    try:
        fd = os.open(name, flags, _file_client.NEW_FILE_MODE, dir_fd=at)
        try:
            while data:
                data = data[os.write(fd, data) :]
            if not append and mode is not None:
                os.fchmod(fd, mode & 0o7777)
        finally:
            os.close(fd)
    finally:
        os.close(at)


def _unpacked(chunk: str, compressed: bool) -> bytes:
    import base64
    import binascii
    import zlib

    try:
        data = base64.b64decode(chunk)
        if compressed:
            inflate = zlib.decompressobj(wbits=31)
            data = inflate.decompress(data, MAX_CHUNK_BYTES)
            if inflate.unconsumed_tail:
                raise CommandError(f"cp.recv_chunked: a chunk has at most {MAX_CHUNK_BYTES:,} bytes")
    except (binascii.Error, zlib.error, TypeError, ValueError) as error:
        raise CommandError(f"cp.recv_chunked: the chunk can't be unpacked: {error}") from None
    return data


def _written(files: Mapping[str, str], dest: str) -> dict[str, bool] | Literal["Destination unavailable"]:
    from saltern.files import write_atomic

    dest = _file_client.absolute(dest, "cp.recv")
    done: dict[str, bool] = {}
    for path, text in files.items():
        name = os.path.basename(path)
        if os.path.isdir(dest):
            final = os.path.join(dest, name)
        elif os.path.isdir(os.path.dirname(dest)):
            final = dest
        else:
            return "Destination unavailable"
        try:
            write_atomic(final, str(text).encode("utf-8", "surrogateescape"), _file_client.NEW_FILE_MODE)
            done[final] = True
        except OSError:
            done[final] = False
    return done
