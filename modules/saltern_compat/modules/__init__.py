"""``salt.modules``: Salt's execution modules by the names of their files; they are the bundled ones.

A module here is what the calling minion's loader has loaded, so that its functions find ``__salt__`` and the rest; a
synced module of the same name doesn't hide it.
"""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import Any

import saltern_modules
from saltern_compat._caller import dunder
from saltern_modules._served_as import SERVED_AS

NAMES = {
    "aptpkg": "pkg",
    "cmdmod": "cmd",
    "dpkg_lowpkg": "lowpkg",
    "groupadd": "group",
    "linux_shadow": "shadow",
    "linux_sysctl": "sysctl",
    "localemod": "locale",
    "mod_random": "random",
    "rh_service": "service",
    "debian_service": "service",
    "rpm_lowpkg": "lowpkg",
    "systemd_service": "service",
    "sysmod": "sys",
    "useradd": "user",
    "virtualenv_mod": "virtualenv",
    "yumpkg": "pkg",
}
"""Names of modules by Salt's names of their files, where these differ."""

_LATELY = "saltern_compat.modules._of_cmd"


class Served(ModuleType):
    """The bundled module that functions call *served_as*; Salt's file of it is called *stem*."""

    def __init__(self, stem: str, served_as: str) -> None:
        super().__init__(f"{__name__}.{stem}", f"Salt's execution module {served_as}.")
        self._stem = stem
        self._served_as = served_as

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return [own for part in self._parts() for own in vars(part) if not own.startswith("_")]
        if not name.startswith("__"):
            for part in self._parts():
                if name in vars(part):
                    return vars(part)[name]
            if self._served_as == "cmd" and hasattr(importlib.import_module(_LATELY), name):
                return getattr(sys.modules[_LATELY], name)
        raise AttributeError(f"salt.modules.{self._stem}.{name} isn't here: the bundled module has no such function")

    def _parts(self) -> list[ModuleType]:
        bundled = getattr(dunder("__salt__"), "bundled", None)
        return list(bundled(self._served_as)) if callable(bundled) else []


def served(stem: str) -> ModuleType:
    """Return the module that Salt has in the file *stem*. Raises ``ModuleNotFoundError`` when none is like it here."""
    full = f"{__name__}.{stem}"
    if full not in sys.modules:
        served_as = NAMES.get(stem) or SERVED_AS.get(stem, stem)
        folder = os.path.dirname(os.path.abspath(saltern_modules.__file__ or ""))
        own = not stem.startswith("_") and os.path.isfile(os.path.join(folder, f"{served_as}.py"))
        if not own and served_as not in SERVED_AS.values():
            raise ModuleNotFoundError(f"No module named {stem!r}", name=full)
        sys.modules[full] = Served(stem, served_as)
    return sys.modules[full]
