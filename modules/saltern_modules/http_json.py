"""Devices of the proxytype ``http_json``: what their pillar declares, and their HTTP interface itself.

How it is declared is said in ``proxy/http_json.py``, by example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__proxy__: Mapping[str, Callable[..., Any]]

__proxyenabled__ = ["http_json"]

# A GET sees all that the device's credentials may see, and does things on some devices.
__powers__ = {"get": "indirect", "call": "writes", "functions": "reads"}


def get(path: str, value: Any = "") -> Any:
    """Return what the device answers to a GET of *path*, below its ``url``: JSON as what it is, else a text.

    *value* is the path of what is wanted of it. Raises ``CommandError`` for an error's status, and when there is no
    answer.

    CLI Example:

    .. code-block:: bash

        saltern device http_json.get /system
        saltern device http_json.get '/ports?up=1' value=ports.0.name
    """
    return __proxy__["http_json.get"](str(path), value)


def call(name: str, /, **kwargs: Any) -> Any:
    """Make the request that the pillar declares as the function *name*, with its arguments; return the result.

    Raises ``ArgumentError`` for an argument too many or too few, ``CommandError`` for an error's status, and when there
    is no answer.

    CLI Example:

    .. code-block:: bash

        saltern device http_json.call port_down port=eth0
    """
    return __proxy__["http_json.call"](name, {key: value for key, value in kwargs.items() if key[:2] != "__"})


def functions() -> dict[str, dict[str, Any]]:
    """Return what :func:`call` can: ``{name: {'method', 'path', 'arguments', 'defaults'}}``.

    CLI Example:

    .. code-block:: bash

        saltern device http_json.functions
    """
    found: dict[str, dict[str, Any]] = __proxy__["http_json.functions"]()
    return found
