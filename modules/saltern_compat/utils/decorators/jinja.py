"""``salt.utils.decorators.jinja``: functions that templates know as filters, tests and globals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


class _Known:
    """Keeps functions by the name that templates have for them."""

    salt_jinja: ClassVar[dict[str, Callable[..., Any]]]

    def __init__(self, name: str | None = None) -> None:
        self.name = name

    def __call__(self, function: Function) -> Function:
        """Keep *function*, and return it as it is."""
        self.salt_jinja[self.name or function.__name__] = function
        return function


class JinjaFilter(_Known):
    """Decorate a function that is a filter, by *name* or its own."""

    salt_jinja: ClassVar[dict[str, Callable[..., Any]]] = {}
    salt_jinja_filters = salt_jinja


class JinjaTest(_Known):
    """Decorate a function that is a test, by *name* or its own."""

    salt_jinja: ClassVar[dict[str, Callable[..., Any]]] = {}
    salt_jinja_tests = salt_jinja


class JinjaGlobal(_Known):
    """Decorate a function that templates can call, by *name* or its own."""

    salt_jinja: ClassVar[dict[str, Callable[..., Any]]] = {}
    salt_jinja_globals = salt_jinja


jinja_filter, jinja_test, jinja_global = JinjaFilter, JinjaTest, JinjaGlobal
