"""What modules have as ``__salt__``, ``__utils__`` and ``__returners__``.

Modules ask whether a function is there before they use it: the answer no costs no search for what was perhaps meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from saltern_agent.loader.shelf import Shelf

if TYPE_CHECKING:
    from saltern_agent.coroutines import Coroutines

COROUTINE = 0x80
"""Of a code object's flags: it is a coroutine function's."""


class Functions(Mapping[str, Callable[..., Any]]):
    """Every function by ``module.function``, loaded when it is looked up: ``f["test.ping"]`` or ``f.test.ping``."""

    def __init__(
        self,
        shelf: Shelf,
        otherwise: Callable[[str], Callable[..., Any] | None] | None = None,
        coroutines: Callable[[], Coroutines] | None = None,
    ) -> None:
        """*otherwise* finds what isn't on the shelf; *coroutines* runs coroutine functions for who isn't one."""
        self._shelf = shelf
        self._otherwise = otherwise
        self._coroutines = coroutines

    def __getitem__(self, name: str) -> Callable[..., Any]:
        module, _, function = name.partition(".")
        found = self._shelf.function(module, function) if function else None
        if found is not None:
            return self._natural(found[1])
        other = self._otherwise(name) if self._otherwise is not None else None
        if other is None:
            raise KeyError(name)
        return other

    def __getattr__(self, module: str) -> OfModule:
        if module.startswith("_"):  # who looks what kind of thing this is
            raise AttributeError(module)
        return OfModule(self, module)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shelf.all())

    def __len__(self) -> int:
        return len(self._shelf.all())

    def _natural(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return *function*; when it is a coroutine function, one that returns the value to who can't await it."""
        code = getattr(function, "__code__", None)
        if code is None or not code.co_flags & COROUTINE or self._coroutines is None:
            return function
        from saltern_agent.coroutines import natural  # for modules that have some

        return natural(function, self._coroutines)

    def bundled(self, module: str) -> list[ModuleType]:
        """Return the bundled modules that callers know as *module*, whatever hides them."""
        return self._shelf.bundled(module)


class OfModule:
    """One module's functions, by attribute."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]], module: str) -> None:
        self._functions = functions
        self._module = module

    def __getattr__(self, function: str) -> Callable[..., Any]:
        if function.startswith("__"):
            raise AttributeError(function)
        try:
            return self._functions[f"{self._module}.{function}"]
        except KeyError:
            raise AttributeError(f"'{self._module}.{function}' is not available.") from None
