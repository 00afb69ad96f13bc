"""The plugin *users*: who may log in, who is logged in, and keeping somebody out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, SalternError
from saltern_modules import _plugin

__salt__: Mapping[str, Callable[..., Any]]

__version__ = "1.0"
__powers__ = {"run": "writes", "show": "reads"}

ACTIONS = ("lock", "unlock")
NO_SHELLS = ("nologin", "false", "sync", "halt", "shutdown")
FIRST_PERSON = 1000
"""The first user number of people; those below are the system's."""


def show(parameters: Any = None, version: str = "", configuration: Any = None) -> dict[str, Any]:
    """Return the users that have a shell; another one with the number 0 than root is a warning.

    ``data``: ``{"users": 30, "people": [{"name", "uid", "shell", "groups"}], "logged_in": ["root"], "zero": 1}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' plugin_users.show
    """
    users = __salt__["user.getent"]()
    people = [
        {"name": one["name"], "uid": one["uid"], "shell": one["shell"], "groups": one["groups"]}
        for one in sorted(users, key=lambda one: (one["uid"], one["name"]))
        if one["shell"] and one["shell"].rpartition("/")[2] not in NO_SHELLS
    ]
    zero = sum(one["uid"] == 0 for one in users)
    logged_in = sorted({str(one["user"]) for one in __salt__["status.w"]()})
    data = {"users": len(users), "people": people[: _plugin.MAX_ROWS], "logged_in": logged_in, "zero": zero}
    return _plugin.answer(_plugin.WARNING if zero > 1 else _plugin.OK, data, __version__)


def run(parameters: Any = None, version: str = "", configuration: Any = None) -> dict[str, Any]:
    """Let somebody log in by no password any more, or again. Keys and open sessions stay; the system's users too.

    *parameters*: ``{"action": {"action": "lock"}, "users": [{"name": "fred"}]}``. ``data``: ``{"action": "lock",
    "failed": 0, "users": [{"name": "fred", "done": true}]}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' plugin_users.run '{"action": {"action": "lock"}, "users": [{"name": "fred"}]}'
    """
    given = _plugin.given("plugin_users.run", parameters)
    action = _plugin.chosen("plugin_users.run", given, "action", ACTIONS)
    names = [str(row.get("name", "")).strip() for row in _plugin.rows("plugin_users.run", given, "users")]
    if not names or not all(names):
        raise ArgumentError("plugin_users.run: users must name at least one user")
    done = [_done(action, name) for name in names]
    failed = sum(not one["done"] for one in done)
    data = {"action": action, "failed": failed, "users": done}
    return _plugin.answer(_plugin.ERROR if failed else _plugin.OK, data, __version__)


def _done(action: str, name: str) -> dict[str, Any]:
    try:
        known = __salt__["user.info"](name)
        if not known:
            return {"name": name, "done": False, "said": "there is no such user"}
        if known["uid"] < FIRST_PERSON:
            return {"name": name, "done": False, "said": "it is one of the system's own"}
        return {"name": name, "done": bool(__salt__[f"shadow.{action}_password"](name))}
    except SalternError as error:
        return {"name": name, "done": False, "said": str(error)[:300]}
