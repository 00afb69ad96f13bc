"""The alternatives of a system: which program a name such as ``editor`` stands for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal

from saltern.errors import CommandError

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__func_alias__ = {"set_": "set"}

__powers__ = {
    "display": "reads",
    "show_link": "reads",
    "show_current": "reads",
    "check_exists": "reads",
    "check_installed": "reads",
    "install": "indirect",  # another program by a known name
    "remove": "writes",
    "auto": "writes",
    "set": "writes",
}

FOLDER = "/etc/alternatives"


def __virtual__() -> bool | tuple[Literal[False], str]:
    if os.path.isdir(FOLDER):
        return True
    return False, f"Cannot load alternatives module: {FOLDER} dir not found"


def display(name: str) -> str:
    """Return what the system's program says of the alternative *name*.

    CLI Example:

    .. code-block:: bash

        saltern '*' alternatives.display editor
    """
    done = _run("--display", name)
    return str(done["stderr"] if done["retcode"] > 0 and done["stderr"] else done["stdout"])


def show_link(name: str) -> str | Literal[False]:
    """Return the link that the alternative *name* is behind, ``/usr/bin/editor``; ``False`` when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' alternatives.show_link editor
    """
    folder = {"RedHat": "/var/lib/alternatives", "Suse": "/var/lib/rpm/alternatives"}.get(__grains__["os_family"])
    if folder is not None:
        try:
            with open(os.path.join(folder, _name(name)), encoding="utf-8", errors="replace") as file:
                return file.read().splitlines()[1]
        except (OSError, IndexError):
            return False
    done = _run("--query", name)
    if done["retcode"] > 0 and done["stderr"]:
        return False
    for line in done["stdout"].split("\n\n", 1)[0].split("\n"):
        if line.startswith("Link:"):
            return str(line.split(":", 1)[1].strip())
    return False


def show_current(name: str) -> str | Literal[False]:
    """Return the path that the alternative *name* stands for now; ``False`` when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' alternatives.show_current editor
    """
    try:
        return os.readlink(os.path.join(FOLDER, _name(name)))
    except OSError:
        return False


def check_exists(name: str, path: str) -> bool:
    """Return whether *path* is one of those that *name* may stand for.

    CLI Example:

    .. code-block:: bash

        saltern '*' alternatives.check_exists name path
    """
    done = _run("--display", name)
    if done["retcode"] > 0 and done["stderr"]:
        return False
    return any(line.startswith(path) for line in done["stdout"].splitlines())


def check_installed(name: str, path: str) -> bool:
    """Return whether *name* stands for *path* now.

    CLI Example:

    .. code-block:: bash

        saltern '*' alternatives.check_installed name path
    """
    return show_current(name) == path


def install(name: str, link: str, path: str, priority: int | str) -> str:
    """Add *path* to those that *name* may stand for, behind *link*; return what the system's program printed.

    CLI Example:

    .. code-block:: bash

        saltern '*' alternatives.install editor /usr/bin/editor /usr/bin/emacs23 50
    """
    done = _run("--install", link, name, path, str(priority))
    return str(done["stderr"] if done["retcode"] > 0 and done["stderr"] else done["stdout"])


def remove(name: str, path: str) -> str:
    """Take *path* from those that *name* may stand for; return what the system's program printed.

    CLI Example:

    .. code-block:: bash

        saltern '*' alternatives.remove name path
    """
    return _changed("--remove", name, path)


def auto(name: str) -> str:
    """Have *name* stand for the path of the highest priority; return what the system's program printed.

    CLI Example:

    .. code-block:: bash

        saltern '*' alternatives.auto name
    """
    return _changed("--auto", name)


def set_(name: str, path: str) -> str:
    """Have *name* stand for *path* from now on; return what the system's program printed.

    CLI Example:

    .. code-block:: bash

        saltern '*' alternatives.set editor /usr/bin/emacs23
    """
    return _changed("--set", name, path)


def _changed(*words: str) -> str:
    done = _run(*words)
    return str(done["stderr"] if done["retcode"] > 0 else done["stdout"])


def _run(option: str, *words: str) -> dict[str, Any]:
    for word in words:
        if str(word).startswith("-"):
            raise CommandError(f"alternatives: {word!r} is neither a name nor a path")
    program = "alternatives" if __grains__["os_family"] == "RedHat" else "update-alternatives"
    done: dict[str, Any] = __salt__["cmd.run_all"](
        [program, option, *map(str, words)], python_shell=False, ignore_retcode=option in ("--display", "--query")
    )
    return done


def _name(name: str) -> str:
    if "/" in str(name) or str(name) in ("", ".", ".."):
        raise CommandError(f"alternatives: {name!r} is not the name of an alternative")
    return str(name)
