"""A plugin's results as metrics, and an alert on them: the few lines for the master's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from saltern_web.plugins.names import RUN, SHOW, function_of, module_of
from saltern_web.plugins.plugin import Plugin

USUAL_S = 60


def schedule_lines(plugin: Plugin, configuration: Mapping[str, Any]) -> str:
    """Return the master's schedule that has every minion run the plugin: its numbers become metrics."""
    entry = {
        "function": function_of(plugin.name, SHOW if plugin.meta.show else RUN),
        "kwargs": {"configuration": dict(configuration)},
        "seconds": plugin.meta.seconds or USUAL_S,
        "target": "*",
        "metrics": True,
    }
    if not configuration:
        del entry["kwargs"]
    return _yaml({"schedule": {module_of(plugin.name): entry}})


def alert_lines(plugin: Plugin) -> str:
    """Return a rule of ``alerts.d``: a warning is level 1, an error 2, what isn't known 3."""
    seconds = plugin.meta.seconds or USUAL_S
    rule: dict[str, Any] = {
        "metric": f"saltern.*.{module_of(plugin.name)}.level",
        "warn": ">= 1",
        "crit": ">= 2",
        "window": max(60, 3 * seconds),
    }
    return _yaml({module_of(plugin.name): rule})


def _yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, default_flow_style=False, allow_unicode=True))
