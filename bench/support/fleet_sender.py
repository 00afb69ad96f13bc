"""What both programs that play a fleet have in common: the orders they get and what they tell.

On stdin comes one line, ``FIRST SLOTS``: the first slot (epoch s) and how many; the end of stdin ends the program. On
stdout goes one JSON line every few seconds, a :class:`Progress`.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

TELL_EVERY_S = 2.0
ACK_STEP_S = 0.01
"""How exactly times until acknowledgements are kept."""


class Progress(NamedTuple):
    """How far a program is, in frames of one host's slot; seconds."""

    connected: int
    sent: int
    acknowledged: int
    refused: int
    """Points."""
    behind_s: float
    """How long ago the oldest was due that isn't acknowledged."""
    late_s: float
    """The latest one that was sent since the last line, after it was due."""
    ack_p95_s: float
    """From when a frame was due to its acknowledgement, of all until now."""
    ack_most_s: float
    done: bool


class Told:
    """What there is to tell; filled by the program's loop, told by a thread."""

    def __init__(self) -> None:
        self.connected = self.sent = self.acknowledged = self.refused = self.frames = 0
        self.late_s = 0.0
        self.oldest: Callable[[], float | None] = lambda: None
        """Returns when the oldest frame was due (epoch s) that isn't acknowledged."""
        self._acks: Counter[int] = Counter()

    def start(self) -> None:
        """Begin to tell."""
        threading.Thread(target=self._run, daemon=True).start()

    def send(self, due: float) -> None:
        """Take note of a frame that goes out."""
        self.sent += 1
        self.late_s = max(self.late_s, time.time() - due)

    def acknowledge(self, due: float) -> None:
        """Take note of an acknowledgement."""
        self.acknowledged += 1
        self._acks[int((time.time() - due) / ACK_STEP_S)] += 1

    def _run(self) -> None:
        while True:
            time.sleep(TELL_EVERY_S)
            print(json.dumps(self._progress()._asdict()), flush=True)

    def _progress(self) -> Progress:
        oldest = self.oldest()
        late_s, self.late_s = self.late_s, 0.0
        acks = self._acks.copy()
        return Progress(
            self.connected,
            self.sent,
            self.acknowledged,
            self.refused,
            max(0.0, time.time() - oldest) if oldest is not None else 0.0,
            late_s,
            _percentile(acks, 0.95),
            _percentile(acks, 1.0),
            bool(self.frames) and self.acknowledged >= self.frames,
        )


def _percentile(acks: Counter[int], share: float) -> float:
    left = share * acks.total()
    for steps, count in sorted(acks.items()):
        left -= count
        if left <= 0:
            return steps * ACK_STEP_S
    return 0.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let the command line say how large the fleet is."""
    parser.add_argument("--hosts", type=int, required=True)
    parser.add_argument("--numbers", type=int, required=True)
    parser.add_argument("--interval", type=int, required=True, metavar="S")
