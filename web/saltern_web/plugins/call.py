"""A plugin's job: what minions are given, and what is read of it again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.core import signing

from saltern.ids import JID_FORMAT
from saltern_web.api.client import Api, Begun
from saltern_web.plugins.names import RUN, SHOW, PluginFault, function_of
from saltern_web.plugins.plugin import Plugin

FUNCTIONS = (RUN, SHOW)
MAX_AGE_S = 86400
_SALT = "saltern.plugin.parameters"


class Order(NamedTuple):
    """Parameters that the form has passed, for one plugin."""

    plugin: str
    parameters: dict[str, Any]


class Job(NamedTuple):
    """A job of a plugin, as the master keeps it; *parameters* are ``None`` when they aren't for this viewer."""

    function: str
    parameters: dict[str, Any] | None
    version: str
    asked: list[str]
    """Whom it was meant for."""
    minions: list[str]
    """To whom it went."""
    user: str
    at: float | None
    returns: dict[str, dict[str, Any]]
    """By minion: ``return``, ``retcode``, ``success``."""


def seal(order: Order) -> str:
    """Return *order* as a text that comes back as it went, or not at all."""
    return signing.dumps(order._asdict(), salt=_SALT, compress=True)


def unseal(text: str, plugin: str) -> Order:
    """Return the order for *plugin* in *text*. Raises ``PluginFault``."""
    try:
        order = Order(**signing.loads(text, salt=_SALT, max_age=MAX_AGE_S))
    except (signing.BadSignature, TypeError, ValueError):
        raise PluginFault("what was confirmed is too old, or isn't whole: fill the form in again") from None
    if order.plugin != plugin:
        raise PluginFault("what was confirmed is another plugin's: fill the form in again")
    return order


async def begin(
    api: Api,
    plugin: Plugin,
    minions: Sequence[str],
    parameters: Mapping[str, Any],
    configuration: Mapping[str, Any],
    function: str = RUN,
) -> Begun:
    """Start a plugin's function on exactly *minions*. Raises what the API does."""
    kwarg = {
        "parameters": json.dumps(parameters, ensure_ascii=False),
        "version": plugin.meta.version,
        "configuration": dict(configuration),
    }
    return await api.begin(list(minions), function_of(plugin.name, function), kwarg=kwarg)


def read_job(told: Mapping[str, Any], plugin: str, at: float | None) -> Job | None:
    """Return the job that ``jobs.list_job`` tells of, begun *at*; ``None`` when it is none of the plugin's."""
    function = told.get("Function")
    if function not in [function_of(plugin, one) for one in FUNCTIONS]:
        return None
    given: Any = next((one for one in told.get("Arguments") or () if isinstance(one, dict)), None)
    kwarg = given if isinstance(given, dict) else {}
    asked, minions = ([str(one) for one in _listed(told.get(key))] for key in ("Target", "Minions"))
    returns = {str(minion): one for minion, one in dict(told.get("Result") or {}).items() if isinstance(one, dict)}
    return Job(
        str(function).rpartition(".")[2],
        _parameters(kwarg.get("parameters")),
        str(kwarg.get("version") or ""),
        asked,
        minions,
        str(told.get("User") or ""),
        at,
        returns,
    )


def began_at(jid: str) -> float:
    """Return when a job began (epoch s), which its jid says."""
    return datetime.strptime(jid, JID_FORMAT).replace(tzinfo=UTC).timestamp()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _parameters(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None
