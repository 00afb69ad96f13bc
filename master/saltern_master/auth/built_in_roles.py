"""The roles that are always there: who has them is configured, what they may is written here.

``admin`` may everything. ``operator`` runs any function on minions, reads what the master knows and follows events,
but manages no keys, no logins and nothing of the operator's own. ``watcher`` sees how things are and changes nothing:
no arguments, no secrets, no pillar; what isn't listed here he may not, whatever is added to the master.
"""

from __future__ import annotations

from types import MappingProxyType

from saltern_master.auth.entries import EVENTS, HOOKS, Entry, Word, parse_entries

EVERYTHING = "everything"
WATCHING = "watching"
"""To see statistics, states and results of minions, and to follow events as far as they are about these."""
ARGUMENTS = "arguments"
"""To see what others' jobs were given."""

_STATES = ("present", "joined", "allowed", "alived", "reaped")
WATCHED = (
    *(f"jobs.{name}" for name in ("list_jobs", "list_job", "lookup_jid", "active", "last_run", "exit_success")),
    *(f"manage.{name}" for name in ("up", "down", "status", "versions", "list_state", "list_not_state")),
    *(f"manage.{name}" for name in ("overview", "health", "groups", "modules", "devices")),
    *(f"manage.{name}" for state in _STATES for name in (state, f"not_{state}")),
    *("metrics.explain", "metrics.account", "alerts.list", "suite.list", "suite.report"),
    *("alerts.silences", "alerts.history"),
)
"""The runners of a watcher, one by one."""
OPERATED = (
    *(rf"{module}\..*" for module in ("jobs", "metrics", "returns", "suite", "cache", "mine")),
    *(f"alerts.{name}" for name in ("list", "history", "silences", "silence", "unsilence")),
    *("alerts.acknowledge", "alerts.unacknowledge", "alerts.try"),
    *(r"manage\.(?!key_regen|group_).*", "fileserver.envs", "fileserver.modules"),
    r"fileserver\.(file|dir|empty_dir|symlink)_list",
)
"""The runners of an operator."""

ADMIN, OPERATOR, WATCHER = "admin", "operator", "watcher"


def _entries(name: str, *given: object) -> tuple[Entry, ...]:
    return parse_entries(f"role {name}", list(given))


BUILT_IN = MappingProxyType(
    {
        ADMIN: (
            Word(f"role {ADMIN}", EVERYTHING),
            *_entries(ADMIN, ".*", EVENTS, HOOKS, "@runner", "@wheel"),
        ),
        OPERATOR: (
            *_entries(OPERATOR, ".*", EVENTS, HOOKS, {"@runner": list(OPERATED)}),
            Word(f"role {OPERATOR}", WATCHING),
            Word(f"role {OPERATOR}", ARGUMENTS),
        ),
        WATCHER: (
            *_entries(WATCHER, {"@runner": list(WATCHED)}),
            Word(f"role {WATCHER}", WATCHING),
        ),
    }
)
