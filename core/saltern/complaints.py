"""What goes wrong for a while: said at once, then counted, said again now and then, and said to be over.

A ``Complaint`` is one kind of error, ``Complaints`` are those of many kinds, and a ``Trouble`` is one thing that fails
for changing reasons. Any thread may use them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

AGAIN_S = 600.0
"""An error that goes on is said again after this time, with how often it was met since."""
COMES_AND_GOES_S = 60.0
"""So soon after it was said, one that was over and is back isn't news."""
MAX_KINDS = 200
"""Remembered at once; the one that was said last the longest ago is forgotten first."""
MAX_REASONS = 16
BEFORE, AFTER = " (and %d times like it before)", " (it was met %d more times)"


class Complaint:
    """One kind of error, said to *log* at *level*: the first time, then every *again_s* seconds with their number.

    One that comes and goes is said once a minute.
    """

    def __init__(
        self,
        log: logging.Logger,
        level: int = logging.ERROR,
        clock: Callable[[], float] = time.monotonic,
        *,
        again_s: float = AGAIN_S,
    ) -> None:
        self._log = log
        self._level = level
        self._clock = clock
        self._again_s = again_s
        self._lock = threading.Lock()
        self._unsaid = 0
        self._said_at: float | None = None
        self._goes_on = False

    def say(self, text: str, *args: object) -> bool:
        """Log *text* ``%`` *args*, unless one like it was a short while ago; return whether it was logged."""
        now = self._clock()
        with self._lock:
            quiet_s = self._again_s if self._goes_on else min(COMES_AND_GOES_S, self._again_s)
            if self._said_at is not None and now - self._said_at < quiet_s:
                self._unsaid += 1
                return False
            unsaid, self._unsaid = self._unsaid, 0
            self._said_at, self._goes_on = now, True
        write(self._log, self._level, text, args, BEFORE, unsaid)
        return True

    def over(self, text: str, *args: object) -> None:
        """Log *text* ``%`` *args* when something was complained of that goes on: it is over."""
        unsaid = self.end()
        if unsaid is not None:
            write(self._log, logging.INFO, text, args, AFTER, unsaid)

    def end(self) -> int | None:
        """Have it be over without a word; return how often it was met and not said, ``None`` when it didn't go on."""
        if not self._goes_on:
            return None
        with self._lock:
            self._goes_on = False
            unsaid, self._unsaid = self._unsaid, 0
        return unsaid

    def is_news(self) -> bool:
        """Whether it would be said again at once, though it is over."""
        return self._said_at is None or self._clock() - self._said_at >= COMES_AND_GOES_S


def write(log: logging.Logger, level: int, text: str, args: tuple[object, ...], more: str, unsaid: int) -> None:
    """Log *text* ``%`` *args* and, if there were some, with *more* how many were left out."""
    if not args:  # the text may have a percent sign of its own
        text, args = "%s", (text,)
    if unsaid:
        text, args = text + more, (*args, unsaid)
    log.log(level, text, *args)


class Complaints:
    """What was said in the log *log*, by its kind: a few words of the code, never outside input."""

    def __init__(
        self,
        log: logging.Logger,
        level: int = logging.ERROR,
        clock: Callable[[], float] = time.monotonic,
        *,
        again_s: float = AGAIN_S,
    ) -> None:
        self._log = log
        self._level = level
        self._new = partial(Complaint, log, clock=clock, again_s=again_s)
        self._lock = threading.Lock()
        self._kinds: dict[str, Complaint] = {}

    def __contains__(self, kind: str) -> bool:
        return kind in self._kinds

    def __len__(self) -> int:
        return len(self._kinds)

    def say(self, kind: str, text: str, *args: object, level: int | None = None) -> bool:
        """Log *text* ``%`` *args*, unless one of this *kind* was a short while ago; return whether it was."""
        with self._lock:
            complaint = self._kinds.pop(kind, None)
            if complaint is None:
                complaint = self._new(self._level if level is None else level)
            while len(self._kinds) >= MAX_KINDS:
                del self._kinds[next(iter(self._kinds))]
            self._kinds[kind] = complaint
        return complaint.say(text, *args)

    def over(self, kind: str, text: str, *args: object) -> None:
        """Log *text* ``%`` *args* when there was something of this *kind* to complain of: it is over.

        Kinds that begin with this one and a space are over with it.
        """
        if not self._kinds:
            return
        with self._lock:
            ended = [one for name, one in self._kinds.items() if name == kind or name.startswith(f"{kind} ")]
        unsaid = [count for one in ended if (count := one.end()) is not None]
        if unsaid:
            write(self._log, logging.INFO, text, args, AFTER, sum(unsaid))

    def end(self) -> None:
        """Have all be over without a word; what was said a while ago is forgotten."""
        with self._lock:
            for one in self._kinds.values():
                one.end()
            self._kinds = {kind: one for kind, one in self._kinds.items() if not one.is_news()}


class Trouble:
    """One thing that may fail, with the log of whoever tries it."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._reasons = Complaints(log, clock=clock)
        self.count = 0
        """Failures since the start."""
        self.why = ""
        """The last failure, until it is over."""

    def met(self, why: str) -> None:
        """Count a failure; say *why* unless this trouble is known for it, or was, a moment ago."""
        self.count += 1
        if not self.why:
            self._reasons.end()
        if why in self._reasons or len(self._reasons) < MAX_REASONS:
            self._reasons.say(why, why)
        self.why = why

    def over(self, what: str) -> None:
        """Say, as *what*, that it works again, if it didn't."""
        if self.why:
            self.why = ""
            self._log.info("%s", what)
