"""This minion's grains while its agent runs: collected at the start and again, for its modules and for the master."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from saltern.plain import Plain
from saltern_agent import grains
from saltern_agent.background import Background
from saltern_agent.loader import Loader
from saltern_agent.loop import Loop
from saltern_agent.own_grains import ALTOGETHER_S, AT_START_S, OwnGrains, stamp_of

if TYPE_CHECKING:
    from saltern.config import MinionOptions

SKEW = "clock_skew"
SKEW_NEWS_S = 1.0  # a smaller change of the skew isn't worth sending all grains again


class Facts:
    """The grains of one agent. *skew_s* tells how far the clock is off, *tell* has the master hear of the grains.

    Methods are for the loop's thread unless they say otherwise.
    """

    def __init__(
        self,
        options: MinionOptions,
        loop: Loop,
        loader: Loader,
        background: Background,
        skew_s: Callable[[], float | None],
        tell: Callable[[], None],
    ) -> None:
        self.grains: dict[str, Any] = {}
        self._options = options
        self._loop = loop
        self._loader = loader
        self._background = background
        self._skew_s = skew_s
        self._tell = tell
        self._own = OwnGrains(loader.grain_functions, loader.bound)
        self._stamp: object = stamp_of(options)

    def begin(self) -> None:
        """Collect them before the agent connects; what takes too long comes later."""
        self._set(grains.collect(self._options))
        if self._loader.adds_grains:
            self._set(self._collected(AT_START_S))
            if self._own.late:
                self._background.do("not all grains were collected", self.refresh)
        self._later()

    def refresh(self) -> None:
        """Collect them again and tell the master, from a worker."""
        collected = self._collected(ALTOGETHER_S)
        self._loop.ask(partial(self._set, collected))
        self._loop.post(self._tell)

    def look(self) -> None:
        """Collect them again when another program, ``saltern-call``, has changed the file; from any thread."""
        if stamp_of(self._options) != self._stamp:
            self._stamp = stamp_of(self._options)  # else every job would ask for it until it is done
            self._loop.post(partial(self._background.do, "the changed grains were not collected", self.refresh))

    def skew_learned(self) -> None:
        """Tell the master when the clock turns out to be off otherwise than was told."""
        skew_s, told = self._skew_s(), self.grains.get(SKEW)
        if skew_s is not None and (not isinstance(told, int) or abs(skew_s - told) >= SKEW_NEWS_S):
            self._set(self.grains)
            self._tell()

    def _collected(self, within_s: float) -> dict[str, Any]:
        self._stamp = stamp_of(self._options)
        return grains.collect(self._options, lambda found: self._own.add(found, self._options, within_s))

    def _set(self, found: dict[str, Any]) -> None:
        skew_s = self._skew_s()
        if skew_s is not None and SKEW not in self._options["grains"]:
            found = {**found, SKEW: round(skew_s)}
        self.grains = Plain().of(found)
        self._loader.set_grains(self.grains)

    def _later(self) -> None:
        """Collect them again every so often, if that is wanted."""
        minutes = self._options["grains_refresh_every"]
        if minutes:
            self._loop.later(minutes * 60, self._again)

    def _again(self) -> None:
        self._background.do("grains were not collected again", self.refresh, self._later)
