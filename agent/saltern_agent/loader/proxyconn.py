"""Proxymodules of the form of 2014: a class ``Proxyconn``, made of what the pillar says of a device.

Modules of that time have the object as ``__opts__["proxyobject"]``. To all others its methods are what the functions of
a proxymodule are today: ``init`` makes it, ``shutdown`` ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from saltern.errors import CommandError
from saltern_agent.loader.bound import tenant
from saltern_agent.loader.module import Module

CLASS = "Proxyconn"
OBJECT = "proxyobject"


def is_of_2014(python: ModuleType) -> bool:
    """Return whether the proxymodule *python* is of that form."""
    return isinstance(getattr(python, CLASS, None), type) and not hasattr(python, "init")


def with_functions(module: Module) -> Module:
    """Return *module*, of that form, with the functions of a proxymodule."""
    of_class: type = getattr(module.python, CLASS)

    def init(opts: Mapping[str, Any]) -> None:
        tenant().give_option(OBJECT, of_class(dict(opts["proxy"])))

    def shutdown(opts: Mapping[str, Any]) -> None:
        made = tenant().take_option(OBJECT)
        if hasattr(made, "shutdown"):
            made.shutdown(opts)

    methods = [name for name in dir(of_class) if not name.startswith("_") and callable(getattr(of_class, name))]
    functions = {name: _method(name) for name in methods} | {"init": init, "shutdown": shutdown}
    return module._replace(functions=functions)


def _method(name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        made = tenant().option(OBJECT)
        if made is None:
            raise CommandError("the device isn't connected")
        return getattr(made, name)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    return call
