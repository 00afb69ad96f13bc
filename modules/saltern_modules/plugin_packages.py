"""The plugin *packages*: which updates there are, and installing them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _plugin

__salt__: Mapping[str, Callable[..., Any]]

__version__ = "1.0"
__powers__ = {"run": "writes", "show": "reads"}

ACTIONS = ("refresh", "update")
MAX_SHOWN = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,127}(?::[a-z0-9]{1,16})?")


def show(parameters: Any = None, version: str = "", configuration: Any = None) -> dict[str, Any]:
    """Return the updates that the lists of packages know of; more than ``most`` in *configuration* are a warning.

    ``data``: ``{"installed": 312, "updates": 2, "packages": [{"name": "bash", "now": "5.2-1", "new": "5.2-2"}]}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' plugin_packages.show
    """
    most = _plugin.given("plugin_packages.show", configuration).get("most", 0)
    if isinstance(most, bool) or not isinstance(most, int):
        raise ArgumentError("plugin_packages.show: most must be a number of updates")
    data = _updates()
    return _plugin.answer(_plugin.WARNING if data["updates"] > most else _plugin.OK, data, __version__)


def run(parameters: Any = None, version: str = "", configuration: Any = None) -> dict[str, Any]:
    """Read the lists of packages anew, or install updates of packages that are there: of those named, or of all.

    *parameters*: ``{"action": {"action": "update"}, "packages": [{"name": "bash"}]}``; no packages: all of them.
    ``data``: ``{"action": "update", "changes": {"bash": {"old": "5.2-1", "new": "5.2-2"}}, "updates": 0, …}``, and
    what ``show`` returns.

    CLI Example:

    .. code-block:: bash

        saltern '*' plugin_packages.run '{"action": {"action": "refresh"}}'
        saltern '*' plugin_packages.run '{"action": {"action": "update"}, "packages": [{"name": "bash"}]}'
    """
    given = _plugin.given("plugin_packages.run", parameters)
    action = _plugin.chosen("plugin_packages.run", given, "action", ACTIONS)
    names = [str(row.get("name", "")).strip() for row in _plugin.rows("plugin_packages.run", given, "packages")]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ArgumentError(f"plugin_packages.run: {name!r:.60} is no package's name")
    changes: Any = {}
    if action == "refresh":
        __salt__["pkg.refresh_db"]()
    elif names:
        installed = __salt__["pkg.list_pkgs"]()
        missing = [name for name in names if name.partition(":")[0] not in installed and name not in installed]
        if missing:
            raise CommandError(f"plugin_packages.run: not installed, so nothing was updated: {', '.join(missing)}")
        changes = __salt__["pkg.install"](pkgs=names, only_upgrade=True)
    else:
        changes = __salt__["pkg.upgrade"](refresh=False)
    data = {"action": action, "changed": len(changes), "changes": changes, **_updates()}
    return _plugin.answer(_plugin.OK, data, __version__)


def _updates() -> dict[str, Any]:
    installed = __salt__["pkg.list_pkgs"]()
    updates = __salt__["pkg.list_upgrades"](refresh=False)
    packages = [
        {"name": name, "now": str(installed.get(name, "")), "new": str(new)}
        for name, new in sorted(updates.items())[:MAX_SHOWN]
    ]
    return {"installed": len(installed), "updates": len(updates), "packages": packages}
