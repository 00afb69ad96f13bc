"""What every collector is, and how one file adds one.

A collector is a class in a file of this folder with a row in ``catalogue.py``::

    class Load(Collector):
        name = "load"
        description = "load averages over 1, 5 and 15 minutes"
        numbers = {"*": gauge("threads", "threads that ran or waited to, on average")}

        def collect(self, now: float) -> Metrics:
            return parse_loadavg(self.files.read("loadavg"))

Reading is apart from parsing: ``collect`` reads through :class:`~.source.Source` and hands bytes to a
pure function of the same file, which a folder of sample files can exercise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

from saltern.named import NamedTuple
from saltern_modules.collectors.source import Source

Metrics: TypeAlias = dict[str, Any]
"""A nested dict whose leaves are numbers and whose keys are fit to be segments of a metric's name."""


class NoReading(Exception):
    """A collector's source was there but did not hold what it must hold."""


class Number(NamedTuple):
    """What a number of a collector's is, for whoever shows it."""

    kind: str
    """``gauge``: what is so now; ``counter``: what has come together since boot."""

    unit: str
    """``B``, ``%``, ``s``, ``packets``, …; empty for a yes or no (1 or 0)."""

    help: str
    rated: bool = False
    """Whether its rate is there too, under its name with ``_per_s`` behind."""


def gauge(unit: str, help_: str) -> Number:
    """Return a number that is so now."""
    return Number("gauge", unit, help_)


def counter(unit: str, help_: str, *, rated: bool = True) -> Number:
    """Return a number that grows from boot on, with its rate unless *rated* is false."""
    return Number("counter", unit, help_, rated)


class Collector:
    """Base of the collectors. One instance lives as long as its sampler and may remember counters."""

    registry: ClassVar[dict[str, type[Collector]]] = {}
    """Every collector that has been imported, by name."""

    name: ClassVar[str]
    description: ClassVar[str]

    numbers: ClassVar[Mapping[str, Number]] = {}
    """Each number that it may give, by its name below the collector's: ``total.percent``; ``*`` stands for one
    segment, ``*.percent`` for every processor's."""

    every_s: ClassVar[float] = 0.0
    """Seconds for which what it gave is told again without being measured anew: for what hardly moves."""

    waits: ClassVar[bool] = True
    """Whether what it asks may keep whoever asks for ever: a device, a server. It is asked in a thread of its own then,
    which costs a sample 0.2 ms. The kernel's tables keep nobody, nor does a collector that has threads itself."""

    settings: ClassVar[Mapping[str, Any]] = {}
    """Its options with their defaults; a default's type is the type that a user's value must have.

    A list is one of strings, a dict is of lists of strings.
    """

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        self.files = files
        self.options = {**self.settings, **settings}
        self._given: Metrics = {}
        self._rests_until = float("-inf")

    def __init_subclass__(cls, *, register: bool = True) -> None:
        super().__init_subclass__()
        if register:
            Collector.registry[cls.name] = cls

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Raise ``ValueError`` for a value in *options*, whose types are right, that can't be worked with.

        The error's text begins with the option's name and says what would be right.
        """

    def may_wait(self, now: float) -> bool:
        """Return whether :meth:`sample` may never come back, if it is called *now*."""
        return self.waits and now >= self._rests_until

    def sample(self, now: float) -> Metrics:
        """Return what :meth:`collect` gives, or what it gave when that is not older than :attr:`every_s`.

        *now* is ``time.monotonic()`` in seconds. Raises what :meth:`collect` raises, which is then tried again.
        """
        if now >= self._rests_until:
            self.files.told.pop(self.name, None)
            self._given = self.files.told[self.name] = self.collect(now)
            self._rests_until = now + self.every_s
        return self._given

    def collect(self, now: float) -> Metrics:
        """Return the metrics of this instant, ``{}`` when the host has none.

        *now* is ``time.monotonic()`` in seconds. Anything raised counts as a failure of this collector.
        """
        raise NotImplementedError

    @classmethod
    def described(cls) -> dict[str, Number]:
        """Return :attr:`numbers` with the rates among them."""
        all_: dict[str, Number] = {}
        for name, number in cls.numbers.items():
            all_[name] = number
            if number.rated:
                all_[f"{name}_per_s"] = gauge(f"{number.unit}/s", f"{number.help}, since the sample before")
        return all_
