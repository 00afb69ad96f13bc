"""What modules have as ``__salt__``, ``__utils__`` and ``__returners__``.

Modules ask whether a function is there before they use it: the answer no costs no search for what was perhaps meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from saltern_agent.loader.shelf import Shelf


class Functions(Mapping[str, Callable[..., Any]]):
    """Every function by ``module.function``, loaded when it is looked up: ``f["test.ping"]`` or ``f.test.ping``."""

    def __init__(self, shelf: Shelf, otherwise: Callable[[str], Callable[..., Any] | None] | None = None) -> None:
        """*otherwise* finds what isn't on the shelf."""
        self._shelf = shelf
        self._otherwise = otherwise

    def __getitem__(self, name: str) -> Callable[..., Any]:
        module, _, function = name.partition(".")
        found = self._shelf.function(module, function) if function else None
        if found is not None:
            return found[1]
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
