"""Archives without programs: what is in them, and zip files written and unpacked safely."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO

from saltern.errors import CommandError
from saltern.files import open_file, replacement
from saltern.named import NamedTuple

MAX_MEMBERS = 1_000_000
CHUNK_BYTES = 1 << 16
NEW_FILE_MODE = 0o644
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz", ".tar.lzma", ".tlz")

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Members(NamedTuple):
    """The members of an archive by kind; names of folders end in ``/``."""

    dirs: list[str]
    files: list[str]
    links: list[str]


def kind_of(name: str) -> str | None:
    """Return which format a file's name is of: tar, zip or rar; None when it can't be told."""
    lower = name.lower()
    if lower.endswith(TAR_ENDINGS):
        return "tar"
    return next((kind for kind in ("zip", "rar") if lower.endswith(f".{kind}")), None)


def tar_members(path: str) -> Members:
    """Return what is in a tar file, compressed or not. Raises ``tarfile.ReadError``."""
    found = Members([], [], [])
    with tarfile.open(path) as archive:
        for count, member in enumerate(archive):
            if count >= MAX_MEMBERS:
                raise CommandError(f"{path} has more than {MAX_MEMBERS} members")
            if member.issym():
                found.links.append(member.name)
            elif member.isdir():
                found.dirs.append(member.name + "/")
            else:
                found.files.append(member.name)
    return found


def zip_members(path: str) -> Members:
    """Return what is in a zip file. Raises ``zipfile.BadZipFile``."""
    dirs: set[str] = set()
    files: list[str] = []
    links: list[str] = []
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            mode = member.external_attr >> 16
            if stat.S_ISLNK(mode):
                links.append(member.filename)
            elif stat.S_ISDIR(mode):
                dirs.add(member.filename)
            else:
                files.append(member.filename)
    for name in list(files):
        folder = "".join(name.rpartition("/")[:2])
        if folder:
            dirs.add(folder)
            if folder in files:
                files.remove(folder)
    return Members(list(dirs), files, links)


def zipped(path: str, sources: Iterable[str], cwd: str | None, zip64: bool) -> list[str]:
    """Write the zip file *path* of files and folders, by names below *cwd* or ``/``; return the names in it."""
    names: list[str] = []
    below = cwd or "/"
    with (
        replacement(path, NEW_FILE_MODE, keep_mode=True) as stream,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, zip64) as archive,
    ):
        for source in sources:
            place = os.path.join(cwd, source) if cwd else source
            if not os.path.exists(place):
                continue
            root = below if not cwd or place.startswith(cwd) else "/"
            if not os.path.isdir(place):
                name = os.path.relpath(place, root)
                names.append(name)
                _add(archive, place, name)
                continue
            for top, _, files in os.walk(place):
                folder = os.path.relpath(top, root)
                names.append(folder + "/")
                archive.write(top, folder)
                for file in files:
                    name = os.path.join(folder, file)
                    names.append(name)
                    _add(archive, os.path.join(top, file), name)
    return names


def _add(archive: zipfile.ZipFile, path: str, name: str) -> None:
    """Put the file *path* into *archive*, through no link of another user's to what isn't his. Raises ``OSError``."""
    source = open_file(path)
    with os.fdopen(source, "rb") as stream:
        info = zipfile.ZipInfo.from_file(f"/proc/self/fd/{source}", name)
        info.compress_type = archive.compression
        with archive.open(info, "w") as member:
            shutil.copyfileobj(stream, member, CHUNK_BYTES)


def unzipped(path: str, dest: str, excludes: Iterable[str], password: bytes | None, extract_perms: bool) -> list[str]:
    """Unpack a zip file into *dest*, but for *excludes*; return the names. Nothing is written outside *dest*.

    Names are taken as below *dest*, without ``..``; a link in the archive is made, and never followed. Raises
    ``CommandError`` when it needs more space than there is, and what ``zipfile`` raises.
    """
    left_out = set(excludes)
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if member.filename not in left_out]
        os.makedirs(dest, exist_ok=True)
        wanted, free = sum(member.file_size for member in members), shutil.disk_usage(dest).free
        if wanted > free:
            raise CommandError(f"it needs {wanted} bytes, and {free} are free")
        at = os.open(dest, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            modes = [_unpack(archive, member, at, password, extract_perms) for member in members]
            for parts, mode in reversed([one for one in modes if one]):  # a folder may forbid to write into it
                with _folder(at, parts[:-1]) as folder:
                    os.chmod(parts[-1], mode, dir_fd=folder)
        finally:
            os.close(at)
    return [member.filename for member in members]


def _unpack(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, at: int, password: bytes | None, extract_perms: bool
) -> tuple[list[str], int] | None:
    """Unpack one member below the folder *at*; return which mode a folder must get in the end."""
    parts = [part for part in member.filename.split("/") if part not in ("", ".", "..")]
    mode = member.external_attr >> 16
    if not parts:
        return None
    if stat.S_ISLNK(mode):
        with _folder(at, parts[:-1]) as folder:
            os.symlink(archive.read(member, password).decode(), parts[-1], dir_fd=folder)
        return None
    if member.is_dir():
        with _folder(at, parts):
            pass
        return (parts, stat.S_IMODE(mode)) if extract_perms and mode else None
    with _folder(at, parts[:-1]) as folder, archive.open(member, pwd=password) as source:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(parts[-1], dir_fd=folder)  # a link there is replaced, not followed
        with open(os.open(parts[-1], _NEW, 0o666, dir_fd=folder), "wb") as target:
            _copy(source, target, member.file_size)
            if extract_perms and mode:
                os.fchmod(target.fileno(), stat.S_IMODE(mode) & 0o777)
    return None


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> None:
    """Copy, not more than the archive says: a bomb says less than it is."""
    written = 0
    while chunk := source.read(CHUNK_BYTES):
        written += len(chunk)
        if written > size:
            raise zipfile.BadZipFile("a member is larger than it says")
        target.write(chunk)


@contextlib.contextmanager
def _folder(at: int, parts: Iterable[str]) -> Iterator[int]:
    """Yield a descriptor of a folder below *at*, made where it is missing; no link is followed. Raises ``OSError``."""
    current = os.dup(at)
    try:
        for part in parts:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o777, dir_fd=current)
            below = os.open(part, _FOLDER, dir_fd=current)
            os.close(current)
            current = below
        yield current
    finally:
        os.close(current)
