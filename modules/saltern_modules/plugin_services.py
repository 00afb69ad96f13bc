"""The plugin *services*: which run, and starting, stopping and restarting them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, SalternError
from saltern_modules import _plugin

__salt__: Mapping[str, Callable[..., Any]]

__version__ = "1.0"
__powers__ = {"run": "writes", "show": "reads"}

ACTIONS = ("start", "stop", "restart")


def show(parameters: Any = None, version: str = "", configuration: Any = None) -> dict[str, Any]:
    """Return whether the services of ``watched`` in *configuration* run; one that doesn't is an error.

    ``data``: ``{"installed": 14, "running": 9, "down": 1, "watched": {"cron": true, "nginx": false}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' plugin_services.show configuration='{watched: [cron]}'
    """
    watched = _plugin.given("plugin_services.show", configuration).get("watched") or []
    if not isinstance(watched, list):
        raise ArgumentError("plugin_services.show: watched must be a list of services")
    installed = __salt__["service.get_all"]()
    states = {str(name): _runs(str(name)) for name in watched[: _plugin.MAX_ROWS]}
    data: dict[str, Any] = {
        "installed": len(installed),
        "down": sum(not runs for runs in states.values()),
        "watched": states,
    }
    if "service.get_running" in __salt__:
        data["running"] = len(__salt__["service.get_running"]())
    return _plugin.answer(_plugin.ERROR if data["down"] else _plugin.OK, data, __version__)


def run(parameters: Any = None, version: str = "", configuration: Any = None) -> dict[str, Any]:
    """Start, stop or restart services, each by itself: one that fails keeps no other.

    *parameters*: ``{"action": {"action": "restart"}, "services": [{"name": "nginx"}]}``, as its form gives them.
    ``data``: ``{"action": "restart", "failed": 0, "services": [{"name": "nginx", "done": true, "runs": true}]}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' plugin_services.run '{"action": {"action": "restart"}, "services": [{"name": "cron"}]}'
    """
    given = _plugin.given("plugin_services.run", parameters)
    action = _plugin.chosen("plugin_services.run", given, "action", ACTIONS)
    names = [str(row.get("name", "")).strip() for row in _plugin.rows("plugin_services.run", given, "services")]
    if not names or not all(names):
        raise ArgumentError("plugin_services.run: services must name at least one service")
    done = [_done(action, name) for name in names]
    failed = sum(not one["done"] for one in done)
    data = {"action": action, "failed": failed, "services": done}
    return _plugin.answer(_plugin.ERROR if failed else _plugin.OK, data, __version__)


def _done(action: str, name: str) -> dict[str, Any]:
    """Return what came of it for one service."""
    said = ""
    try:
        if __salt__["service.available"](name):
            went_well = bool(__salt__[f"service.{action}"](name))
        else:
            went_well, said = False, "there is no such service"
    except SalternError as error:
        went_well, said = False, str(error)
    runs = _runs(name)
    if went_well and not said and runs is (action == "stop"):
        went_well, said = False, "it still runs" if runs else "it doesn't run"
    return {"name": name, "done": went_well, "runs": runs, **({"said": said[:300]} if said else {})}


def _runs(name: str) -> bool:
    try:
        return bool(__salt__["service.status"](name))
    except SalternError:
        return False
