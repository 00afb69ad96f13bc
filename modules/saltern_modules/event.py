"""Events sent to the master's bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _agent

__opts__: Mapping[str, Any]

__grains__: Mapping[str, Any]
__pillar__: Mapping[str, Any]

__proxyenabled__ = ["*"]

__powers__ = {"send": "indirect", "fire": "reads", "fire_master": "indirect"}


def send(
    tag: str,
    data: Any = None,
    preload: Any = None,
    with_env: bool | list[str] = False,
    with_grains: bool | list[str] = False,
    with_pillar: bool | list[str] = False,
    with_env_opts: bool = False,
    **kwargs: Any,
) -> bool:
    """Send an event; keyword arguments become part of its data, *data* counts when it is a dict. Returns ``True``.

    *with_env*, *with_grains* and *with_pillar* add the environment, grains or pillar, all of it or what a list names;
    *with_env_opts* adds ``saltenv`` and ``pillarenv``. *preload* is Salt's, and says nothing here. The master lets a
    minion publish under its own tags alone. Raises ``CommandError`` when *tag* is no text.

    CLI Example:

    .. code-block:: bash

        saltern '*' event.send myco/mytag foo=Foo bar=Bar
    """
    import os

    sent: dict[str, Any] = {}
    for name, wanted, source in (
        ("environ", with_env, os.environ),
        ("grains", with_grains, __grains__),
        ("pillar", with_pillar, __pillar__),
    ):
        if wanted:
            sent[name] = {k: v for k, v in source.items() if not isinstance(wanted, list) or k in wanted}
    if with_env_opts:
        sent |= {"saltenv": __opts__.get("saltenv") or "base", "pillarenv": __opts__.get("pillarenv")}
    sent.update(kwargs)
    if isinstance(data, Mapping):
        sent.update(data)
    return fire_master(sent, tag)


def fire_master(data: Any, tag: str, preload: Any = None) -> bool:
    """Send an event with *data* under *tag* to the master. Raises ``CommandError`` when *tag* is no text.

    CLI Example:

    .. code-block:: bash

        saltern '*' event.fire_master '{"data": "my event data"}' 'tag'
    """
    if not tag or not isinstance(tag, str):
        raise CommandError(f"event.send: the tag must be text such as myco/mytag, not {tag!r}")
    return _agent.connected(__opts__, "event.send").fire_event(data, tag)


def fire(data: Any, tag: str) -> bool:
    """Say whether *data* could be an event on the minion's own bus, which is for a dict.

    In an agent nothing listens to such events, so that there they end: ``event.send`` tells the master.

    CLI Example:

    .. code-block:: bash

        saltern '*' event.fire '{"data": "my event data"}' 'tag'
    """
    return isinstance(data, Mapping) and isinstance(tag, str) and bool(tag)
