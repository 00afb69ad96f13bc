"""Which returners a job's return goes to beside the master, as whoever asked for the job says."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from saltern.errors import IdError
from saltern.ids import returners_of
from saltern.named import NamedTuple


class ReturnTo(NamedTuple):
    """Returners by *names*; *config* names an alternative set of their options, *kwargs* are options themselves.

    Those of *own* get neither: the minion is configured with them, and whoever asked for the job didn't name them, nor
    need he be allowed to say where they write to.
    """

    names: tuple[str, ...]
    config: str = ""
    kwargs: Mapping[str, Any] = MappingProxyType({})
    own: tuple[str, ...] = ()

    def also(self, names: tuple[str, ...]) -> ReturnTo:
        """Return the same with more *names*, of the minion's own."""
        own = tuple(name for name in names if name not in self.names)
        return self._replace(names=(*self.names, *dict.fromkeys(own)), own=own)

    def options_of(self, name: str) -> tuple[str, Mapping[str, Any]]:
        """Return *config* and *kwargs* as the returner *name* gets them."""
        return ("", {}) if name in self.own else (self.config, self.kwargs)


NOWHERE = ReturnTo(())


def return_to(names: Any, config: Any = "", kwargs: Any = None) -> ReturnTo:
    """Return what *names* (``"a,b"`` or a list), an alternative's name and options mean; ``NOWHERE`` for none."""
    found = names_of(names)
    if not found:
        return NOWHERE
    options = {str(key): value for key, value in kwargs.items()} if isinstance(kwargs, Mapping) else {}
    return ReturnTo(found, config if isinstance(config, str) else "", options)


def names_of(names: Any) -> tuple[str, ...]:
    """Return the names in ``"a,b"`` or a list of names; none when they make no sense."""
    try:
        return tuple(returners_of(names))
    except IdError:
        return ()
