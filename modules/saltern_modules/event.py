"""Events sent to the master's bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _agent

__opts__: Mapping[str, Any]

__powers__ = {"send": "indirect", "fire": "indirect"}


def send(tag: str, data: Mapping[str, Any] | None = None, **kwargs: Any) -> bool:
    """Send an event; keyword arguments become part of its data. Returns whether it was taken for sending.

    The master lets a minion publish under its own tags alone (``salt/minion/<id>/…`` and custom ones; see
    the master's documentation). Raises ``CommandError`` when *tag* is empty or *data* is no dict.

    CLI Example:

    .. code-block:: bash

        saltern '*' event.send myco/mytag foo=Foo bar=Bar
    """
    if not tag or not isinstance(tag, str):
        raise CommandError(f"event.send: the tag must be text such as myco/mytag, not {tag!r}")
    if data is not None and not isinstance(data, Mapping):
        raise CommandError(f"event.send: the data must be a dict, not {data!r}")
    own = {name: value for name, value in kwargs.items() if not name.startswith("__")}
    return _agent.connected(__opts__, "event.send").fire_event({**(data or {}), **own}, tag)


def fire(data: Mapping[str, Any], tag: str) -> bool:
    """Send an event with *data*, a dict, under *tag*.

    CLI Example:

    .. code-block:: bash

        saltern '*' event.fire '{"data": "my event data"}' 'tag'
    """
    return send(tag, data)
