"""The plugin *logs*: the last lines of a log, or of those that hold a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError
from saltern_modules import _plugin

__salt__: Mapping[str, Callable[..., Any]]

__version__ = "1.0"
__powers__ = {"run": "indirect"}
"""As ``logs.tail``: what is in logs is not for everybody."""

KEYS = ("path", "unit", "lines", "since", "match")


def run(parameters: Any = None, version: str = "", configuration: Any = None) -> dict[str, Any]:
    """Return the last lines of a log; with ``warn_if_found`` lines that were looked for are a warning.

    *parameters*: ``{"log": {"path": "/var/log/syslog", "unit": "", "lines": 50, "since": "1h", "match": "error",
    "warn_if_found": true}}``; *configuration*: ``{"path": "/var/log/syslog", "lines": 50}`` for what isn't given.
    ``data``: ``{"found": 2, "lines": ["…", "…"]}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' plugin_logs.run '{"log": {"path": "/var/log/dpkg.log", "lines": 5}}'
    """
    member = _plugin.given("plugin_logs.run", parameters).get("log") or {}
    if not isinstance(member, Mapping):
        raise ArgumentError("plugin_logs.run: log must be a map")
    usual = _plugin.given("plugin_logs.run", configuration)
    asked = {key: member[key] for key in KEYS if member.get(key) not in (None, "")}
    asked.setdefault("lines", usual.get("lines", 50))
    if "unit" not in asked:
        asked.setdefault("path", usual.get("path", "/var/log/syslog"))
    lines = __salt__["logs.tail"](**asked)
    warned = bool(member.get("warn_if_found") and lines)
    data = {"found": len(lines), "lines": lines}
    return _plugin.answer(_plugin.WARNING if warned else _plugin.OK, data, __version__)
