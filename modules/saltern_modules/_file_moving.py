"""Removing, copying and linking for ``file``. All raise ``OSError``.

What is removed is looked up in the folder that was opened first (``saltern.files.open_folder``): in a folder of
somebody else's, a name may lead elsewhere a moment later.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from typing import Any

from saltern.files import open_file, open_folder
from saltern_modules._rewriting import NEW_MODE, copy_whole, mode_of, new_file, place_of, rewrite

FOLDER_MODE = 0o755
DAY_S = 86_400


def remove(path: str) -> bool:
    """Remove what is at *path*, a link itself; return whether anything was there. Never ``/``, however written."""
    folder, name = os.path.split(path.rstrip("/") or "/")
    if name in ("", ".", ".."):
        folder, name = os.path.split(os.path.realpath(path))
        if not name:
            raise OSError(errno.EPERM, "it is the root folder", path)
    try:
        at = open_folder(folder or "/")
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        try:
            status = os.stat(name or ".", dir_fd=at, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(status.st_mode):
            import shutil  # which brings the compressors along

            shutil.rmtree(name, dir_fd=at)
        else:
            os.unlink(name, dir_fd=at)
        return True
    except OSError as error:
        error.filename = os.path.join(folder, error.filename) if isinstance(error.filename, str) else path
        raise
    finally:
        os.close(at)


def remove_empty(path: str, recurse: bool, older_than: Any) -> dict[str, Any]:
    """Remove the empty folder *path*, with *recurse* those below it first; return what was done."""
    deleted: list[str] = []
    errors: list[list[str]] = []
    before = None
    if older_than:
        try:
            before = time.time() - int(older_than) * DAY_S
        except (TypeError, ValueError):
            before = None  # no number: as if none was given

    def attempt(folder: str) -> bool:
        try:
            if before is not None and os.path.getmtime(folder) >= before:
                return False
            os.rmdir(folder)
            deleted.append(folder)
            return True
        except OSError as error:
            errors.append([folder, str(error)])
            return False

    if recurse:
        for top, folders, _ in os.walk(path, topdown=False):
            for name in folders:
                attempt(os.path.join(top, name))
    below_well = not errors
    known = len(errors)
    gone = attempt(path)
    result = below_well and (gone or (recurse and len(errors) == known))
    return {"deleted": deleted, "errors": errors, "result": result}


def copy_file(src: str, dst: str, *, whole: bool = False, mode: int = NEW_MODE) -> None:
    """Have *dst* hold what the file *src* holds; a file there keeps its mode, a new one gets *mode*.

    With *whole* it gets mode, owner, times and attributes of *src*.
    """
    source = open_file(src)
    try:
        if os.path.exists(dst) and os.path.samestat(os.fstat(source), os.stat(dst)):
            raise OSError(errno.EINVAL, f"{src!r} and {dst!r} are the same file", src)
        if not whole:
            rewrite(dst, source, mode=mode)
            return
        with place_of(dst) as place, new_file(place._replace(status=None), mode_of(source)) as copy:
            copy_whole(source, copy)
    finally:
        os.close(source)


def copy_into(src: str, dst: str) -> None:
    """Copy the files below the folder *src* to the same places below *dst*; folders that are there stay."""
    for top, _, names in os.walk(src):
        folder = os.path.normpath(os.path.join(dst, os.path.relpath(top, src)))
        if not os.path.isdir(folder):
            _make_folders(folder)
        for name in names:
            copy_file(os.path.join(top, name), os.path.join(folder, name))


def _make_folders(folder: str) -> None:
    from saltern.files import make_folder

    make_folder(folder, FOLDER_MODE)


def exchange_folder(src: str, dst: str) -> None:
    """Have *dst* be a copy of the folder *src* with all modes and times; what was there goes when it is whole."""
    import shutil

    beside = f"{dst.rstrip('/')}.saltern-{os.urandom(4).hex()}"
    try:
        shutil.copytree(src, beside, copy_function=_copied)
        remove(dst)
        os.rename(beside, dst)
    except BaseException:
        if os.path.lexists(dst):
            with contextlib.suppress(OSError):
                remove(beside)
        raise


def _copied(src: str, dst: str) -> None:
    """Copy a file as ``shutil.copy2`` does, through no stranger's link."""
    import shutil

    source = open_file(src)
    try:
        shutil.copy2(f"/proc/self/fd/{source}", dst)
    finally:
        os.close(source)


def move(src: str, dst: str) -> None:
    """Rename *src* to *dst*, into it if it is a folder; to another file system by a copy that is whole at once."""
    import shutil

    def whole(one: str, other: str, *, follow_symlinks: bool = True) -> str:
        if not follow_symlinks and os.path.islink(one):
            os.symlink(os.readlink(one), other)
        else:
            copy_file(one, other, whole=True)
        return other

    target = os.path.join(dst, os.path.basename(src.rstrip("/"))) if os.path.isdir(dst) else dst
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), _folder_of(target):
        if target == dst or not os.path.lexists(target):
            with contextlib.suppress(OSError):  # another file system; or it is said below what is wrong
                rename(src, target)
                return
    shutil.move(src, dst, copy_function=whole)


@contextlib.contextmanager
def _folder_of(path: str) -> Iterator[tuple[int, str]]:
    """Yield the open folder that *path* is in, and the name in it."""
    folder, name = os.path.split(path.rstrip("/") or "/")
    at = open_folder(folder or ".")
    try:
        yield at, name or "."
    finally:
        os.close(at)


def rename(src: str, dst: str) -> None:
    """Rename *src* to *dst*."""
    with _folder_of(src) as (from_at, from_name), _folder_of(dst) as (to_at, to_name):
        os.rename(from_name, to_name, src_dir_fd=from_at, dst_dir_fd=to_at)


def link(src: str, path: str) -> None:
    """Give the file *src*, a link itself, the further name *path*."""
    try:
        with _folder_of(src) as (from_at, from_name), _folder_of(path) as (to_at, to_name):
            os.link(from_name, to_name, src_dir_fd=from_at, dst_dir_fd=to_at, follow_symlinks=False)
    except OSError as error:
        error.filename, error.filename2 = src, path
        raise


def link_to(src: str, path: str, *, replacing: bool) -> None:
    """Make *path* a link to *src*; with *replacing* what is there gives way at once."""
    with _folder_of(path) as (at, name):
        if not replacing:
            os.symlink(src, name, dir_fd=at)
            return
        beside = f".saltern-{os.urandom(8).hex()}.tmp"
        os.symlink(src, beside, dir_fd=at)
        try:
            os.replace(beside, name, src_dir_fd=at, dst_dir_fd=at)
        except OSError:
            os.unlink(beside, dir_fd=at)
            raise
