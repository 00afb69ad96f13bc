"""How a benchmark speaks: progress on stderr while it works, one JSON line per figure on stdout at the end."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

EX_INTERRUPTED = 130
_BEGAN = time.monotonic()


class Figure(NamedTuple):
    """One measured figure, both sides in *unit*, where less is better unless *more_is_better* says so."""

    bench: str
    what: str
    ours: float
    theirs: float
    peer: str
    unit: str
    more_is_better: bool = False

    def line(self) -> str:
        """Return the figure as JSON; ``ratio`` is how many times better ours is: above 1 we win."""
        over, under = (self.ours, self.theirs) if self.more_is_better else (self.theirs, self.ours)
        return json.dumps(
            {
                "bench": self.bench,
                "what": self.what,
                "ours": round(self.ours, 3),
                "theirs": round(self.theirs, 3),
                "peer": self.peer,
                "unit": self.unit,
                "ratio": round(over / under, 2) if under else None,
            }
        )


def say(text: str) -> None:
    """Tell how far we are."""
    print(f"[{time.monotonic() - _BEGAN:6.1f} s] {text}", file=sys.stderr, flush=True)


def run(parser: argparse.ArgumentParser, bench: Callable[[argparse.Namespace], list[Figure]]) -> int:
    """Run *bench* with the command line's options and print its figures; return the exit code.

    SIGTERM ends it as Ctrl-C does, so that the ``with`` blocks stop what they started.
    """
    parser.add_argument("--quick", action="store_true", help="a smaller fleet and fewer rounds: a smoke test")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    say(f"load average before the start: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    try:
        figures = bench(options)
    except KeyboardInterrupt:
        say("stopped")
        return EX_INTERRUPTED
    say(f"load average at the end: {os.getloadavg()[0]:.2f}")
    for figure in figures:
        print(figure.line(), flush=True)
    return 0
