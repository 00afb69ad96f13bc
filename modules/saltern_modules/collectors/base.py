"""What every collector is, and how one file adds one.

A collector is a class in a file of this folder. Naming it registers it::

    class Load(Collector):
        name = "load"
        description = "load averages over 1, 5 and 15 minutes"

        def collect(self, now: float) -> Metrics:
            return parse_loadavg(self.files.read("loadavg"))

Reading is apart from parsing: ``collect`` reads through :class:`~.source.Source` and hands bytes to a
pure function of the same file, which a folder of sample files can exercise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

from saltern_modules.collectors.source import Source

Metrics: TypeAlias = dict[str, Any]
"""A nested dict whose leaves are numbers and whose keys are fit to be segments of a metric's name."""


class NoReading(Exception):
    """A collector's source was there but did not hold what it must hold."""


class Collector:
    """Base of the collectors. One instance lives as long as its sampler and may remember counters."""

    registry: ClassVar[dict[str, type[Collector]]] = {}
    """Every collector that has been imported, by name."""

    name: ClassVar[str]
    description: ClassVar[str]
    default: ClassVar[bool] = True
    """Whether it is on when the configuration does not say."""

    settings: ClassVar[Mapping[str, Any]] = {}
    """Its options with their defaults; a default's type is the type that a user's value must have."""

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        self.files = files
        self.options = {**self.settings, **settings}

    def __init_subclass__(cls, *, register: bool = True) -> None:
        super().__init_subclass__()
        if register:
            Collector.registry[cls.name] = cls

    def collect(self, now: float) -> Metrics:
        """Return the metrics of this instant, ``{}`` when the host has none.

        *now* is ``time.monotonic()`` in seconds. Anything raised counts as a failure of this collector.
        """
        raise NotImplementedError
