"""The kernel's parameters as files below ``/proc/sys``, by the names that sysctl(8) gives them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from saltern_modules._lines import ended

MAX_VALUE_BYTES = 1 << 16
HIDDEN = frozenset({"base_reachable_time", "retrans_time", "stat_refresh"})
"""Old names, and one that isn't read for its value: sysctl(8) leaves them out of all too."""

_TURNED = str.maketrans("./", "/.")


def path_of(name: str) -> str:
    """Return the path below ``/proc/sys`` of the parameter *name*, ``""`` when it can be none.

    Its parts have dots between, then a slash in a part stands for a dot; or slashes, when the first mark is one.
    """
    mark = next((character for character in name if character in "./"), ".")
    path = name.translate(_TURNED) if mark == "." else name
    parts = path.split("/")
    return "" if any(part in ("", ".", "..") or "\0" in part for part in parts) else path


def name_of(path: str) -> str:
    """Return the name of the parameter at *path* below ``/proc/sys``."""
    return path.translate(_TURNED)


def parameters(root: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the value of each parameter below *root* that can be read."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(set(files) - HIDDEN):
            path = os.path.join(folder, name)
            try:
                if os.stat(path).st_mode & 0o444:
                    yield name_of(os.path.relpath(path, root)), read(path)
            except OSError:
                continue


def read(path: str) -> str:
    """Return the value in the file *path*, the end of its line cut. Raises ``OSError``."""
    with open(path, "rb") as file:
        return file.read(MAX_VALUE_BYTES).decode("utf-8", "replace").rstrip("\n")


def write(path: str, value: str) -> None:
    """Write *value* to the file *path* at once, as the kernel wants it. Raises ``OSError``."""
    data = f"{value}\n".encode()
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if os.write(fd, data) != len(data):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    finally:
        os.close(fd)


def complaint(error: OSError, name: str, path: str, doing: str) -> str:
    """Return what sysctl(8) says when *doing* (``reading``, ``setting``) the parameter *name* at *path* fails so."""
    why = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"sysctl: cannot stat /proc/sys/{path}: {os.strerror(errno.ENOENT)}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"sysctl: permission denied on key '{name}'"
    ignored = ", ignoring" if error.errno == errno.EROFS else ""
    return f'sysctl: {doing} key "{name}"{ignored}: {why}'


def parse_config(text: str) -> dict[str, str]:
    """Return the ``name = value`` lines of a file of sysctl.conf(5)."""
    found = {}
    for line in map(str.strip, text.split("\n")):
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name.rstrip()] = value.lstrip()
    return found


def with_value(text: str, name: str, value: str) -> str:
    """Return *text*, a file of sysctl.conf(5), with *value* on every line of *name*, or on a new one at its end."""
    new = f"{name} = {value}\n"
    lines = ended(text)
    edited = [new if is_of(line, name) else line for line in lines]
    if edited == lines and not any(is_of(line, name) for line in lines):
        if edited and not edited[-1].endswith("\n"):
            edited[-1] += "\n"
        edited.append(new)
    return "".join(edited)


def is_of(line: str, name: str) -> bool:
    """Return whether *line* gives the parameter *name* a value."""
    key, equals, _ = line.partition("=")
    return bool(equals) and key.strip() == name
