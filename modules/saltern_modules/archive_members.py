"""What is in archives, and zip files without programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules._sources import expanded, listed, trimmed

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]
__pillar__: Mapping[str, Any]
__opts__: Mapping[str, Any]

__virtualname__ = "archive"

__func_alias__ = {"zip_": "zip", "list_": "list"}

__powers__ = {
    "list": "indirect",  # clean removes what was fetched
    "is_encrypted": "indirect",
    "zip": "indirect",
    "unzip": "indirect",
}


def list_(
    name: str,
    archive_format: str | None = None,
    options: str | None = None,
    strip_components: Any = None,
    clean: bool = False,
    verbose: bool = False,
    saltenv: str = "base",
    source_hash: str | None = None,
    use_etag: bool = False,
) -> Any:
    """Return the names in an archive, sorted; folders end in ``/``.

    *name*: a path, ``salt://…`` or a URL. *archive_format*: tar, zip or rar, by the name when it isn't given.
    *strip_components*: leave out so many of the first folders. *clean*: remove what was fetched. *verbose*: return
    ``{'dirs', 'files', 'links', 'top_level_dirs', 'top_level_files', 'top_level_links'}``. *options*, of a program that
    decompresses, isn't here. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' archive.list /path/to/myfile.tar.gz
        saltern '*' archive.list salt://foo.tar.gz
    """
    from saltern_modules import _archives

    path, fetched = _fetched(name, saltenv, source_hash, use_etag)
    strip = _strip(strip_components)
    kind = archive_format or _archives.kind_of(name)
    if kind is None:
        raise CommandError("Unable to guess archive format, please pass an 'archive_format' argument.")
    if kind not in ("tar", "zip", "rar"):
        raise CommandError(f"Unsupported archive format '{kind}'")
    found = _rar_members(path) if kind == "rar" else _members(name, path, kind)
    if clean and fetched:
        os.unlink(path)
    if strip:
        found = _archives.Members(*(_stripped(names, strip) for names in found))
    if not verbose:
        return sorted([*found.dirs, *found.files, *found.links])
    dirs, files, links = (sorted(names) for names in found)
    top = [one for one in dirs if one.count("/") == 1]
    common = os.path.commonprefix([*dirs, *files, *links])  # noqa: RUF071 - only its first folder counts
    if "/" in common and (first := common.split("/")[0] + "/") not in top:
        top.append(first)
    return {
        "dirs": dirs,
        "files": files,
        "links": links,
        "top_level_dirs": top,
        "top_level_files": [one for one in files if "/" not in one],
        "top_level_links": [one for one in links if "/" not in one],
    }


def is_encrypted(
    name: str, clean: bool = False, saltenv: str = "base", source_hash: str | None = None, use_etag: bool = False
) -> bool:
    """Return whether a zip file, a path, ``salt://…`` or a URL, needs a password. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' archive.is_encrypted /path/to/myfile.zip
    """
    import zipfile

    path, fetched = _fetched(name, saltenv, source_hash, use_etag)
    try:
        with zipfile.ZipFile(path) as archive:
            found = any(member.flag_bits & 1 for member in archive.infolist())
    except zipfile.BadZipFile:
        raise CommandError(f"{name} is not a ZIP file") from None
    except OSError as error:
        raise CommandError(str(error)) from None
    if clean and fetched:
        os.unlink(path)
    return found


def zip_(
    zip_file: str,
    sources: str | Sequence[str],
    template: str | None = None,
    cwd: str | None = None,
    runas: str | None = None,
    zip64: bool = False,
) -> list[str]:
    """Put files and folders into a zip file; return the names in it.

    *sources*: a list, or a text with commas, with globs; paths are absolute, or below *cwd*. *runas* isn't here:
    ``archive.cmd_zip`` has it. Raises ``ArgumentError``, ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' archive.zip /tmp/zipfile.zip /tmp/sourcefile1,/tmp/sourcefile2
    """
    from saltern_modules import _archives

    _not_as("zip", runas)
    wanted = expanded(_rendered(sources, template))
    if not cwd and not all(map(os.path.isabs, wanted)):
        raise ArgumentError("Relative paths require the 'cwd' parameter")
    if cwd and not (isinstance(cwd, str) and os.path.isabs(cwd)):
        raise ArgumentError("cwd must be absolute")
    try:
        return _archives.zipped(_rendered(zip_file, template), wanted, cwd, bool(zip64))
    except (OSError, ValueError, RuntimeError) as error:  # LargeZipFile is an Exception of its own
        raise CommandError(f"Exception encountered creating zipfile: {error}") from None


def unzip(
    zip_file: str,
    dest: str,
    excludes: Any = None,
    options: str | None = None,
    template: str | None = None,
    runas: str | None = None,
    trim_output: bool | int = False,
    password: Any = None,
    extract_perms: bool = True,
) -> list[str]:
    """Unpack a zip file into *dest*; return the names, the first ones with *trim_output*.

    Nothing is written outside *dest*: ``..`` and absolute names are taken as below it, links are made but not followed.
    *excludes*: names to leave out. *extract_perms*: files get their permissions, without set-id bits. *options* are
    ``archive.cmd_unzip``'s; so is *runas*, which isn't here. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' archive.unzip /tmp/zipfile.zip /home/strongbad/ excludes=file_1,file_2
    """
    import zipfile
    import zlib

    from saltern_modules import _archives

    _not_as("unzip", runas)
    secret = None if not password else str(password).encode()
    path, into = _rendered(zip_file, template), _rendered(dest, template)
    try:
        names = _archives.unzipped(path, into, listed(excludes or []), secret, bool(extract_perms))
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, CommandError) as error:
        raise CommandError(f"Exception encountered unpacking zipfile: {error}") from None
    return trimmed(names, trim_output)


def _not_as(function: str, runas: str | None) -> None:
    if runas:
        raise CommandError(f"archive.{function}: runas isn't here: archive.cmd_{function} has it")


def _rendered(given: Any, template: str | None) -> Any:
    if not template:
        return given
    from saltern_modules._template import rendered

    return rendered(
        given if isinstance(given, str) else ",".join(map(str, given)),
        template,
        {},
        salt=__salt__,
        grains=__grains__,
        pillar=__pillar__,
        opts=__opts__,
    )


def _fetched(name: str, saltenv: str, source_hash: str | None, use_etag: bool) -> tuple[str, bool]:
    """Return where the archive is on this host, and whether it was fetched for it."""
    if os.path.isabs(name):
        if not os.path.isfile(name):
            raise CommandError(f"Failed to cache {name}")
        return name, False
    given = {"source_hash": source_hash, "use_etag": use_etag}
    cached = __salt__["cp.cache_file"](name, saltenv, **{key: value for key, value in given.items() if value})
    if not cached:
        raise CommandError(f"Failed to cache {name}")
    return str(cached), True


def _members(name: str, path: str, kind: str) -> Any:
    import tarfile
    import zipfile
    import zlib

    from saltern_modules import _archives

    try:
        return _archives.tar_members(path) if kind == "tar" else _archives.zip_members(path)
    except zipfile.BadZipFile:
        raise CommandError(f"{name} is not a ZIP file") from None
    except (tarfile.TarError, EOFError, zlib.error):
        raise CommandError(
            f"Unable to list contents of {name}. If this is an XZ-compressed tar archive, install XZ Utils to enable "
            "listing its contents. If it is compressed using something other than XZ, it may be necessary to specify "
            "CLI options to decompress the archive. See the documentation for details."
        ) from None
    except OSError as error:
        raise CommandError(f"Failed to list contents of {name}: {error}") from None


def _rar_members(path: str) -> Any:
    import re

    from saltern_modules import _archives

    if __salt__["cmd.which"]("rar") is None:
        raise CommandError("rar command not available, is it installed?")
    output = __salt__["cmd.run"](["rar", "lt", path], python_shell=False, ignore_retcode=True)
    pairs = re.findall(r"Name:\s*([^\n]+)\s*Type:\s*([^\n]+)", output)
    if not pairs:
        raise CommandError(f"Failed to list {path}, is it a rar file?")
    dirs = [f"{name}/" for name, kind in pairs if kind == "Directory"]
    return _archives.Members(dirs, [name for name, kind in pairs if kind != "Directory"], [])


def _strip(given: Any) -> int:
    if not given:
        return 0
    try:
        count = int(given)
    except ValueError:
        count = -1
    if count <= 0:
        raise CommandError("'strip_components' must be a positive integer")
    return count


def _stripped(names: list[str], count: int) -> list[str]:
    parts = (name.split("/", count) for name in names)
    return sorted(found for part in parts if len(part) > count and (found := part[count]))
