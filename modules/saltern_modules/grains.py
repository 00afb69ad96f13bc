"""Facts of this minion, collected on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern_modules._lookup import MISSING, lookup

__grains__: Mapping[str, Any]

__powers__ = {"items": "reads", "item": "reads", "get": "reads", "has_value": "reads", "ls": "reads", "keys": "reads"}


def items() -> dict[str, Any]:
    """Return every grain.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.items
    """
    return dict(__grains__)


def item(*names: str, delimiter: str = ":") -> dict[str, Any]:
    """Return the grains called *names* (colon paths too) as ``{name: value}``; those not there are left out.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.item os kernel
    """
    found = {name: lookup(__grains__, name, MISSING, delimiter) for name in names}
    return {name: value for name, value in found.items() if value is not MISSING}


def get(key: str, default: Any = "", delimiter: str = ":") -> Any:
    """Return the grain at the path *key*, or *default* when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.get pythonversion:0
    """
    return lookup(__grains__, key, default, delimiter)


def has_value(key: str, delimiter: str = ":") -> bool:
    """Return whether the grain at the path *key* is there and not empty, zero or false.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.has_value roles
    """
    return bool(lookup(__grains__, key, None, delimiter))


def ls() -> list[str]:
    """Return the names of the grains, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.ls
    """
    return sorted(__grains__)


def keys(key: str = "", delimiter: str = ":") -> list[str]:
    """Return the names of the grains, or of the dict at the path *key*, sorted; ``[]`` when it is no dict.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.keys
    """
    value = lookup(__grains__, key, None, delimiter) if key else __grains__
    return sorted(map(str, value)) if isinstance(value, Mapping) else []
