"""``salt.utils.files``: files that are opened, written and removed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

TEMPFILE_PREFIX = "__salt.tmp."
LOCAL_PROTOS = ("", "file")
REMOTE_PROTOS = ("http", "https", "ftp", "swift", "s3")
VALID_PROTOS = ("salt", "file", *REMOTE_PROTOS)
HASHES = {"sha512": 128, "sha384": 96, "sha256": 64, "sha224": 56, "sha1": 40, "md5": 32}
HASHES_REVMAP = {length: name for name, length in HASHES.items()}


def fopen(path: Any, mode: str = "r", *args: Any, **kwargs: Any) -> IO[Any]:
    """Open a file; text is UTF-8. Raises ``TypeError`` for a number: it would be a descriptor."""
    if isinstance(path, int):  # 0, 1 and 2 are who started this
        raise TypeError(f"{path!r} is not a valid file to open")
    if "b" not in mode and not args:
        kwargs.setdefault("encoding", "utf-8")
    kwargs.pop("binary", None)
    stream: IO[Any] = open(path, mode, *args, **kwargs)  # noqa: SIM115  # the caller closes it
    return stream


@contextmanager
def flopen(path: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Iterator[IO[Any]]:
    """Open a file and hold its lock until it is closed."""
    with fopen(path, mode, *args, **kwargs) as stream:
        fcntl.flock(stream.fileno(), fcntl.LOCK_SH if mode.startswith("r") and "+" not in mode else fcntl.LOCK_EX)
        try:
            yield stream
        finally:
            fcntl.flock(stream.fileno(), fcntl.LOCK_UN)


@contextmanager
def fpopen(path: Any, *args: Any, **kwargs: Any) -> Iterator[IO[Any]]:
    """Open a file with the owner *uid*, the group *gid* and the *mode* (a number) that it is to have."""
    uid, gid, mode = kwargs.pop("uid", -1), kwargs.pop("gid", -1), kwargs.pop("mode", None)
    if isinstance(mode, str):
        args, mode = (mode, *args), None
    with fopen(path, *args, **kwargs) as stream:
        if uid > -1 or gid > -1:
            os.fchown(stream.fileno(), uid, gid)
        if mode is not None and stat.S_IMODE(os.fstat(stream.fileno()).st_mode) != mode:
            os.fchmod(stream.fileno(), mode)
        yield stream


def mkstemp(*args: Any, **kwargs: Any) -> Any:
    """Return the path of a new file, closed unless *close_fd* is false: then its descriptor, too."""
    import tempfile

    kwargs.setdefault("prefix", TEMPFILE_PREFIX)
    close_fd = kwargs.pop("close_fd", True)
    descriptor, path = tempfile.mkstemp(*args, **kwargs)
    if close_fd is False:
        return descriptor, path
    os.close(descriptor)
    return path


def safe_rm(tgt: str) -> None:
    """Remove the file *tgt*, if it is there and can be removed."""
    with contextlib.suppress(OSError):
        os.remove(tgt)


def rm_rf(path: str) -> None:
    """Remove what is at *path*, a folder with all in it. Raises ``OSError``."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)


def remove(path: str) -> None:
    """Remove the file at *path*, if it is there. Raises ``OSError``."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)


@contextmanager
def set_umask(mask: int | None) -> Iterator[None]:
    """Set the mask of new files' modes while the block runs."""
    before = os.umask(mask) if mask is not None else None
    try:
        yield
    finally:
        if before is not None:
            os.umask(before)


def get_umask() -> int:
    """Return the mask of new files' modes."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def copyfile(source: str, dest: str, backup_mode: str = "", cachedir: str = "") -> None:
    """Put the file *source* in the place of *dest*, whole or not at all; *dest* keeps its mode and owner.

    Raises ``OSError``.
    """
    if not os.path.isfile(source):
        raise OSError(f"[Errno 2] No such file or directory: {source}")
    if not os.path.isdir(os.path.dirname(dest)):
        raise OSError(f"[Errno 2] No such file or directory: {dest}")
    if backup_mode in ("master", "minion", "both") and os.path.exists(dest) and cachedir:
        backup_minion(dest, os.path.join(cachedir, "file_backup"))
    made = str(mkstemp(prefix=f"{TEMPFILE_PREFIX}{os.path.basename(dest)}", dir=os.path.dirname(dest)))
    try:
        shutil.copyfile(source, made)
        if os.path.isfile(dest):
            known = os.stat(dest)
            os.chown(made, known.st_uid, known.st_gid)
            os.chmod(made, stat.S_IMODE(known.st_mode))
        else:
            os.chmod(made, 0o666 & ~get_umask())
        os.replace(made, dest)
    except BaseException:
        safe_rm(made)
        raise


def recursive_copy(source: str, dest: str) -> None:
    """Copy the folder *source* to *dest*, over what is there."""
    shutil.copytree(source, dest, symlinks=True, dirs_exist_ok=True)


def rename(src: str, dst: str) -> None:
    """Give *src* the path *dst*, over what is there."""
    os.replace(src, dst)


def backup_minion(path: str, bkroot: str) -> None:
    """Keep a copy of *path* below the folder *bkroot*, with the time in its name."""
    import time

    folder, name = os.path.split(path)
    kept = os.path.join(bkroot, folder.lstrip("/"), f"{name}_{time.strftime('%a_%b_%d_%H:%M:%S_%f_%Y')}")
    os.makedirs(os.path.dirname(kept), exist_ok=True)
    shutil.copyfile(path, kept)
    known = os.stat(path)
    os.chown(kept, known.st_uid, known.st_gid)
    os.chmod(kept, stat.S_IMODE(known.st_mode))


def process_read_exception(exc: OSError, path: str, ignore: Any = None) -> None:
    """Raise ``CommandExecutionError`` that says why *path* can't be read, unless its number is in *ignore*."""
    from saltern.errors import CommandError

    if exc.errno in (ignore if isinstance(ignore, (list, tuple)) else [ignore]):
        return
    if exc.errno == errno.ENOENT:
        raise CommandError(f"{path} does not exist")
    if exc.errno == errno.EACCES:
        raise CommandError(f"Permission denied reading from {path}")
    raise CommandError(f"Error {exc.errno} encountered reading from {path}: {exc.strerror}")


@contextmanager
def wait_lock(
    path: str, lock_fn: str | None = None, timeout: float = 5, sleep: float = 0.1, time_start: float | None = None
) -> Iterator[None]:
    """Hold the lock file of *path* while the block runs. Raises ``FileLockError`` when it isn't free in *timeout* s."""
    import time

    from saltern_compat import exceptions

    lock = lock_fn or os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.w")
    deadline = time.monotonic() + timeout
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            break
        except FileExistsError:
            if time.monotonic() > deadline:
                kind: type[Exception] = vars(exceptions)["FileLockError"]
                raise kind(f"Unable to acquire write lock on {path}: it is held for over {timeout} s") from None
            time.sleep(sleep)
    try:
        yield
    finally:
        safe_rm(lock)


def safe_walk(
    top: str,
    topdown: bool = True,
    onerror: Callable[[OSError], object] | None = None,
    followlinks: bool = True,
    _seen: set[str] | None = None,
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield as ``os.walk`` does; a folder that links come back to is gone through once."""
    seen: set[str] = set() if _seen is None else _seen
    for folder, folders, files in os.walk(top, topdown, onerror, followlinks):
        real = os.path.realpath(folder)
        if real in seen:
            folders[:] = []
            continue
        seen.add(real)
        yield folder, folders, files


def is_empty(filename: str) -> bool:
    """Return whether the file has no bytes; ``False`` when it can't be read."""
    try:
        return os.stat(filename).st_size == 0
    except OSError:
        return False


def is_fcntl_available(check_sunos: bool = False) -> bool:
    """Return whether files can be locked."""
    return True


def is_text(fp_: Any, blocksize: int = 512) -> bool:
    """Return whether the first bytes of a file, by its path or open, look like text."""
    if isinstance(fp_, (str, os.PathLike)):
        try:
            with open(fp_, "rb") as stream:
                block = stream.read(blocksize)
        except OSError:
            return False
    else:
        block = fp_.read(blocksize)
        block = block.encode() if isinstance(block, str) else block
    if b"\x00" in block:
        return False
    try:
        block.decode("utf-8")
        return True
    except UnicodeDecodeError:
        odd = block.translate(None, bytes(range(32, 127)) + b"\n\r\t\f\b")
        return len(odd) / len(block) <= 0.30


def is_binary(path: str) -> bool:
    """Return whether the file at *path* holds something else than text; ``False`` when it can't be read."""
    return os.path.isfile(path) and os.access(path, os.R_OK) and not is_text(path)


def list_files(directory: str) -> list[str]:
    """Return all files and folders below *directory*, and itself."""
    found = {directory}
    for folder, folders, files in safe_walk(directory):
        found.update(os.path.join(folder, name) for name in (*folders, *files))
    return list(found)


def st_mode_to_octal(mode: int) -> str:
    """Return the permissions of *mode* as ``0644``; an empty text for what is no mode."""
    try:
        return "".join(oct(mode)[-4:].rpartition("o")[::2]).rjust(4, "0")
    except (TypeError, IndexError):
        return ""


def normalize_mode(mode: Any) -> Any:
    """Return a *mode* as it is compared: ``0644`` for ``'0o644'`` or 644; ``None`` stays."""
    return None if mode is None else str(mode).replace("0o", "0").strip("\"'").lstrip("0").zfill(4)


def human_size_to_bytes(human_size: str) -> int:
    """Return what ``10M`` is in bytes; 0 for what is no size."""
    import re

    found = re.fullmatch(r"(\d+)([KMGTPEZY])?i?B?", str(human_size).strip(), re.IGNORECASE)
    return int(found[1]) * 1024 ** (" KMGTPEZY".index((found[2] or " ").upper())) if found else 0


def guess_archive_type(name: str) -> str | None:
    """Return ``tar``, ``zip`` or ``rar`` by the end of *name*, else ``None``."""
    low = name.lower()
    for ending in ("tar", "tar.gz", "tgz", "tar.bz2", "tbz2", "tbz", "tar.xz", "txz", "tar.lzma", "tlz"):
        if low.endswith(f".{ending}"):
            return "tar"
    return next((kind for kind in ("zip", "rar") if low.endswith(f".{kind}")), None)


def case_insensitive_filesystem(path: str | None = None) -> bool:
    """Return whether names that differ by case alone are one file."""
    return False


def safe_filename_leaf(file_basename: str) -> str:
    """Return *file_basename* with what some systems allow in no name as ``%xx``."""
    import re
    from urllib.parse import quote

    return re.sub(r'[\\:/*?"<>|]', lambda sign: quote(sign[0], safe=""), file_basename)


def safe_filepath(file_path_name: str, dir_sep: str | None = None) -> str:
    """Return *file_path_name* with each of its names as ``safe_filename_leaf`` has it."""
    sep = dir_sep or os.sep
    return sep.join(safe_filename_leaf(name) for name in file_path_name.split(sep))
