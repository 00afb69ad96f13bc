"""A scheduled job in Salt's words, and in the agent's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltern.errors import CommandError

UNITS_S = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
RETURNER_OPTIONS = ("returner", "return_config", "return_kwargs")
OPTIONS = ("function", "job_args", "job_kwargs", *UNITS_S, "enabled", "metrics", "return_job", *RETURNER_OPTIONS)
"""What a job can be given here."""

TAKEN = ("name", "maxrunning", "jid_include", "persist", "test")
"""Salt's options that change nothing here, or of which the default alone is there."""

ELSEWHERE: Mapping[str, str] = {
    "when": "the interval alone",
    "cron": "the interval alone",
    "once": "the interval alone",
    "splay": "a phase of its own for each minion",
    "offline": "what is scheduled here is kept by the running agent",
}
"""Options of Salt's that aren't here, with what there is instead."""

WANTED: dict[str, type] = {
    "function": str,
    "returner": str,
    "return_config": str,
    "return_kwargs": dict,
}
RENAMED = {"job_args": "args", "job_kwargs": "kwargs"}
"""What the functions call an option (as Salt's do), and what a job's definition calls it."""

DEFINITION = ("function", "args", "kwargs", "seconds", "enabled", "metrics", "return_job", *RETURNER_OPTIONS)
"""What a job's definition holds; the agent tells its state beside it."""

AS_GIVEN = (
    *("range", "when", "once", "once_fmt", "cron", "returner", "after", "return_config", "return_kwargs", "until"),
    *("run_on_start", "skip_during_range"),
)
"""Salt's options that an item has as they were given."""


def shown(name: str, job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the *job* of the agent's as Salt shows one; what is as it is by default isn't there."""
    item: dict[str, Any] = {"function": job["function"], "seconds": job["seconds"]}
    item |= {key: job[key] for key in ("args", "kwargs", *RETURNER_OPTIONS) if job.get(key)}
    if not job.get("return_job", True):
        item["return_job"] = False
    if job.get("metrics"):
        item["metrics"] = True
    return item | {"maxrunning": 1, "name": name, "enabled": bool(job.get("enabled", True)), "jid_include": True}


def refusal(kwargs: Mapping[str, Any]) -> str:
    """Return what is wrong with the times and arguments in *kwargs*, in Salt's words, or an empty text."""
    intervals = any(unit in kwargs for unit in UNITS_S)
    if intervals and ("when" in kwargs or "cron" in kwargs):
        return 'Unable to use "seconds", "minutes", "hours", or "days" with "when" or "cron" options.'
    if "when" in kwargs and "cron" in kwargs:
        return 'Unable to use "when" and "cron" options together.  Ignoring.'
    if not isinstance(kwargs.get("job_args", []), list):
        return "job_args is not a list. please correct and try again."
    if not isinstance(kwargs.get("job_kwargs", {}), dict):
        return "job_kwargs is not a dict. please correct and try again."
    return ""


def item_of(name: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item of Salt's schedule that *kwargs* make; they were looked at by :func:`refusal`."""
    item: dict[str, Any] = {"function": kwargs["function"]}
    item |= {key: kwargs[key] for key in (*UNITS_S, "return_job", "metadata") if key in kwargs}
    item |= {RENAMED[key]: kwargs[key] for key in RENAMED if key in kwargs}
    item |= {"maxrunning": kwargs.get("maxrunning", 1), "name": name}
    item |= {"enabled": kwargs.get("enabled", True), "jid_include": kwargs.get("jid_include", True)}
    if "splay" in kwargs:
        splay = kwargs["splay"]
        item["splay"] = {key: splay[key] for key in ("start", "end")} if isinstance(splay, dict) else splay
    return item | {key: kwargs[key] for key in AS_GIVEN if key in kwargs}


def definition_of(function: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return *kwargs* as (part of) a job's definition; raises ``CommandError`` naming what is wrong.

    *function* is what was called, for the messages.
    """
    definition: dict[str, Any] = {}
    seconds = 0.0
    for option, value in kwargs.items():
        if option.startswith("__") or option in TAKEN:
            if option == "maxrunning" and value != 1:
                raise CommandError(f"{function}: maxrunning: a job runs once at a time here, not {value!r}")
            continue
        if option in ELSEWHERE and value:
            raise CommandError(f"{function}: {option} isn't here: there is {ELSEWHERE[option]}")
        if option not in OPTIONS:
            raise CommandError(f"{function}: there is no option {option!r}{nearest(option, OPTIONS)}")
        if option in UNITS_S:
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise CommandError(f"{function}: {option} must be a number above 0, not {value!r}")
            seconds += value * UNITS_S[option]
            continue
        wanted = WANTED.get(option) or (bool if option not in RENAMED else object)
        if option == "return_job" and value == "nocache":
            value = False
        if not isinstance(value, wanted):
            raise CommandError(f"{function}: {option} must be a {wanted.__name__}, not {value!r}")
        definition[RENAMED.get(option, option)] = value
    if seconds:
        definition["seconds"] = int(seconds) if seconds == int(seconds) else seconds
    return definition


def nearest(name: str, known: Iterable[str]) -> str:
    """Return which of *known* was perhaps meant by *name*, or all of them, as the end of a sentence."""
    import difflib  # only a mistake needs it

    close = difflib.get_close_matches(name, list(known), 1)
    return f": did you mean {close[0]!r}?" if close else f": there are {', '.join(known) or 'none'}"
