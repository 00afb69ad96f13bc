"""The jobs that this minion runs on its own, at each slot of their interval.

Most come from the master's configuration. What is changed here is this minion's own, and outlives a
change of the master's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _agent

__opts__: Mapping[str, Any]

__func_alias__ = {"list_": "list"}

__powers__ = {
    "list": "reads",
    "add": "indirect",
    "modify": "indirect",
    "delete": "writes",
    "enable_job": "indirect",
    "disable_job": "writes",
    "run_job": "indirect",
    "is_enabled": "reads",
    "show_next_fire_time": "reads",
}

UNITS_S = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
RETURNER_OPTIONS = ("returner", "return_config", "return_kwargs")
OPTIONS = ("function", "job_args", "job_kwargs", *UNITS_S, "enabled", "metrics", "return_job", *RETURNER_OPTIONS)
WANTED: dict[str, type] = {
    "function": str,
    "job_args": list,
    "job_kwargs": dict,
    "returner": str,
    "return_config": str,
    "return_kwargs": dict,
}
RENAMED = {"job_args": "args", "job_kwargs": "kwargs"}
"""What the functions call an option (as Salt's do), and what a job's definition calls it."""

DEFINITION = ("function", "args", "kwargs", "seconds", "enabled", "metrics", "return_job", *RETURNER_OPTIONS)
"""What a job's definition holds; the agent tells its state beside it."""


def list_(show_disabled: bool = True) -> dict[str, dict[str, Any]]:
    """Return the scheduled jobs as ``{name: definition and state}``.

    A definition holds ``function``, ``args``, ``kwargs``, ``seconds``, ``enabled``, ``metrics``, ``return_job``;
    the state ``source`` (``master`` or ``local``), ``next_slot``, ``last_slot`` (seconds since the epoch), ``running``,
    ``spooled`` (returns that the master has not acknowledged), ``last_error`` (``text`` and ``when`` of the last run
    that made no sample, or None) and how many returns were ``dropped`` on this host, slots ``skipped`` because the run
    before was not over, runs ``failed``; counted over restarts.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.list
    """
    jobs = _agent.connected(__opts__, "schedule.list").schedule()
    return {name: job for name, job in jobs.items() if show_disabled or job.get("enabled", True)}


def add(name: str, **kwargs: Any) -> dict[str, Any]:
    """Add a job to this minion's schedule; return ``{'result': True, 'comment': text}``.

    *kwargs*: ``function`` and an interval in ``seconds``, ``minutes``, ``hours`` or ``days`` (added up) are
    needed; ``job_args`` (list), ``job_kwargs`` (dict), ``enabled`` (True), ``metrics`` (True: its numbers become
    metrics), ``return_job`` (False: the return is not stored), ``returner`` (a name, or several as ``a,b``: what the
    return goes to beside the master), ``return_config`` and ``return_kwargs`` may be given. Raises ``CommandError``
    when one is missing, unknown or wrong, or when the job exists.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.add uptime function=status.uptime seconds=60
    """
    agent = _agent.connected(__opts__, "schedule.add")
    if name in agent.schedule():
        raise CommandError(f"schedule.add: there is a job {name!r} already: schedule.modify changes it")
    definition = _definition("schedule.add", kwargs)
    for needed in ("function", "seconds"):
        if needed not in definition:
            raise CommandError(f"schedule.add: {name} needs {needed}, as in function=test.ping seconds=60")
    return _done(agent.schedule_modify(name, definition), f"Added job: {name} to schedule.")


def modify(name: str, **kwargs: Any) -> dict[str, Any]:
    """Change some options of a job (those of ``schedule.add``) on this minion.

    Raises ``CommandError`` when there is no such job, or an option is unknown or wrong.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.modify stats seconds=30
    """
    changes = _definition("schedule.modify", kwargs)
    return _override("schedule.modify", name, changes, f"Modified job: {name} in schedule.")


def delete(name: str) -> dict[str, Any]:
    """Delete a job from this minion's schedule.

    Raises ``CommandError`` when there is no such job.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.delete uptime
    """
    agent, _ = _job("schedule.delete", name)
    return _done(agent.schedule_modify(name, None), f"Deleted job: {name} from schedule.")


def enable_job(name: str) -> dict[str, Any]:
    """Let a job run again at its slots.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.enable_job stats
    """
    return _override("schedule.enable_job", name, {"enabled": True}, f"Enabled job: {name} in schedule.")


def disable_job(name: str) -> dict[str, Any]:
    """Keep a job from running until it is enabled.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.disable_job stats
    """
    return _override("schedule.disable_job", name, {"enabled": False}, f"Disabled job: {name} in schedule.")


def run_job(name: str) -> dict[str, Any]:
    """Run a scheduled job now; return ``{'result': True, 'comment': text, 'jid': text}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.run_job stats
    """
    agent, _ = _job("schedule.run_job", name)
    return {**_done(True, f"Scheduling Job {name} on minion."), "jid": agent.schedule_run(name)}


def is_enabled(name: str) -> bool:
    """Return whether a job is there and enabled.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.is_enabled stats
    """
    job = _agent.connected(__opts__, "schedule.is_enabled").schedule().get(name)
    return job is not None and bool(job.get("enabled", True))


def show_next_fire_time(name: str) -> dict[str, Any]:
    """Return ``{'result': True, 'next_fire_time': UTC as '2026-03-21T08:00:15'}``, None when it is disabled.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.show_next_fire_time stats
    """
    import time

    _, job = _job("schedule.show_next_fire_time", name)
    slot = job.get("next_slot")
    text = None if slot is None else time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(float(slot)))
    return {"result": True, "next_fire_time": text}


def _job(function: str, name: str) -> tuple[_agent.Agent, dict[str, Any]]:
    """Return the agent and the job *name*; raises ``CommandError`` when there is none."""
    agent = _agent.connected(__opts__, function)
    jobs = agent.schedule()
    if name not in jobs:
        raise CommandError(f"{function}: there is no job {name!r}{_nearest(name, jobs)}")
    return agent, jobs[name]


def _override(function: str, name: str, changes: Mapping[str, Any], comment: str) -> dict[str, Any]:
    agent, job = _job(function, name)
    definition = {key: job[key] for key in DEFINITION if key in job}
    return _done(agent.schedule_modify(name, {**definition, **changes}), comment)


def _done(result: bool, comment: str) -> dict[str, Any]:
    return {"result": result, "comment": comment}


def _definition(function: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return *kwargs* as (part of) a job's definition; raises ``CommandError`` naming what is wrong."""
    definition: dict[str, Any] = {}
    seconds = 0.0
    for option, value in kwargs.items():
        if option.startswith("__"):
            continue
        if option not in OPTIONS:
            raise CommandError(f"{function}: there is no option {option!r}{_nearest(option, OPTIONS)}")
        if option in UNITS_S:
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise CommandError(f"{function}: {option} must be a number above 0, not {value!r}")
            seconds += value * UNITS_S[option]
            continue
        wanted = WANTED.get(option, bool)
        if not isinstance(value, wanted):
            raise CommandError(f"{function}: {option} must be a {wanted.__name__}, not {value!r}")
        definition[RENAMED.get(option, option)] = value
    if seconds:
        definition["seconds"] = int(seconds) if seconds == int(seconds) else seconds
    return definition


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib  # only a mistake needs it

    close = difflib.get_close_matches(name, list(known), 1)
    return f": did you mean {close[0]!r}?" if close else f": there are {', '.join(known) or 'none'}"
