"""Runs the collectors: which ones, with what options, and what each of them cost."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules.collectors.base import Collector, Metrics
from saltern_modules.collectors.source import Source

log = logging.getLogger(__name__)


NOT_COLLECTORS = ("__init__", "base", "inet_dump", "numbers", "portable", "sampler", "source")


def available() -> dict[str, type[Collector]]:
    """Return every collector for this system by its name, importing those not imported yet."""
    if sys.platform != "linux":
        from saltern_modules.collectors import portable

        return portable.COLLECTORS
    folder = os.path.dirname(__file__)
    for entry in sorted(os.listdir(folder)):
        name, extension = os.path.splitext(entry)
        if extension == ".py" and name not in NOT_COLLECTORS:
            importlib.import_module(f"{__package__}.{name}")
    return dict(sorted(Collector.registry.items()))


def switched(config: Mapping[str, Any]) -> dict[str, bool]:
    """Return whether each collector is on, by the configuration and its default. Raises ``CommandError``."""
    known = available()
    switches = config.get("collectors", {})
    if not isinstance(switches, Mapping):
        raise CommandError(f"stats: collectors must map names to true or false, not {switches!r}")
    for name, on in switches.items():
        if name not in known:
            raise CommandError(f"stats: collectors has no {name!r}{nearest(name, known)}")
        if not isinstance(on, bool):
            raise CommandError(f"stats: collectors: {name} must be true or false, not {on!r}")
    return {name: switches.get(name, collector.default) for name, collector in known.items()}


def check(config: Mapping[str, Any]) -> None:
    """Raise ``CommandError`` for the first option in *config* that no collector has, or of a wrong type."""
    known = available()
    for section, options in config.items():
        if section == "collectors":
            continue
        if section not in known or not known[section].settings:
            sections = ["collectors", *(name for name in known if known[name].settings)]
            raise CommandError(f"stats: there is no option {section!r}{nearest(section, sections)}")
        if not isinstance(options, Mapping):
            raise CommandError(f"stats: {section} must hold options, not {options!r}")
        defaults = known[section].settings
        for name, value in options.items():
            if name not in defaults:
                raise CommandError(f"stats: {section} has no option {name!r}{nearest(name, defaults)}")
            wanted = type(defaults[name])
            if type(value) is not wanted or (wanted is list and not all(isinstance(v, str) for v in value)):
                example = f"{wanted.__name__} such as {defaults[name]!r}"
                raise CommandError(f"stats: {section}: {name} must be a {example}, not {value!r}")


def nearest(name: object, known: Iterable[str]) -> str:
    """Return ``: did you mean 'x'?``, or the choices when none is near."""
    import difflib  # not needed by a right configuration

    names = list(known)
    close = difflib.get_close_matches(str(name), names, 1)
    return f": did you mean {close[0]!r}?" if close else f": use one of {', '.join(names)}"


class Sampler:
    """The collectors that are on, and what they remember from one sample to the next.

    Built from the agent's options (``stats``, ``proc_root``, ``sys_root``). Raises ``CommandError`` for an
    option that no collector has.
    """

    def __init__(self, opts: Mapping[str, Any]) -> None:
        config = opts.get("stats") or {}
        if not isinstance(config, Mapping):
            raise CommandError(f"stats: must hold options, not {config!r}")
        check(config)
        self.switches = switched(config)
        self._files = Source(opts.get("proc_root") or "/proc", opts.get("sys_root") or "/sys")
        self._collectors = {
            name: collector(self._files, config.get(name, {}))
            for name, collector in available().items()
            if self.switches[name]
        }
        self._failed: dict[str, str] = {}
        self._lock = threading.Lock()

    def sample(self, only: str | None = None) -> Metrics:
        """Return the metrics of every collector, or of *only* that one, and each one's cost and success.

        A collector that has nothing to tell is left out; one that fails is told by
        ``collector.<name>.success`` being 0, is logged once, and hurts no other.
        """
        names = self._collectors if only is None else (only,)
        metrics: Metrics = {}
        costs: dict[str, dict[str, float]] = {}
        with self._lock:
            self._files.begin()
            now = time.monotonic()
            for name in names:
                started = time.perf_counter()
                success = 1
                try:
                    values = self._collectors[name].collect(now)
                    self._failed.pop(name, None)
                    if values:
                        metrics[name] = values
                except Exception as error:  # whatever it is, the other collectors go on
                    success = 0
                    self._report(name, error)
                duration_ms = round((time.perf_counter() - started) * 1000.0, 3)
                costs[name] = {"duration_ms": duration_ms, "success": success}
        metrics["collector"] = costs
        return metrics

    def _report(self, name: str, error: Exception) -> None:
        """Log a failure unless it is the same as this collector's last one."""
        reason = f"{type(error).__name__}: {error}"
        if self._failed.get(name) != reason:
            self._failed[name] = reason
            log.warning("stats: the %s collector failed (said once): %s", name, reason)
