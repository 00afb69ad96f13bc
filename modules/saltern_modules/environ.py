"""The environment of the agent itself, which what it runs afterwards inherits; it is gone when the agent restarts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal

__salt__: Mapping[str, Callable[..., Any]]

__powers__ = {
    "get": "indirect",
    "has_value": "reads",
    "item": "indirect",
    "items": "indirect",
    "setval": "indirect",  # PATH, LD_PRELOAD: another program runs next
    "setenv": "indirect",
}


def setval(key: str, val: Any, false_unsets: bool = False, permanent: bool = False) -> str | Literal[False] | None:
    """Set the variable *key* to the text *val*, and return it; ``False`` when it can't be set.

    ``val=False`` sets an empty text, with *false_unsets* removes the variable and returns ``None``. *permanent* is
    Windows' alone.

    CLI Example:

    .. code-block:: bash

        saltern '*' environ.setval foo bar
        saltern '*' environ.setval baz val=False false_unsets=True
    """
    try:
        if val is False and false_unsets is True:
            os.environ.pop(key, None)
            return None
        if val is not False and not isinstance(val, str):
            return False
        os.environ[key] = val or ""
        return os.environ[key]
    except (TypeError, ValueError, OSError):  # no text, a NUL or a = in it
        return False


def setenv(
    environ: Any,
    false_unsets: bool = False,
    clear_all: bool = False,
    update_minion: bool = False,
    permanent: bool = False,
) -> dict[str, Any] | Literal[False]:
    """Set the variables of the dict *environ*; return what :func:`setval` returns for each, by name.

    ``False`` when *environ* is no dict, or when one of its values is neither a text nor ``False``: those before it are
    set. *clear_all*: empties every other variable, or removes it with *false_unsets*. *update_minion*: fires an event
    ``environ_setenv`` that tells of it; the agent itself has the variables either way.

    CLI Example:

    .. code-block:: bash

        saltern '*' environ.setenv '{foo: bar, baz: quux}'
        saltern '*' environ.setenv '{a: b, c: false}' false_unsets=True
    """
    if not isinstance(environ, dict):
        return False
    found: dict[str, Any] = {}
    if clear_all is True:
        for key in [key for key in os.environ if key not in environ]:
            found[key] = setval(key, False, false_unsets)
    for key, val in environ.items():
        if not isinstance(val, str) and val is not False:
            return False
        found[key] = setval(key, val, false_unsets)
    if update_minion is True:
        told = {"environ": environ, "false_unsets": false_unsets, "clear_all": clear_all, "permanent": permanent}
        __salt__["event.fire"](told, "environ_setenv")
    return found


def get(key: str, default: Any = "") -> Any:
    """Return the variable *key*, *default* when there is none; ``False`` when *key* is no text.

    CLI Example:

    .. code-block:: bash

        saltern '*' environ.get HOME
        saltern '*' environ.get baz default=False
    """
    return os.environ.get(key, default) if isinstance(key, str) else False


def has_value(key: str, value: str | None = None) -> bool:
    """Return whether there is a variable *key*, and whether it is *value* when that is given.

    CLI Example:

    .. code-block:: bash

        saltern '*' environ.has_value foo
    """
    if not isinstance(key, str) or key not in os.environ:
        return False
    return value is None or os.environ[key] == value


def item(keys: str | list[str], default: Any = "") -> dict[str, Any]:
    """Return the variables *keys*, a name or a list of names, as a dict, with *default* for those not there.

    CLI Example:

    .. code-block:: bash

        saltern '*' environ.item foo
        saltern '*' environ.item '[foo, baz]' default=None
    """
    names = [keys] if isinstance(keys, str) else keys if isinstance(keys, list) else []
    return {name: os.environ.get(name, default) for name in names}


def items() -> dict[str, str]:
    """Return all variables.

    CLI Example:

    .. code-block:: bash

        saltern '*' environ.items
    """
    return dict(os.environ)
