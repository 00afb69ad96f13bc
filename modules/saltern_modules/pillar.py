"""Data that the master hands to this minion alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules._lookup import MISSING, lookup

__pillar__: Mapping[str, Any]

__powers__ = {"items": "reads", "raw": "reads", "get": "reads", "item": "reads", "keys": "reads", "ls": "reads"}


def items(*names: str) -> dict[str, Any]:
    """Return the whole pillar, or those of its top keys that are called *names*.

    It is what this minion was given last; ``saltutil.refresh_pillar`` fetches it anew.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.items
    """
    return {name: value for name, value in __pillar__.items() if not names or name in names}


def raw(key: str | None = None) -> Any:
    """Return the whole pillar, or the value of its top key *key* (``{}`` when it is not there).

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.raw
    """
    return dict(__pillar__) if key is None else __pillar__.get(key, {})


def get(key: str, default: Any = "", delimiter: str = ":") -> Any:
    """Return the value at the path *key*, or *default* when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.get database:port 5432
    """
    return lookup(__pillar__, key, default, delimiter)


def item(*names: str, default: Any = "", delimiter: str = ":") -> dict[str, Any]:
    """Return the values at the paths *names* as ``{path: value}``, *default* for those not there.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.item role database:port
    """
    return {name: lookup(__pillar__, name, default, delimiter) for name in names}


def keys(key: str = "", delimiter: str = ":") -> list[str]:
    """Return the keys of the pillar, or of the dict at the path *key*, sorted.

    Raises ``CommandError`` when there is nothing at the path, or no dict.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.keys database
    """
    value = lookup(__pillar__, key, MISSING, delimiter) if key else __pillar__
    if value is MISSING:
        raise CommandError(f"pillar.keys: there is nothing at {key!r}")
    if not isinstance(value, Mapping):
        raise CommandError(f"pillar.keys: {key!r} is no dict but a {type(value).__name__}")
    return sorted(map(str, value))


def ls() -> list[str]:
    """Return the top keys of the pillar, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.ls
    """
    return keys()
