"""Filters of paths, files and users of the host that renders."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping
from typing import Any

MAX_LISTED = 100_000
TEXT_BYTES = bytes({7, 8, 9, 10, 12, 13, 27} | set(range(0x20, 0x100)))


def path_join(*parts: Any, use_posixpath: bool = False) -> str:
    """Return *parts* joined, none of them taken for absolute but the first, and normalised."""
    if not parts:
        return ""
    root, *others = (posixpath.normpath(part.decode() if isinstance(part, bytes) else part) for part in parts)
    return posixpath.normpath(posixpath.join(root, *(part.lstrip("/") for part in others)))


def which(exe: str | None = None) -> str | None:
    """Return where the program is, in ``PATH`` or the usual folders, or None."""
    import shutil

    if not exe:
        return None
    usual = ("/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")
    return shutil.which(exe, path=os.pathsep.join((os.environ.get("PATH", ""), *usual)))


def is_empty(filename: str) -> bool:
    """Return whether the file is there and holds nothing."""
    try:
        return os.stat(filename).st_size == 0
    except OSError:
        return False


def _is_binary(block: bytes) -> bool:
    if not block:
        return False
    if b"\0" in block:
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return len(block.translate(None, TEXT_BYTES)) / len(block) > 0.30
    return False


def is_text_file(path: str, blocksize: int = 512) -> bool:
    """Return whether the file begins as a text does."""
    try:
        with open(path, "rb") as file:
            return not _is_binary(file.read(blocksize))
    except OSError:
        return False


def is_bin_file(path: str) -> bool:
    """Return whether the file begins as no text does."""
    return os.path.isfile(path) and not is_text_file(path, 2048)


def list_files(directory: str) -> list[str]:
    """Return the folder and all that is below it, at most 100,000 paths; links to folders are not followed."""
    found = [directory]
    for top, folders, files in os.walk(directory):
        found.extend(os.path.join(top, name) for name in [*files, *folders])
        if len(found) > MAX_LISTED:
            raise ValueError(f"list_files: there are more than {MAX_LISTED} files in {directory}")
    return found


def get_uid(user: str | None = None) -> int | None:
    """Return the user's number, the one that runs this by default; None when there is no such user."""
    import pwd

    if user is None:
        return os.geteuid()
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


FILTERS: Mapping[str, Callable[..., Any]] = {
    "path_join": path_join,
    "which": which,
    "is_empty": is_empty,
    "is_text_file": is_text_file,
    "is_bin_file": is_bin_file,
    "list_files": list_files,
    "get_uid": get_uid,
}
