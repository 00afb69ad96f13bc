"""Archives by this host's programs: tar, gzip, zip, rar; ``archive_members.py`` has those that need none.

In all functions *template* ``jinja`` renders paths first, and *runas* is the user that the program runs as.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules._sources import expanded, listed, trimmed

__salt__: Mapping[str, Callable[..., Any]]

__powers__ = {
    "tar": "runs",  # its options name programs
    "gzip": "indirect",
    "gunzip": "indirect",
    "cmd_zip": "indirect",
    "cmd_unzip": "indirect",
    "rar": "indirect",
    "unrar": "indirect",
}


def tar(
    options: str,
    tarfile: str,
    sources: str | Sequence[str] | None = None,
    dest: str | None = None,
    cwd: str | None = None,
    template: str | None = None,
    runas: str | None = None,
) -> list[str]:
    """Run ``tar`` with *options* (``xzf``, ``-cf``, …) on *tarfile*; return the lines that it prints.

    *sources*: what to put in or take out, a list or a text with commas; globs of existing files are expanded. *dest*:
    the folder to unpack into, ``-C``. Raises ``ArgumentError`` without options, ``CommandError`` without tar.

    CLI Example:

    .. code-block:: bash

        saltern '*' archive.tar cjvf /tmp/tarfile.tar.bz2 /tmp/file_1,/tmp/file_2
        saltern '*' archive.tar xf foo.tar dest=/target/directory
    """
    if not options:
        raise ArgumentError("Tar options can not be empty")
    into = ["-C", str(dest)] if dest else []
    argv = [_program("tar"), *options.split(), str(tarfile), *into, *expanded(sources)]
    return _lines(argv, cwd=cwd, template=template, runas=runas)


def gzip(
    sourcefile: str, template: str | None = None, runas: str | None = None, options: str | None = None
) -> list[str]:
    """Compress a file by ``gzip``; return the lines that it prints.

    CLI Example:

    .. code-block:: bash

        saltern '*' archive.gzip /tmp/sourcefile.txt options='-9 --verbose'
    """
    return _lines(_with("gzip", options, sourcefile), template=template, runas=runas)


def gunzip(
    gzipfile: str, template: str | None = None, runas: str | None = None, options: str | None = None
) -> list[str]:
    """Decompress a file by ``gunzip``; return the lines that it prints.

    CLI Example:

    .. code-block:: bash

        saltern '*' archive.gunzip /tmp/sourcefile.txt.gz
    """
    return _lines(_with("gunzip", options, gzipfile), template=template, runas=runas)


def cmd_zip(
    zip_file: str,
    sources: str | Sequence[str],
    template: str | None = None,
    cwd: str | None = None,
    runas: str | None = None,
) -> list[str]:
    """Put files and folders into a zip file by ``zip -r``; return the lines that it prints.

    CLI Example:

    .. code-block:: bash

        saltern '*' archive.cmd_zip zip_file=/tmp/zipfile.zip sources=/tmp/a,/tmp/b
    """
    argv = [_program("zip"), "-r", *_names(zip_file, *expanded(sources))]
    return _lines(argv, cwd=cwd, template=template, runas=runas)


def cmd_unzip(
    zip_file: str,
    dest: str,
    excludes: Any = None,
    options: str | None = None,
    template: str | None = None,
    runas: str | None = None,
    trim_output: bool | int = False,
    password: str | None = None,
) -> list[str]:
    """Unpack a zip file by ``unzip``; return the lines that it prints, the first ones with *trim_output*.

    Raises ``CommandError`` with what it prints when it fails.

    CLI Example:

    .. code-block:: bash

        saltern '*' archive.cmd_unzip /tmp/zipfile.zip /home/strongbad/ excludes=file_1,file_2
    """
    argv = [_program("unzip"), *(["-P", str(password)] if password else []), *shlex.split(options or "")]
    argv += [*_names(zip_file), "-d", str(dest)]
    if excludes is not None:
        argv += ["-x", *listed(excludes)]
    done = __salt__["cmd.run_all"](argv, template=template, runas=runas, python_shell=False, redirect_stderr=True)
    if done["retcode"] != 0:
        raise CommandError(done["stdout"])
    return trimmed(done["stdout"].splitlines(), trim_output)


def rar(
    rarfile: str,
    sources: str | Sequence[str],
    template: str | None = None,
    cwd: str | None = None,
    runas: str | None = None,
) -> list[str]:
    """Put files into a rar file by ``rar``; return the lines that it prints.

    CLI Example:

    .. code-block:: bash

        saltern '*' archive.rar /tmp/rarfile.rar /tmp/sourcefile1,/tmp/sourcefile2
    """
    argv = [_program("rar"), "a", "-idp", *_names(rarfile, *expanded(sources))]
    return _lines(argv, cwd=cwd, template=template, runas=runas)


def unrar(
    rarfile: str,
    dest: str,
    excludes: Any = None,
    template: str | None = None,
    runas: str | None = None,
    trim_output: bool | int = False,
) -> list[str]:
    """Unpack a rar file by ``unrar`` or ``rar``; return the lines that it prints.

    CLI Example:

    .. code-block:: bash

        saltern '*' archive.unrar /tmp/rarfile.rar /home/strongbad/ excludes=file_1,file_2
    """
    program = __salt__["cmd.which_bin"](["unrar", "rar"])
    if program is None:
        raise CommandError("None of provided binaries([\"'unrar'\", \"'rar'\"]) were found in $PATH.")
    argv = [program, "x", "-idp", *_names(rarfile)]
    for exclude in listed(excludes) if excludes is not None else []:
        argv += ["-x", exclude]
    return trimmed(_lines([*argv, *_names(dest)], template=template, runas=runas), trim_output)


def _with(program: str, options: str | None, name: str) -> list[str]:
    return [_program(program), *shlex.split(options or ""), *_names(name)]


def _names(*names: Any) -> list[str]:
    """Return names of files, none of which a program takes for an option."""
    return [f"./{name}" if str(name).startswith("-") else str(name) for name in names]


def _program(name: str) -> str:
    if __salt__["cmd.which"](name) is None:
        raise CommandError(f"The '{name}' binary was not found in $PATH.")
    return name


def _lines(argv: list[str], **given: Any) -> list[str]:
    text: str = __salt__["cmd.run"](argv, python_shell=False, **given)
    return text.splitlines()
