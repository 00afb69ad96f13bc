"""Which modules a device has: ``__proxyenabled__`` names the proxytypes that a module is for, ``*`` all.

A proxymodule has to say so. Of the modules that come with the agent those that don't act on the host, which is not the
device. Others from folders may leave it to their ``__virtual__``, as in Salt.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType

from saltern_agent.loader.module import NotHere
from saltern_agent.loader.source import GRAINS, MODULES, PROXY
from saltern_modules._served_as import FOR_DEVICES

ALL = "*"
NO_HOST = "it acts on a host, and this is a device"


def admit_bundled(proxytype: str, stem: str) -> None:
    """Raise ``NotHere`` when the execution module in the file *stem*, bundled, is not for this minion.

    *proxytype* is what kind of device it is, empty for a host. Nothing is run, nor read, to find out.
    """
    names = FOR_DEVICES.get(stem, ())
    if ALL in names or (proxytype and proxytype in names):
        return
    if not proxytype and names:
        raise NotHere(f"it is for devices of the proxytypes {', '.join(names)}")
    if proxytype:
        raise NotHere(_wrong_type(proxytype, names) if names else NO_HOST)


def admit(proxytype: str, kind: str, python: ModuleType, *, bundled: bool) -> None:
    """Raise ``NotHere`` when *python*, a module of a *kind*, is not for devices of the *proxytype*."""
    if kind not in (MODULES, GRAINS, PROXY):
        return
    said = getattr(python, "__proxyenabled__", None)
    names = [said] if isinstance(said, str) else list(said or ())
    if ALL in names or proxytype in names:
        return
    if names:
        raise NotHere(_wrong_type(proxytype, names))
    if kind == PROXY:
        raise NotHere("it has no __proxyenabled__ that names its proxytype")
    if bundled:
        raise NotHere(NO_HOST)


def _wrong_type(proxytype: str, names: Iterable[object]) -> str:
    return sys.intern(f"it is for the proxytypes {', '.join(map(str, names))}, and this is a {proxytype}")
