"""The host in numbers: what ``stats.collect`` returns is what a fleet's dashboards are made of.

What is measured is up to the collectors, one file each in the folder ``collectors``. They are switched
and filtered by the agent's option ``stats``::

    stats:
      collectors: {temperature: false}
      disk: {exclude_mount: ["/mnt/*"]}
      net: {exclude: ["veth*"]}

``proc_root`` and ``sys_root`` say where the host's ``/proc`` and ``/sys`` are, for an agent in a container.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _agent
from saltern_modules.collectors.sampler import Sampler, available, nearest, switched

__opts__: Mapping[str, Any]
__context__: dict[str, Any]

__powers__ = {"collect": "reads", "get": "reads", "collectors": "reads"}

MAX_SAMPLERS = 8
"""One for each schedule that samples, and one for calls by hand."""


def collect() -> dict[str, Any]:
    """Return one sample: a nested dict whose leaves are numbers, more than 150 on an ordinary host.

    Sizes are in bytes, shares in percent (0 to 100), durations in the unit that their name ends in.
    Counters count since boot. A rate (``…_per_s``, and the processors' percentages) is taken since the
    previous sample of the same schedule, so the first sample has none, nor has one whose counter was
    reset. What the host does not have is absent. ``collector.<name>`` tells each collector's own
    ``duration_ms`` and ``success`` (1, or 0 when it failed; the others' numbers are there all the same).

    Raises ``CommandError`` when the option ``stats`` holds something that no collector has.

    CLI Example:

    .. code-block:: bash

        saltern '*' stats.collect
    """
    return _sampler().sample()


def get(name: str) -> dict[str, Any]:
    """Return one collector's part of a sample: ``{'cpu': {…}, 'collector': {'cpu': {…}}}``.

    Raises ``CommandError`` when there is no such collector, or when it is switched off.

    CLI Example:

    .. code-block:: bash

        saltern '*' stats.get cpu
    """
    sampler = _sampler()
    if name not in sampler.switches:
        raise CommandError(f"stats.get: there is no collector {name!r}{nearest(name, sampler.switches)}")
    if not sampler.switches[name]:
        raise CommandError(f"stats.get: the collector {name!r} is off: switch it on in stats: collectors")
    return sampler.sample(name)


def collectors() -> dict[str, dict[str, Any]]:
    """Return every collector as ``{name: {'on': bool, 'description': str, 'settings': {option: default}}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' stats.collectors
    """
    switches = switched(__opts__.get("stats") or {})
    return {
        name: {
            "on": switches[name],
            "description": collector.description,
            "settings": dict(collector.settings),
        }
        for name, collector in available().items()
    }


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
            samplers.pop(next(iter(samplers)))
        samplers[caller] = Sampler(__opts__)
    return samplers[caller]
