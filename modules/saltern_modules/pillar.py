"""Data that the master hands to this minion alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules._lookup import MISSING, chosen, joined, lookup, overlaid

__pillar__: Mapping[str, Any]

__powers__ = {
    "items": "reads",
    "raw": "reads",
    "get": "reads",
    "fetch": "reads",
    "item": "reads",
    "filter_by": "reads",
    "keys": "reads",
    "ls": "reads",
    "obfuscate": "reads",
}


def items(
    *names: str, pillarenv: str | None = None, saltenv: str | None = None, unmask: bool | None = None
) -> dict[str, Any]:
    """Return the whole pillar, or those of its top keys that are called *names*.

    It is what this minion was given last; ``saltutil.refresh_pillar`` fetches it anew. The keywords are those of
    :func:`get`, and do nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.items
    """
    return {name: value for name, value in __pillar__.items() if not names or name in names}


def raw(key: str | None = None, unmask: bool | None = None) -> Any:
    """Return the whole pillar, or the value of its top key *key* (``{}`` when it is not there).

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.raw
    """
    return dict(__pillar__) if key is None else __pillar__.get(key, {})


def get(
    key: str,
    default: Any = "",
    merge: bool = False,
    merge_nested_lists: bool | None = None,
    delimiter: str = ":",
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool | None = None,
) -> Any:
    """Return the value at the path *key*, or *default* when there is none.

    With *merge*, a dict that is found is laid over the dict *default*, at every depth, and a list's members are put
    after those of the list *default*; *merge_nested_lists* says whether lists in dicts are put together too.
    *pillarenv* and *saltenv* are taken, and do nothing: there is one environment. So is *unmask*: a value is shown
    unless it is marked as a secret, and a secret is shown to nobody.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.get database:port 5432
    """
    if merge and isinstance(default, Mapping | list):
        found = lookup(__pillar__, key, type(default)(), delimiter)
        if isinstance(default, Mapping) and isinstance(found, Mapping):
            return overlaid(default, found, lists=bool(merge_nested_lists))
        if isinstance(default, list) and isinstance(found, list):
            return joined(default, found)
    return lookup(__pillar__, key, default, delimiter)


def fetch(key: str, default: Any = "", merge: bool = False, **kwargs: Any) -> Any:
    """Return what :func:`get` returns: its name for templates, where ``get`` is a dict's own.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.fetch database:port
    """
    return get(key, default, merge, **{name: value for name, value in kwargs.items() if not name.startswith("__")})


def filter_by(
    lookup_dict: Mapping[str, Any],
    pillar: str,
    merge: Mapping[str, Any] | None = None,
    default: str = "default",
    base: str | None = None,
) -> Any:
    """Return that value of *lookup_dict* whose key, a glob, is what is at the path *pillar*, as ``grains.filter_by``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.filter_by '{web: Serve, db: Store, default: Rest}' role
    """
    return chosen(lookup_dict, lookup(__pillar__, pillar, []), merge, default, base)


def obfuscate() -> dict[str, Any]:
    """Return the whole pillar with every value's type in its place: ``<str>``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.obfuscate
    """
    return {name: _type(value) for name, value in __pillar__.items()}


def _type(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _type(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_type(member) for member in value]
    return f"<{type(value).__name__}>"


def item(
    *names: str,
    default: Any = "",
    delimiter: str = ":",
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool | None = None,
) -> dict[str, Any]:
    """Return the values at the paths *names* as ``{path: value}``, *default* for those not there.

    The other keywords are those of :func:`get`.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.item role database:port
    """
    return {name: lookup(__pillar__, name, default, delimiter) for name in names}


def keys(key: str = "", delimiter: str = ":", unmask: bool | None = None) -> list[str]:
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


def ls(pillarenv: str | None = None, saltenv: str | None = None, unmask: bool | None = None) -> list[str]:
    """Return the top keys of the pillar, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.ls
    """
    return keys()
