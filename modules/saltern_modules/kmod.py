"""Modules of Linux's kernel: which there are, which are loaded, which are loaded at boot."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal

from saltern.errors import CommandError, os_errors
from saltern_modules import _modules_file

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__powers__ = {
    "available": "reads",
    "check_available": "reads",
    "lsmod": "reads",
    "mod_list": "reads",
    "is_loaded": "reads",
    "load": "indirect",  # code in the kernel
    "remove": "indirect",
}

TREE = "/lib/modules"


def __virtual__() -> bool | tuple[Literal[False], str]:
    if os.uname().sysname == "Linux":
        return True
    return False, "The kmod execution module only works on Linux"


def available() -> list[str]:
    """Return the names of the modules that the running kernel can load or has built in, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' kmod.available
    """
    tree = os.path.join(TREE, os.uname().release)
    found = []
    try:
        with open(os.path.join(tree, "modules.builtin"), encoding="utf-8", errors="replace") as file:
            found += [os.path.basename(line)[:-4] for line in file]
    except OSError:
        pass  # a kernel of others, as in containers
    for _, _, files in os.walk(tree):
        found += [name[: name.index(".ko")].replace("-", "_") for name in files if ".ko" in name]
    return sorted(found)


def check_available(mod: str) -> bool:
    """Return whether there is a module *mod*.

    CLI Example:

    .. code-block:: bash

        saltern '*' kmod.check_available kvm
    """
    return mod in available()


def lsmod() -> list[dict[str, Any]]:
    """Return the modules that are loaded: ``[{'module', 'size': bytes, 'depcount', 'deps': […]}]``, as ``lsmod`` does.

    Numbers are texts. Raises ``CommandError`` when there is no ``lsmod``.

    CLI Example:

    .. code-block:: bash

        saltern '*' kmod.lsmod
    """
    program = _program("lsmod")
    return _modules_file.loaded(__salt__["cmd.run_stdout"]([program], python_shell=False))


def mod_list(only_persist: bool = False) -> list[str]:
    """Return the names of the modules that are loaded, sorted; with *only_persist* of those that are loaded at boot.

    CLI Example:

    .. code-block:: bash

        saltern '*' kmod.mod_list
        saltern '*' kmod.mod_list only_persist=True
    """
    if not only_persist:
        return sorted({mod["module"] for mod in lsmod()})
    try:
        with open(_conf(), encoding="utf-8", errors="replace") as file:
            return _modules_file.listed(file.read())
    except OSError:
        return []


def is_loaded(mod: str) -> bool:
    """Return whether the module *mod* is loaded.

    CLI Example:

    .. code-block:: bash

        saltern '*' kmod.is_loaded kvm
    """
    return mod in mod_list()


def load(mod: str, persist: bool = False) -> list[str] | str:
    """Load a module, *mod* with its parameters if any; return the names of those loaded with it, or what went wrong.

    *persist*: at boot too.

    CLI Example:

    .. code-block:: bash

        saltern '*' kmod.load kvm
    """
    before = set(mod_list())
    done = __salt__["cmd.run_all"]([_program("modprobe"), *_words(mod)], python_shell=False)
    if done["retcode"] != 0:
        return f"Error loading module {mod}: {done['stderr']}"
    kept = _keep(mod) if persist else set()
    return sorted((set(mod_list()) - before) | kept)


def remove(mod: str, persist: bool = False, comment: bool = True) -> list[str] | str:
    """Unload a module; return the names of those that went, or what went wrong.

    *persist*: at boot too; its line is commented out, or removed when *comment* is false.

    CLI Example:

    .. code-block:: bash

        saltern '*' kmod.remove kvm
    """
    before = set(mod_list())
    done = __salt__["cmd.run_all"]([_program("rmmod"), *_words(mod)], python_shell=False)
    if done["retcode"] != 0:
        return f"Error removing module {mod}: {done['stderr']}"
    gone = _forget(mod, comment) if persist else set()
    return sorted((before - set(mod_list())) | gone)


def _words(mod: str) -> list[str]:
    words = str(mod).split()
    if not words or words[0].startswith("-"):
        raise CommandError(f"kmod: {mod!r} is not the name of a module")
    return words


def _program(name: str) -> str:
    found: str | None = __salt__["cmd.which"](name)
    if not found:
        raise CommandError(f"Command '{name}' cannot be found")
    return found


def _conf() -> str:
    return "/etc/modules-load.d/salt_managed.conf" if "systemd" in __grains__ else "/etc/modules"


def _keep(mod: str) -> set[str]:
    name = mod.split()[0]
    if name in mod_list(only_persist=True) or name not in available():
        return set()
    _change(lambda text: _modules_file.with_module(text, mod))
    return {name}


def _forget(mod: str, comment: bool) -> set[str]:
    name = mod.split()[0]
    if name not in mod_list(only_persist=True):
        return set()
    _change(lambda text: _modules_file.without_module(text, mod, comment=comment))
    return {name}


def _change(how: Callable[[str], str]) -> None:
    from saltern.files import replacement

    conf = _conf()
    text = ""
    with os_errors(CommandError, conf, "can't be written"):
        if os.path.exists(conf):
            with open(conf, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        with replacement(conf, 0o644, keep_mode=True) as new:
            new.write(how(text).encode("utf-8", "surrogateescape"))
