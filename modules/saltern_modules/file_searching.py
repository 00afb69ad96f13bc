"""Files and folders of this host: looking for files, and for what is in them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError
from saltern_modules._file_errors import plainly

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "file"

__powers__ = {
    "find": "runs",
    "contains": "indirect",
    "contains_regex": "indirect",
    "contains_glob": "indirect",
    "grep": "indirect",
}


def find(path: str, *args: str, **kwargs: Any) -> list[Any] | str:
    """Return the paths of the files below the glob *path* that all the criteria are true of, sorted.

    ``name``, ``iname``
        a glob of the name; ``iname`` in either case.
    ``regex``, ``iregex``
        a regular expression that the name begins with.
    ``type``
        letters of ``b c d f l p s``: block and character device, folder, file, link that leads nowhere, pipe, socket.
    ``owner``, ``group``
        names or ids with commas between.
    ``size``
        bytes, or with one of ``k m g t``: ``10k``, at least ``+10k``, at most ``-10k``.
    ``mtime``
        ``1w2d3h4m5s``: changed longer ago; ``-1d``: less long ago.
    ``grep``
        a regular expression that is in the file.
    ``mindepth``, ``maxdepth``
        how many folders deep; 0 is *path* itself.

    ``print`` says what is returned of each, with commas between: ``path`` by default, ``name size type mode mtime user
    group md5``. ``delete`` (alone, or with types; ``a`` for all) removes them, ``exec`` runs a program with ``{}`` in
    place of the path. Returns a text for options that can't be understood.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.find /var/log name='*.[0-9]' mtime=+30d size=+10m print=path,size
    """
    import glob

    from saltern_modules._file_find import Finder

    options: dict[str, Any] = {key: value for key, value in kwargs.items() if not key.startswith("_")}
    if "delete" in args:
        options["delete"] = "f"
    elif "print" in args:
        options["print"] = "path"
    try:
        finder = Finder(options, _run)
    except ValueError as error:
        return f"error: {error}"
    except re.error as error:
        return f"error: {error}"
    with plainly():
        found = [one for place in glob.glob(os.path.expanduser(path)) for one in finder.found(place)]
    try:
        return sorted(found)
    except TypeError:
        return sorted(found, key=repr)


def _run(argv: list[str]) -> str:
    return str(__salt__["cmd.run_stdout"](argv, python_shell=False, rstrip=False))


def contains(path: str, text: Any) -> bool:
    """Return whether *text*, without the blanks around it, is in the file *path*; ``False`` when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.contains /etc/crontab 'mymaintenance.sh'
    """
    wanted = str(text).strip()
    return _any_window(path, lambda window: wanted in window)


def contains_regex(path: str, regex: str, lchar: str = "") -> bool:
    """Return whether a line of the file *path* has the regular expression *regex* in it; ``False`` for no file.

    The characters of *lchar* are cut from a line's beginning first.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.contains_regex /etc/crontab '^0 4'
    """
    path = os.path.expanduser(path)
    if not os.path.exists(path):
        return False
    with plainly():
        pattern = re.compile(regex)
        try:
            with open(path, encoding="utf-8", errors="replace", newline="") as lines:
                return any(pattern.search(line.lstrip(lchar) if lchar else line) for line in lines)
        except OSError:
            return False


def contains_glob(path: str, glob_expr: str) -> bool:
    """Return whether what is in the file *path* is like the glob *glob_expr* as a whole; ``False`` for no file.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.contains_glob /etc/foobar '*cheese*'
    """
    import fnmatch

    return _any_window(path, lambda window: fnmatch.fnmatch(window, glob_expr))


def _any_window(path: str, matches: Callable[[str], bool]) -> bool:
    from saltern_modules._file_windows import windows

    path = os.path.expanduser(path)
    if not os.path.exists(path):
        return False
    try:
        return any(matches(window) for window in windows(path))
    except OSError:
        return False


def grep(path: str, pattern: str, *opts: Any) -> dict[str, Any]:
    """Return ``{pid, retcode, stdout, stderr}`` of ``grep`` for *pattern* in the files that the glob *path* means.

    *opts* are options of ``grep``, each one by itself.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.grep /etc/sysconfig/network-scripts/ifcfg-eth0 ipaddr -- -i
    """
    import glob
    import shlex

    path = os.path.expanduser(path)
    words: list[str] = []
    for opt in opts:
        split = shlex.split(str(opt))
        if len(split) > 1:
            raise ArgumentError(
                "Passing multiple command line arguments in a single string is not supported, please pass the "
                f"following arguments separately: {opt}"
            )
        words += split
    pattern = str(pattern)
    if pattern.startswith("-"):
        words.append("-e")  # else it would be an option
    places = [f"./{place}" if place.startswith("-") else place for place in glob.glob(path) or [path]]
    told: dict[str, Any] = __salt__["cmd.run_all"](["grep", *words, pattern, *places], python_shell=False)
    return told
