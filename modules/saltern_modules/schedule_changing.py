"""Changing this minion's schedule; what is changed here outlives a change of the master's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _agent
from saltern_modules._scheduled import DEFINITION, definition_of, refusal, shown

__opts__: Mapping[str, Any]

__virtualname__ = "schedule"

__proxyenabled__ = ["*"]

__powers__ = {
    "add": "indirect",
    "modify": "indirect",
    "delete": "writes",
    "purge": "writes",
    "enable_job": "indirect",
    "disable_job": "writes",
    "enable": "indirect",
    "disable": "writes",
    "run_job": "indirect",
    "reload": "reads",
    "save": "reads",
}
__func_alias__ = {"reload_": "reload"}


def __virtual__() -> str:
    """Return the name of the module that this is a part of."""
    return __virtualname__


def add(name: str, **kwargs: Any) -> dict[str, Any]:
    """Add a job to this minion's schedule; return ``{comment, result, changes: {name: 'added'}}``.

    *kwargs*: ``function`` and an interval in ``seconds``, ``minutes``, ``hours`` or ``days`` (added up) are
    needed; ``job_args`` (list), ``job_kwargs`` (dict), ``enabled`` (True), ``metrics`` (False: its numbers become
    metrics), ``return_job`` (True: the return is stored), ``returner`` (a name, or several as ``a,b``: what the
    return goes to beside the master), ``return_config``, ``return_kwargs`` and ``test`` may be given. Raises
    ``CommandError`` for an option that is unknown or wrong.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.add uptime function=status.uptime seconds=60
    """
    agent = _agent.connected(__opts__, "schedule.add")
    if not name:
        return _answer("Job name is required.", result=False)
    if name in agent.schedule():
        return _answer(f"Job {name} already exists in schedule.", result=False)
    if wrong := refusal(kwargs):
        return _answer(wrong, result=False)
    definition = definition_of("schedule.add", kwargs)
    for needed in ("function", "seconds"):
        if needed not in definition:
            raise ArgumentError(f"schedule.add: {name} needs {needed}, as in function=test.ping seconds=60")
    if kwargs.get("test"):
        return _answer(f"Job: {name} would be added to schedule.")
    agent.schedule_modify(name, definition)
    return _answer(f"Added job: {name} to schedule.", {name: "added"})


def modify(name: str, **kwargs: Any) -> dict[str, Any]:
    """Change options of a job, those of ``schedule.add``, on this minion; what isn't given stays as it is.

    Return ``{comment, result, changes: {name: {old, new}}}``. Raises ``CommandError`` for an option that is unknown or
    wrong.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.modify stats seconds=30
    """
    if wrong := refusal(kwargs):
        return _answer(wrong, result=False)
    agent = _agent.connected(__opts__, "schedule.modify")
    job = agent.schedule().get(name)
    if job is None:
        return _answer(f"Job {name} does not exist in schedule.", result=False)
    changes = definition_of("schedule.modify", kwargs)
    definition = {**_definition(job), **changes}
    if definition == _definition(job):
        return _answer(f"Job {name} in correct state")
    told = {name: {"old": shown(name, job), "new": shown(name, {**job, **changes})}}
    if kwargs.get("test"):
        return _answer(f"Job: {name} would be modified in schedule.", told)
    agent.schedule_modify(name, definition)
    return _answer(f"Modified job: {name} in schedule.", told)


def delete(name: str, test: bool = False, **kwargs: Any) -> dict[str, Any]:
    """Delete a job from this minion's schedule; return ``{comment, result, changes: {name: 'removed'}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.delete uptime
    """
    agent = _agent.connected(__opts__, "schedule.delete")
    if test:
        return _answer(f"Job: {name} would be deleted from schedule.")
    if name not in agent.schedule():
        return _answer(f"Job {name} does not exist.", result=False)
    agent.schedule_modify(name, None)
    return _answer(f"Deleted Job {name} from schedule.", {name: "removed"})


def purge(test: bool = False, **kwargs: Any) -> dict[str, Any]:
    """Delete every job from this minion's schedule; ``comment`` has a sentence for each.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.purge
    """
    agent = _agent.connected(__opts__, "schedule.purge")
    names = [name for name in agent.schedule() if not name.startswith("__")]
    if test:
        said = [f"Job: {name} would be deleted from schedule." for name in names]
        return {"comment": said, "changes": {}, "result": True}
    for name in names:
        agent.schedule_modify(name, None)
    said = [f"Deleted job: {name} from schedule." for name in names]
    return {"comment": said, "changes": dict.fromkeys(names, "removed"), "result": True}


def enable_job(name: str, **kwargs: Any) -> dict[str, Any]:
    """Let a job run again at its slots; return ``{comment, result, changes: {name: 'enabled'}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.enable_job stats
    """
    return _switched("schedule.enable_job", name, on=True)


def disable_job(name: str, test: bool = False, **kwargs: Any) -> dict[str, Any]:
    """Keep a job from running until it is enabled; return ``{comment, result, changes: {name: 'disabled'}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.disable_job stats
    """
    if test:
        return _answer(f"Job: {name} would be disabled in schedule.")
    return _switched("schedule.disable_job", name, on=False)


def enable(test: bool = False, **kwargs: Any) -> dict[str, Any]:
    """Let every job run again at its slots; return ``{comment, result, changes: {'schedule': 'enabled'}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.enable
    """
    if test:
        return _answer("Schedule would be enabled.")
    return _all_switched("schedule.enable", on=True)


def disable(test: bool = False, **kwargs: Any) -> dict[str, Any]:
    """Keep every job from running; one can be enabled again, or all by ``schedule.enable``.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.disable
    """
    if test:
        return _answer("Schedule would be disabled.")
    return _all_switched("schedule.disable", on=False)


def run_job(name: str, force: bool = False) -> dict[str, Any]:
    """Run a scheduled job now, a disabled one with *force*; return ``{result, comment, jid}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.run_job stats
    """
    agent = _agent.connected(__opts__, "schedule.run_job")
    job = agent.schedule().get(name)
    if job is None:
        return {"comment": f"Job {name} does not exist.", "result": False}
    if not job.get("enabled", True) and not force:
        return {"comment": f"Job {name} is disabled.", "result": True}
    return {"comment": f"Scheduling Job {name} on minion.", "result": True, "jid": agent.schedule_run(name)}


def save(**kwargs: Any) -> dict[str, Any]:
    """Do nothing: what is changed is kept at once.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.save
    """
    return {"comment": "Schedule (non-pillar items) saved.", "result": True}


def reload_() -> dict[str, Any]:
    """Do nothing: the schedule that is kept is the one that runs.

    CLI Example:

    .. code-block:: bash

        saltern '*' schedule.reload
    """
    return {"comment": [], "result": True}


def _definition(job: Mapping[str, Any]) -> dict[str, Any]:
    return {key: job[key] for key in DEFINITION if key in job}


def _switched(function: str, name: str, *, on: bool) -> dict[str, Any]:
    agent = _agent.connected(__opts__, function)
    job = agent.schedule().get(name)
    if job is None:
        return _answer(f"Job {name} does not exist.", result=False)
    agent.schedule_modify(name, {**_definition(job), "enabled": on})
    return _answer(f"{'Enabled' if on else 'Disabled'} Job {name} in schedule.", {name: _word(on)})


def _all_switched(function: str, *, on: bool) -> dict[str, Any]:
    agent = _agent.connected(__opts__, function)
    failed = []
    for name, job in agent.schedule().items():
        try:
            agent.schedule_modify(name, {**_definition(job), "enabled": on})
        except CommandError as error:
            failed.append(f"{name}: {error}")
    if failed:
        return _answer(f"Failed to {'enable' if on else 'disable'} schedule on minion: {failed[0]}", result=False)
    return _answer(f"{'Enabled' if on else 'Disabled'} schedule on minion.", {"schedule": _word(on)})


def _word(on: bool) -> str:
    return "enabled" if on else "disabled"


def _answer(comment: str, changes: Mapping[str, Any] | None = None, *, result: bool = True) -> dict[str, Any]:
    return {"comment": comment, "changes": dict(changes or {}), "result": result}
