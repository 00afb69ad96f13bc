"""The host in numbers: what ``stats.collect`` returns is what a fleet's dashboards are made of.

What is measured is up to the collectors, one file each in the folder ``collectors``. They are switched
and filtered by the agent's option ``stats``::

    stats:
      collectors: {temperature: false}
      disk: {exclude_mount: ["/mnt/*"]}
      net: {exclude: ["veth*"]}

What is wrong in it leaves out the collector that it belongs to; the agent's log says it once.

``proc_root`` and ``sys_root`` say where the host's ``/proc`` and ``/sys`` are, for an agent in a container.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _agent
from saltern_modules.collectors.catalogue import listed, load
from saltern_modules.collectors.options import Chosen, chosen, nearest
from saltern_modules.collectors.sampler import Sampler

log = logging.getLogger(__name__)

__opts__: Mapping[str, Any]
__context__: dict[str, Any]

__powers__ = {"collect": "reads", "get": "reads", "collectors": "reads", "explain": "reads", "numbers": "reads"}

MAX_SAMPLERS = 8
"""One for each schedule that samples, and one for calls by hand."""


def collect() -> dict[str, Any]:
    """Return one sample: a nested dict whose leaves are numbers, more than 150 on an ordinary host.

    Sizes are in bytes, shares in percent (0 to 100), durations in the unit that their name ends in.
    Counters count since boot. A rate (``…_per_s``, and the processors' percentages) is taken since the
    previous sample of the same schedule, so the first sample has none, nor has one whose counter was
    reset. What the host does not have is absent. ``collector.<name>`` tells each collector's own
    ``duration_ms`` and ``success`` (1, or 0 when it failed or its options are wrong; the others' numbers are there all
    the same).

    CLI Example:

    .. code-block:: bash

        saltern '*' stats.collect
    """
    sample = _sampler().sample()
    agent = _agent.present(__opts__)
    devices = agent.devices() if agent is not None else {}
    if devices:  # hardly any host speaks for some
        sample.setdefault("agent", {})["devices"] = devices
    return sample


def get(name: str) -> dict[str, Any]:
    """Return one collector's part of a sample: ``{'cpu': {…}, 'collector': {'cpu': {…}}}``.

    Raises ``CommandError`` when there is no such collector, when it is switched off or its options are wrong, and when
    this host has nothing that it could measure.

    CLI Example:

    .. code-block:: bash

        saltern '*' stats.get cpu
    """
    sampler = _sampler()
    _known("get", name)
    if not sampler.chosen.switches[name]:
        raise CommandError(f"stats.get: the collector {name!r} is off: switch it on in stats: collectors")
    if name in sampler.chosen.faults:
        raise CommandError(f"stats.get: {sampler.chosen.faults[name]}")
    sample = sampler.sample(name)
    if name in sampler.lacking:
        raise CommandError(f"stats.get: {name}: {sampler.lacking[name]}")
    return sample


def collectors() -> dict[str, dict[str, Any]]:
    """Return every collector as ``{name: {'on': bool, 'description': str, 'settings': {option: default}}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' stats.collectors
    """
    found = chosen(__opts__.get("stats"))
    on = {name for name, switch in found.switches.items() if switch and name not in found.faults}
    return {
        name: {"on": name in on, "description": load(name).description, "settings": dict(load(name).settings)}
        for name in listed()
    }


def explain(name: str = "") -> dict[str, dict[str, Any]]:
    """Return which collectors are at work here, why others aren't, and what each costs.

    For each ``on`` and ``why``; where it is on, ``metrics`` (how many numbers its last sample had) and ``cost_ms``
    (milliseconds a sample, on average since the agent's start); ``failed``, when its last run did. They are those of
    the schedule that samples most often here; where none does, one sample is taken, which has no rates yet.
    With *name*, of that collector alone, with ``numbers`` as ``stats.numbers`` tells them.

    Raises ``CommandError`` when there is no such collector.

    CLI Example:

    .. code-block:: bash

        saltern '*' stats.explain
        saltern '*' stats.explain disk
    """
    from saltern_modules.collectors import explained

    if name:
        _known("explain", name)
    own = _sampler()
    sampler = max(__context__["samplers"].values(), key=lambda sampler: sampler.samples)
    if not sampler.samples:
        own.sample()
    rows = explained.explained(sampler)
    return {name: {**rows[name], "numbers": explained.numbers(name)}} if name else rows


def numbers(name: str = "") -> dict[str, dict[str, Any]]:
    """Return what every number is: ``{'cpu.*.percent': {'kind': 'gauge', 'unit': '%', 'help': …}, …}``.

    A ``*`` stands for one segment of a metric's name: a processor, a mount. With *name*, that collector's alone.

    Raises ``CommandError`` when there is no such collector.

    CLI Example:

    .. code-block:: bash

        saltern '*' stats.numbers cpu
    """
    from saltern_modules.collectors import explained

    if name:
        _known("numbers", name)
    return {key: told for each in ([name] if name else listed()) for key, told in explained.numbers(each).items()}


def _known(function: str, name: str) -> None:
    """Raise ``CommandError`` when there is no collector *name*."""
    if name not in listed():
        raise CommandError(f"stats.{function}: there is no collector {name!r}{nearest(name, listed())}")


def _sampler() -> Sampler:
    """Return the sampler of the schedule that calls.

    Each schedule has its own, so that a call by hand between two slots does not shorten the time that
    the next slot's rates are taken over.
    """
    agent = _agent.present(__opts__)
    caller = str(agent.current_job().get("schedule") or "") if agent else ""
    samplers: dict[str, Sampler] = __context__.setdefault("samplers", {})
    if caller not in samplers:
        while len(samplers) >= MAX_SAMPLERS:
            idle = next((name for name, sampler in samplers.items() if not sampler.hangs()), None)
            if idle is None:  # another sampler would only hang as well, and keep threads of its own
                return next(iter(samplers.values()))
            samplers.pop(idle)
        sampler = Sampler(__opts__)
        if not samplers:  # those of other schedules have the same options
            _say_faults(sampler.chosen)
        samplers[caller] = sampler
    return samplers[caller]


def _say_faults(found: Chosen) -> None:
    """Log what is wrong in the option ``stats``, with its file and line where that is known."""
    lines = [*found.nobodys, *(f"{fault} (the {name} collector is left out)" for name, fault in found.faults.items())]
    if not lines:
        return
    from saltern.config.located import located  # not for a right configuration

    for line in lines:
        log.warning("%s (said once)", located(line, str(__opts__.get("conf_file") or "")))
