"""``manage.*``: which minions are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saltern_master.fleet import Fleet
from saltern_master.keyring import Keyring


def functions(keyring: Keyring, fleet: Fleet) -> dict[str, Callable[..., Any]]:
    """Return the functions of this module."""

    def up() -> list[str]:
        """List the minions that are connected: ``saltern-run manage.up``"""
        return [minion for minion in keyring.minions() if fleet.is_present(minion)]

    def down() -> list[str]:
        """List the accepted minions that are away: ``saltern-run manage.down``"""
        return [minion for minion in keyring.minions() if not fleet.is_present(minion)]

    def status() -> dict[str, list[str]]:
        """List both: ``saltern-run manage.status``"""
        return {"up": up(), "down": down()}

    return {"manage.up": up, "manage.present": up, "manage.down": down, "manage.status": status}
