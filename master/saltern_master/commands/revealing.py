"""Which functions return what isn't for everybody who may see results: pillar, configuration, what others were given.

Of these, who started the job sees what came back; who may do everything, or see every event; and who may run the
function himself on that minion. For others it is ``***``, in ``jobs.*``, ``returns.*`` and events alike.
"""

from __future__ import annotations

from saltern_master.auth.caller import Caller
from saltern_master.auth.policy import Policy

MODULES = frozenset(
    {"beacons", "config", "data", "environ", "jinja", "mine", "pillar", "publish", "schedule", "slsutil"}
)
"""Modules whose functions return pillar, configuration, or what was given elsewhere."""
FUNCTIONS = frozenset(
    {
        "test.get_opts",
        "test.opts_pkg",
        *(f"saltutil.{n}" for n in ("running", "is_running", "find_job", "cmd", "cmd_iter", "runner", "wheel")),
        *(f"test.{n}" for n in ("try", "try_", "cross_test")),
        *(f"file.{n}" for n in ("apply_template_on_contents", "get_managed", "check_managed_changes", "get_diff")),
    }
)
"""Others that do: or that return what any function did, or a template's text."""


def reveals(fun: object) -> bool:
    """Return whether a function returns such, or one of several: a list of names, or text with commas."""
    names = fun if isinstance(fun, (list, tuple)) else str(fun).split(",")
    return any(str(name).partition(".")[0] in MODULES or str(name) in FUNCTIONS for name in names)


def result_shown(policy: Policy, caller: Caller, fun: object, minion: str) -> bool:
    """Return whether *caller* may see what *fun* returned on a *minion* that concerns him, to a job of another's."""
    if not reveals(fun) or policy.may_see_events(caller):
        return True
    names = [str(name) for name in (fun if isinstance(fun, (list, tuple)) else str(fun).split(","))]
    return (
        policy.blacklisted(caller, names) is None
        and not policy.refused_functions(caller, names)
        and policy.covers(caller, names, [minion])
    )
