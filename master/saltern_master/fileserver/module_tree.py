"""Which of the served files are modules, in ``_modules``, ``_utils`` and the like; what can be none there, and why.

A module is a file ``name.py``, or a package: a folder ``name`` with an ``__init__.py``, which goes to minions with
all that is in it. Its name is one that Python can write, or has a hyphen or a digit where Python allows none. Those
with a ``_`` first are for others to import.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

FOLDERS = ("_modules", "_utils", "_returners", "_grains", "_proxy")
"""What goes to minions."""
MASTERS_FOLDERS = ("_runners", "_output", "_outputters", "_utils", "_modules")
"""What the master takes for itself, when it is told to."""
PACKAGE_FILE = "__init__.py"
MAX_MODULE_BYTES = 8 * 1024 * 1024
MAX_PACKAGE_BYTES = 32 * 1024 * 1024
MAX_PACKAGE_FILES = 1000
MAX_LEFT_OUT = 200
"""Of what can be no module: so many are named, and the rest counted."""


_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
COMPILED = {
    ".zip": "an archive isn't unpacked on minions: put the folder itself there",
    ".so": "a compiled extension fits one system alone: install it there with pip, and import it from a .py",
    ".pyx": "Cython isn't compiled on minions: install what it makes with pip, and import it from a .py",
}
"""What Salt takes for modules too, and why it is none here."""


class ModuleTree(NamedTuple):
    """The paths of module files: ``plain`` ones, and ``inside``: those inside a package; and why others are none."""

    plain: list[str]
    inside: list[str]
    left_out: dict[str, str]


def module_tree(paths: Iterable[str], unserved: Mapping[str, str]) -> ModuleTree:
    """Sort *paths*, those below one of ``FOLDERS``; *unserved* are names there that a backend can't serve, and why."""
    tree = ModuleTree([], [], dict(unserved))
    known = sorted(set(paths))
    packages = {path.removesuffix(f"/{PACKAGE_FILE}") for path in known if path.endswith(f"/{PACKAGE_FILE}")}
    for path in known:
        _, name, *inside = path.split("/")
        if any(part.startswith(".") for part in (name, *inside)) or path.endswith(".pyc"):
            continue  # an editor's, or a tool's: nobody means it to be a module
        folder = path.rsplit("/", len(inside))[0]
        if inside and folder not in packages:
            tree.left_out[f"{folder}/"] = f"it is a folder without {PACKAGE_FILE}: no package"
        elif inside:
            why = wrong_name(name)
            if why:
                tree.left_out[f"{folder}/"] = why
            else:
                tree.inside.append(path)
        elif name != PACKAGE_FILE:  # in _modules itself it means nothing, and does no harm
            why = _wrong_file(path, name, packages)
            if why:
                tree.left_out[path] = why
            else:
                tree.plain.append(path)
    return tree


def too_large(path: str, size: int) -> str:
    """Return why a file of *size* bytes can't be part of a module, or an empty text."""
    return f"it has {size:,} bytes: a module has at most {MAX_MODULE_BYTES:,}" if size > MAX_MODULE_BYTES else ""


def package_of(path: str) -> str:
    """Return the folder of the package that *path* is inside of."""
    return "/".join(path.split("/")[:2])


def stem_of(path: str) -> str:
    """Return the name of the module that *path* is, or is the first file of, else an empty text."""
    parts = path.split("/")
    if len(parts) == 2:
        return parts[1].removesuffix(".py")
    return parts[1] if parts[2:] == [PACKAGE_FILE] else ""


def bounded(left_out: Mapping[str, str]) -> dict[str, str]:
    """Return *left_out* by path, at most ``MAX_LEFT_OUT`` of it, and how many more there are."""
    named = dict(sorted(left_out.items())[:MAX_LEFT_OUT])
    if len(left_out) > len(named):
        named["…"] = f"and {len(left_out) - len(named)} more"
    return named


def wrong_name(name: str) -> str:
    """Return why no module can be called *name*, or an empty text."""
    if keyword.iskeyword(name):
        return f"{name!r} is a word of Python's own: give it another name"
    if not name.isidentifier() and _NAME.fullmatch(name) is None:
        fitting = re.sub(r"\W", "_", name)
        example = f", as in {fitting}" if fitting.isidentifier() and not keyword.iskeyword(fitting) else ""
        return f"a module's name has letters, digits, '_' and '-' alone, and begins with no '-'{example}"
    return ""


def _wrong_file(path: str, name: str, packages: set[str]) -> str:
    stem = name.removesuffix(".py")
    if stem == name:
        for ending, why in COMPILED.items():
            if name.endswith(ending):
                return why
        return f"only files that end in .py, and folders with {PACKAGE_FILE}, are modules"
    if path.removesuffix(".py") in packages:
        return f"the package {stem}/ has this name"
    return wrong_name(stem)
