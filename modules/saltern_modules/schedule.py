"""The jobs that this minion runs on its own, at each slot of their interval.

Most come from the master's configuration. What is changed here is this minion's own, and outlives a
change of the master's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _agent
from saltern_modules._scheduled import item_of, nearest, refusal, shown

__opts__: Mapping[str, Any]

__func_alias__ = {"list_": "list"}

__proxyenabled__ = ["*"]

__powers__ = {
    "list": "reads",
    "build_schedule_item": "reads",
    "is_enabled": "reads",
    "job_status": "reads",
    "show_next_fire_time": "reads",
}


def list_(
    show_all: bool = False,
    show_disabled: bool = True,
    where: str | None = None,
    return_yaml: bool = True,
    offline: bool = False,
) -> str | dict[str, Any]:
    """Return the scheduled jobs as YAML, ``schedule: {name: item}``, or as a dict without *return_yaml*.

    An item holds ``function``, ``seconds``, ``enabled``, ``args``, ``kwargs`` and what else it was given, and in YAML
    ``saved``: jobs are kept over restarts. *show_all* shows those whose names begin with ``__`` too, *show_disabled*
    those that don't run. *where* ``pillar`` is empty: no jobs come from the pillar. What became of each is in
    ``schedule.job_status``. Raises ``CommandError`` for *offline*: the running agent keeps them.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.list
    """
    if offline:
        raise CommandError("schedule.list: offline: the running agent keeps the schedule: ask it")
    jobs = _agent.connected(__opts__, "schedule.list").schedule() if where in (None, "opts") else {}
    found = {
        name: shown(name, job)
        for name, job in jobs.items()
        if (show_all or not name.startswith("__")) and (show_disabled or job.get("enabled", True))
    }
    if not return_yaml:
        return found
    import yaml

    text: str = yaml.safe_dump({"schedule": {name: {**item, "saved": True} for name, item in found.items()}})
    return text


def job_status(name: str | None = None, time_fmt: str = "") -> dict[str, Any]:
    """Return the definition and the state of the job *name*, ``{}`` when there is none; of all by name without one.

    A definition holds ``function``, ``args``, ``kwargs``, ``seconds``, ``enabled``, ``metrics``, ``return_job``;
    the state ``source`` (``master`` or ``local``), ``next_slot``, ``last_slot`` (seconds since the epoch), ``running``,
    ``spooled`` (returns that the master has not acknowledged), ``last_error`` (``text`` and ``when`` of the last run
    that made no sample, or None) and how many returns were ``dropped`` on this host, slots ``skipped`` because the run
    before was not over, runs ``failed``; counted over restarts. *time_fmt* is taken, and does nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.job_status stats
    """
    jobs = _agent.connected(__opts__, "schedule.job_status").schedule()
    return jobs if name is None else jobs.get(name, {})


def is_enabled(name: str | None = None) -> Any:
    """Return the item of the job *name*, ``{}`` when there is none; without a name, whether jobs run at all.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.is_enabled stats
    """
    jobs = _agent.connected(__opts__, "schedule.is_enabled").schedule()
    if not name:
        return not jobs or any(job.get("enabled", True) for job in jobs.values())
    return shown(name, jobs[name]) if name in jobs else {}


def show_next_fire_time(name: str) -> dict[str, Any]:
    """Return ``{'result': True, 'next_fire_time': UTC as '2026-03-21T08:00:15'}``, None when it is disabled.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.show_next_fire_time stats
    """
    import time

    jobs = _agent.connected(__opts__, "schedule.show_next_fire_time").schedule()
    if name not in jobs:
        raise CommandError(f"schedule.show_next_fire_time: there is no job {name!r}{nearest(name, jobs)}")
    slot = jobs[name].get("next_slot")
    text = None if slot is None else time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(float(slot)))
    return {"result": True, "next_fire_time": text}


def build_schedule_item(name: str, **kwargs: Any) -> dict[str, Any]:
    """Return the item of a schedule that *kwargs*, those of ``schedule.add``, make in Salt; nothing is scheduled.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.build_schedule_item job1 function='test.ping' seconds=3600
    """
    if not name:
        return {"comment": "Job name is required.", "result": False}
    if wrong := refusal(kwargs):
        return {"comment": wrong, "result": False}
    return item_of(name, kwargs)
