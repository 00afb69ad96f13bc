"""Files and folders of this host: commenting lines out and in, ``sed`` and ``patch``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules._file_errors import plainly

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "file"

__powers__ = {
    "comment": "indirect",
    "uncomment": "indirect",
    "comment_line": "indirect",
    "sed": "runs",
    "sed_contains": "runs",
    "psed": "indirect",
    "patch": "runs",
}


def comment(path: str, regex: str, char: str = "#", backup: str | bool = ".bak") -> str | bool:
    """Put *char* before the lines of the file *path* that begin with *regex*; return what ``file.comment_line`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.comment /etc/modules pcspkr
    """
    return comment_line(path, regex, char, True, backup)


def uncomment(path: str, regex: str, char: str = "#", backup: str | bool = ".bak") -> str | bool:
    """Take *char* from the lines of the file *path* that have *regex* behind it; returns as ``file.comment_line``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.uncomment /etc/hosts.deny 'ALL: PARANOID'
    """
    return comment_line(path, regex, char, False, backup)


def comment_line(path: str, regex: str, char: str = "#", cmnt: bool = True, backup: str | bool = ".bak") -> str | bool:
    """Comment the lines of the file *path* out that begin with *regex*, or without *cmnt* in; return the diff.

    ``False`` when there is no such line. *backup*: the suffix of a copy of the old file, false for none. Raises
    ``ArgumentError``, ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.comment_line /etc/modules pcspkr
    """
    from saltern_modules import _file_comment, _file_text

    path = os.path.expanduser(path)
    real = os.path.realpath(path)
    if not os.path.isfile(real):
        raise ArgumentError(f"File not found: {real}")
    if not _file_text.is_text_file(real):
        raise ArgumentError(f"Cannot perform string replacements on a binary file: {real}")
    with plainly():
        return _file_comment.change_file(path, _file_comment.Mark(regex, str(char), cmnt), str(backup or ""))


def sed(
    path: str,
    before: str,
    after: str,
    limit: str = "",
    backup: str = ".bak",
    options: str = "-r -e",
    flags: str = "g",
    escape_all: bool = False,
    negate_match: bool = False,
) -> dict[str, Any] | bool:
    """Run ``sed`` on the file *path*: ``/limit/ s/before/after/flags``; return ``{pid, retcode, stdout, stderr}``.

    ``False`` when there is no such file. *backup*: the suffix of a copy of the old file, ``''`` for none. Slashes are
    escaped, with *escape_all* whatever means something in a regular expression too. With *negate_match* lines without
    *limit* are meant. ``file.replace`` does the same without a program.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.sed /etc/httpd/httpd.conf 'LogLevel warn' 'LogLevel info'
    """
    import shlex

    from saltern_modules._file_comment import escaped

    path = os.path.expanduser(path)
    if not os.path.exists(path):
        return False
    where = f"/{escaped(limit, escape_all)}/ " if limit else ""
    script = f"{where}{'!' if negate_match else ''}s/{escaped(before, escape_all)}/{escaped(after, escape_all)}/{flags}"
    argv = ["sed", f"-i{backup}" if backup else "-i", *shlex.split(options), script, path]
    told: dict[str, Any] = __salt__["cmd.run_all"](argv, python_shell=False)
    return told


def sed_contains(path: str, text: str, limit: str = "", flags: str = "g") -> bool:
    """Return whether ``sed`` finds the regular expression *text* in a line of the file *path* (one with *limit*).

    CLI Example:

    .. code-block:: bash

        saltern '*' file.sed_contains /etc/crontab 'mymaintenance.sh'
    """
    from saltern_modules._file_comment import escaped

    path = os.path.expanduser(path)
    if not os.path.exists(path):
        return False
    where = f"/{escaped(limit)}/ " if limit else ""
    argv = ["sed", "-n", "-r", "-e", f"{where}s/{escaped(text)}/$/p{flags}", path]
    return bool(__salt__["cmd.run"](argv, python_shell=False))


def psed(
    path: str,
    before: str,
    after: str,
    limit: str = "",
    backup: str = ".bak",
    flags: str = "gMS",
    escape_all: bool = False,
    multi: bool = False,
) -> None:
    """Replace the regular expression *before* in the file *path* by *after*, and keep the old file with *backup*.

    *flags* are letters: ``g`` all of them, ``I L M S U X`` those of Python's ``re``. With *limit* what is before the
    first match of it goes, and its matches too. With *multi* each character of the first line is looked at by itself,
    and the others go. ``file.replace`` does better. Raises ``OSError``, ``re.error``, ``KeyError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.psed /etc/httpd/httpd.conf 'LogLevel warn' 'LogLevel info'
    """
    from saltern_modules import _file_comment

    with plainly():
        change = _file_comment.Sed(
            _file_comment.escaped(before, escape_all), str(after), _file_comment.escaped(limit, escape_all), flags
        )
        _file_comment.psed_file(os.path.expanduser(path), change, str(backup or ""), multi=bool(multi))


def patch(originalfile: str, patchfile: str, options: str = "", dry_run: bool = False) -> dict[str, Any]:
    """Run ``patch`` with *patchfile* on a file, or on those in a folder; return ``{pid, retcode, stdout, stderr}``.

    *options* are more of its options. With *dry_run* nothing is changed. Raises ``CommandError`` without ``patch``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.patch /opt/file.txt /tmp/file.txt.patch
    """
    import shlex
    import shutil

    program = shutil.which("patch")
    if program is None:
        raise CommandError("patch executable not found. Is the distribution's patch package installed?")
    argv = [program, *shlex.split(options)]
    if dry_run:
        argv.append("-C" if __grains__.get("kernel") in ("FreeBSD", "OpenBSD") else "--dry-run")
    if "-N" not in argv and "--forward" not in argv:
        argv.append("--forward")
    if not any(word == "-r" or word.startswith(("-r ", "--reject-file")) for word in argv):
        argv.append("--reject-file=-")
    argv += ["-i", patchfile]
    if os.path.isdir(originalfile):
        argv += ["-d", originalfile]
        if not any(word.startswith(("-p", "--strip=")) for word in argv):
            argv.append("--strip=0")
    else:
        argv.append(originalfile)
    told: dict[str, Any] = __salt__["cmd.run_all"](argv, python_shell=False)
    return told
