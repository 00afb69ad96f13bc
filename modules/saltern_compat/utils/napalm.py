"""``salt.utils.napalm``: modules for devices that NAPALM reaches say that it isn't there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def virtual(opts: Mapping[str, Any], virtualname: str, filename: str) -> tuple[bool, str]:
    """Return that the module *virtualname* in the file *filename* can't be used, and why."""
    return False, f'"{virtualname}" ({filename}) cannot be loaded: NAPALM is not supported by Saltern'


def proxy_napalm_wrap(func: Function) -> Function:
    """Return *func*."""
    return func


def is_proxy(opts: Mapping[str, Any]) -> bool:
    """Return ``False``: this is no proxy of a device."""
    return False


is_always_alive = is_minion = not_always_alive = is_proxy
