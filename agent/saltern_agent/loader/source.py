"""Where modules come from: the bundled package, configured folders, what was synced."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Iterable

import saltern_modules
from saltern.named import NamedTuple

BUNDLED = os.path.dirname(os.path.abspath(saltern_modules.__file__ or ""))
PACKAGE_FILE = "__init__.py"
BUNDLED_RETURNERS = os.path.join(BUNDLED, "returners")
BUNDLED_PROXY = os.path.join(BUNDLED, "proxy")
BUNDLED_GRAINS = os.path.join(BUNDLED, "device_grains")
"""For devices alone: what a host is, the agent finds by itself."""
MODULES, UTILS, RETURNERS, GRAINS, PROXY = KINDS = ("modules", "utils", "returners", "grains", "proxy")
"""What is synced, each in a folder of its own: what is called, what that shares, what stores returns, grains, and what
speaks with devices, each as a proxytype."""
RUNNERS, OUTPUT = MASTERS_KINDS = ("runners", "output")
"""Likewise on a master's host: functions that run there, and forms in which values are shown."""


_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


class Source(NamedTuple):
    """One module's file, or a package: then *path* is its ``__init__.py`` and *package* its folder, else ``""``.

    ``bundled`` ones are imported as members of their package; *layer* is higher for stronger folders.
    """

    stem: str
    path: str
    bundled: bool
    layer: int = 0
    package: str = ""

    @property
    def private(self) -> bool:
        """Whether it is there for other modules to import, and has nothing to call."""
        return self.stem.startswith("_")


def find(folders: Iterable[str], bundled: str = BUNDLED) -> dict[str, list[Source]]:
    """Return the modules of the folder *bundled* (``""``: none) and of *folders*, by name, the strongest first.

    Later folders are stronger. A module is a file ``name.py`` or a folder ``name`` with an ``__init__.py``; a name may
    have a hyphen or begin with a digit, as in Salt: it is called by it, though nobody can import it by a statement. A
    folder that isn't there holds none.
    """
    found: dict[str, list[Source]] = {}
    for layer, folder in enumerate((bundled, *folders)):
        try:
            names = sorted(os.listdir(folder)) if folder else []
        except OSError:
            continue
        for name in names:  # a package comes before the file of its name, as Python has it
            source = _source(folder, name, layer)
            if source is None or (layer == 0 and source.private):
                continue
            others = found.setdefault(source.stem, [])
            if not others or others[0].layer < layer:
                others.insert(0, source)
    return found


def is_module_name(name: str) -> bool:
    """Return whether a module may have this *name*."""
    dunder = name.startswith("__") and name.endswith("__")
    return (name.isidentifier() or _NAME.fullmatch(name) is not None) and not keyword.iskeyword(name) and not dunder


def _source(folder: str, name: str, layer: int) -> Source | None:
    path = os.path.join(folder, name)
    stem = name.removesuffix(".py")
    if not is_module_name(stem):
        return None
    if stem != name:
        return Source(stem, path, layer == 0, layer)
    inside = os.path.join(path, PACKAGE_FILE)
    return Source(stem, inside, layer == 0, layer, path) if layer and os.path.isfile(inside) else None
