"""Files and folders of this host: what is in a file.

This is the first part of ``file``; the others are the files ``file_….py``. Paths are absolute, or begin with ``~``.
What is written replaces the file at once and whole: a full disk or a kill leaves the old one. Owner, mode and
attributes of a file that is there stay; new ones get 0644. A link at the path is followed, but not a stranger's that
leads to what isn't his.
"""

from __future__ import annotations

import os
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules._file_errors import plainly

__virtualname__ = "file"

__powers__ = {
    "append": "indirect",
    "prepend": "indirect",
    "write": "indirect",
    "touch": "writes",
    "read": "indirect",
    "seek_read": "indirect",
    "seek_write": "indirect",
    "truncate": "writes",
}


MAX_READ_BYTES = 64 << 20
"""What is read is returned in one piece."""


def append(path: str, *args: Any, **kwargs: Any) -> str:
    """Add each of *args* as a line to the end of the file *path*, which must be there; return what was done.

    ``args=[…]`` takes a list of lines, or one, instead. A last line without an end is ended first. It is one write to
    the end of the file, so that lines of other writers stay whole.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.append /etc/motd "a line" "another line"
    """
    from saltern_modules import _file_content

    path = os.path.expanduser(path)
    lines = _lines(args, kwargs)
    with plainly():
        _file_content.append(path, "".join(f"{line}\n" for line in lines).encode())
    return f'Wrote {len(lines)} lines to "{path}"'


def prepend(path: str, *args: Any, **kwargs: Any) -> str:
    """Put each of *args* as a line before what is in the file *path*, made if it isn't there; return what was done.

    ``args=[…]`` takes a list of lines, or one, instead. What was in the file stays byte for byte.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.prepend /etc/motd "the first line"
    """
    from saltern_modules import _file_content

    path = os.path.expanduser(path)
    lines = _lines(args, kwargs)
    with plainly():
        _file_content.put(path, "".join(f"{line}\n" for line in lines).encode() + _file_content.content_of(path))
    return f'Prepended {len(lines)} lines to "{path}"'


def write(path: str, *args: Any, **kwargs: Any) -> str:
    """Have the file *path*, made if it isn't there, hold *args* as its lines and nothing else; return what was done.

    ``args=[…]`` takes a list of lines, or one, instead.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.write /etc/motd "all there is to say"
    """
    from saltern_modules import _file_content

    path = os.path.expanduser(path)
    lines = _lines(args, kwargs)
    with plainly():
        _file_content.put(path, "".join(f"{line}\n" for line in lines).encode())
    return f'Wrote {len(lines)} lines to "{path}"'


def _lines(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Return the lines that are meant: those of the keyword ``args`` come before those in order."""
    if "args" not in kwargs:
        return list(args)
    given = kwargs["args"]
    return given if isinstance(given, list) else [given]


def touch(name: str, atime: int | str | None = None, mtime: int | str | None = None) -> bool:
    """Make the file *name* if there is nothing, and set its times, in seconds since 1970: now by default.

    Raises ``ArgumentError`` for times that are no numbers, ``CommandError`` when it can't be made.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.touch /var/log/emptyfile
    """
    from saltern_modules import _file_content

    name = os.path.expanduser(name)
    try:
        _file_content.touch(name, _seconds(atime), _seconds(mtime))
    except TypeError:
        raise ArgumentError("atime and mtime must be integers") from None
    except OSError as error:
        raise CommandError(error.strerror) from None
    return os.path.exists(name)


def _seconds(given: Any) -> Any:
    return int(given) if given and str(given).isdigit() else given


def read(path: str, binary: bool = False) -> str | bytes:
    """Return what is in the file *path* as text, its line ends as they are; with *binary* as bytes; up to 64 MiB.

    Raises ``OSError``, ``UnicodeDecodeError`` for what is no UTF-8.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.read /etc/hostname
    """
    with plainly():
        with open(path, "rb") as stream:
            data = stream.read(MAX_READ_BYTES + 1)
        if len(data) > MAX_READ_BYTES:
            raise CommandError(f"{path} has over {MAX_READ_BYTES:,} bytes: file.seek_read reads a part of it")
        return data if binary is True else data.decode()


def seek_read(path: str, size: int, offset: int) -> bytes:
    """Return up to *size* bytes of the file *path* from the byte *offset* on. Raises ``OSError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.seek_read /var/log/syslog 4096 0
    """
    with plainly():
        fd = os.open(os.path.expanduser(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.lseek(fd, int(offset), os.SEEK_SET)
            return os.read(fd, min(int(size), MAX_READ_BYTES))
        finally:
            os.close(fd)


def seek_write(path: str, data: str | bytes, offset: int) -> int:
    """Write *data* into the file *path* from the byte *offset* on, over what is there; return how many bytes.

    Text is written as UTF-8. Raises ``OSError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.seek_write /var/lib/app/state 'some data' 4096
    """
    from saltern_modules import _file_content

    packed = data if isinstance(data, bytes) else str(data).encode()
    with plainly():
        return _file_content.put_at(os.path.expanduser(path), packed, int(offset))


def truncate(path: str, length: int) -> None:
    """Cut the file *path* to *length* bytes, or lengthen it with zeros. Raises ``OSError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.truncate /var/log/app.log 512
    """
    from saltern_modules import _file_content

    with plainly():
        _file_content.cut(os.path.expanduser(path), int(length))
