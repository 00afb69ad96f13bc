"""What time it is by the master's clock.

The master's time is kept as its *distance* from this host's steady clock, which nobody sets. The agent asks, and the
master answers with its time, read somewhere between the asking and the answer's coming::

    steady    asked ──────────────────────── answered
    master            └── its time ──┘                     answered ≥ then ≥ asked, so
    distance          its time - answered  ≤  distance  ≤  its time - asked

So each answer says within which bounds the distance lies, as far apart as the round trip took, however unequal the ways
there and back. What several answers say together is what all of them allow: a quick answer narrows the bounds, a slow
one moves nothing. With time the bounds widen by what two clocks may drift apart. An answer that contradicts them says
that the master's clock was set; then it alone counts.

A step of this host's own clock changes nothing of the distance, and shows in the next look at ``skew_s``. The distance
is kept in ``cachedir/clock`` for as long as the machine runs, so that an agent that is started while its master is away
has the master's time too. After a boot it is only known from the first answer on: until then this host's clock counts.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable

from saltern.errors import WireError
from saltern.files import make_folder, write_atomic
from saltern.named import NamedTuple
from saltern.set_aside import foreign_aside
from saltern.steady import boot_id, steady_s
from saltern.wire import pack_value, unpack_value

log = logging.getLogger(__name__)

DRIFT = 1e-3  # seconds a second: both clocks slewed as fast as kernels do it, in opposite directions
CORRECT_OVER_S = 1.0
CORRECT_UNTIL_S = 0.5  # less than where it begins, so that a skew about the limit doesn't move the time to and fro
KEEP_CHANGE_S = 0.25  # a smaller change of the distance isn't written
MAX_EPOCH_S = 2e11  # what a date can be made of
MAX_FILE_BYTES = 4096


class Distance(NamedTuple):
    """How far the master's clock is ahead of the steady one, in seconds: between *low* and *high*, known *at* then."""

    low: float
    high: float
    at: float

    @property
    def middle(self) -> float:
        """The best guess; it is wrong by ``error`` at most."""
        return (self.low + self.high) / 2

    @property
    def error(self) -> float:
        """Half of what the bounds are apart."""
        return (self.high - self.low) / 2

    def joined(self, later: Distance) -> Distance:
        """Return what this one and a *later* one allow together; the later one where they contradict each other."""
        widened = max(0.0, later.at - self.at) * DRIFT
        low, high = max(self.low - widened, later.low), min(self.high + widened, later.high)
        return Distance(low, high, later.at) if low <= high else later


class Clock:
    """The time by this host's clock, or by the master's where *correct* asks for it and the two are apart.

    *path* is where the distance is kept, *boot* names the machine's run. Not safe for several threads.
    """

    def __init__(
        self,
        path: str,
        *,
        correct: bool,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = steady_s,
        boot: str | None = None,
    ) -> None:
        self._path = path
        self._correct = correct
        self._wall = wall
        self._steady = steady
        self._boot = boot_id() if boot is None else boot
        self._distance = self._load()
        self._kept = self._distance
        self._correcting = False
        self._failed = False

    def now(self) -> float:
        """Return the time that schedule and samples go by, epoch s."""
        skew_s = self.skew_s()
        if not self._correct or skew_s is None or self._distance is None:
            return self._wall()
        over_s = CORRECT_UNTIL_S if self._correcting else max(CORRECT_OVER_S, self._distance.error)
        self._correcting = abs(skew_s) > over_s
        return self._steady() + self._distance.middle if self._correcting else self._wall()

    def skew_s(self) -> float | None:
        """Return how far this host's clock is ahead of the master's, ``None`` while that isn't known."""
        if self._distance is None:
            return None
        return self._wall() - (self._steady() + self._distance.middle)

    def heard(self, asked_s: float, time_s: object) -> float:
        """Take in that the master's clock showed *time_s*, epoch s, since *asked_s* by the steady one.

        Return by how many seconds that set ``now``. What can't be a time is passed over.
        """
        if not isinstance(time_s, (int, float)) or isinstance(time_s, bool) or not 0 < time_s < MAX_EPOCH_S:
            return 0.0
        before, answered_s = self.now(), self._steady()
        heard = Distance(time_s - answered_s, time_s - asked_s, answered_s)
        self._distance = heard if self._distance is None else self._distance.joined(heard)
        moved_s = self.now() - before
        self._keep(self._distance)
        return moved_s

    def _load(self) -> Distance | None:
        """Return the distance that was kept, if it is of this run of the machine."""
        try:
            with open(self._path, "rb") as stream:
                kept = unpack_value(stream.read(MAX_FILE_BYTES))
            boot, numbers = kept["boot"], [float(kept[name]) for name in Distance._fields]
        except FileNotFoundError:
            return None
        except (OSError, WireError, TypeError, KeyError, ValueError) as error:
            log.warning("%s: how far the master's clock is can't be read: %s", self._path, error)
            return None
        low, high, at = numbers
        good = all(map(math.isfinite, numbers)) and low <= high and at <= self._steady()
        return Distance(low, high, at) if good and boot == self._boot != "" else None

    def _keep(self, distance: Distance) -> None:
        """Write the distance where it differs from what was written."""
        kept = self._kept
        if not self._boot or (kept is not None and abs(kept.middle - distance.middle) < KEEP_CHANGE_S):
            return
        try:
            make_folder(os.path.dirname(self._path), 0o700)
            foreign_aside(self._path)
            write_atomic(self._path, pack_value({"boot": self._boot, **distance._asdict()}), mode=0o600)
        except OSError as error:
            if not self._failed:
                log.warning("%s: how far the master's clock is can't be kept: %s", self._path, error.strerror)
            self._failed = True
            return
        self._failed = False
        self._kept = distance
