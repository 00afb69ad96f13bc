"""``alerts.*``: thresholds and their states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saltern_master.alerts.engine import AlertEngine


def functions(engine: AlertEngine) -> dict[str, Callable[..., Any]]:
    """Return the functions of this module."""

    def list_() -> list[dict[str, Any]]:
        """List the rules, with faults and every series' state: ``saltern-run alerts.list``"""
        return engine.listing()

    return {"alerts.list": list_}
