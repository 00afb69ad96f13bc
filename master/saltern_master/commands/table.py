"""The one table: all that the master can be asked to do."""

from __future__ import annotations

from saltern.key_functions import KeyFunctions
from saltern_master.commands import alerts, events, files, followed, jobs, journal, keys, manage, metrics, minion
from saltern_master.commands.registry import Registry


def command_table(key_functions: KeyFunctions) -> Registry:
    """Return every command there is."""
    return Registry(
        [alerts, events, files, followed, jobs, journal, manage, metrics, minion], keys.commands(key_functions)
    )
