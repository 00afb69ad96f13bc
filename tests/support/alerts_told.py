"""What ``alerts.list`` tells of a rule and its series."""

from __future__ import annotations

from typing import Any

NOW = 1796000000.0


def series(name: str, state: str = "crit", **more: Any) -> dict[str, Any]:
    """Return one series of a rule, since ``NOW``."""
    told = {"series": name, "state": state, "value": 96.2, "since_s": NOW, "acknowledged": None, "silenced": None}
    return {**told, **more}


def rule(name: str, *of_it: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a rule of the configuration, with the series *of_it*."""
    told = {"name": name, "target": f"{name}.*", "warn": "> 85", "crit": "> 95", "for": 0, "message": ""}
    place = {"enabled": True, "error": "", "place": "alerts.d/a.yaml: line 1", "editable": False, "rule": {}}
    return {**told, **place, **more, "series": list(of_it)}
