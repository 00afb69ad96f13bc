"""``--async`` with ``--batch``: a process of its own starts those whose turn comes later."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

from saltern.batch import Step
from saltern.cli.command import EX_OK


def go_on(steps: Iterator[Step]) -> None:
    """Have a child take a batch to its end, without a terminal; return in the parent alone."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork():
        return
    try:
        os.setsid()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        for _ in steps:
            pass
    finally:
        os._exit(EX_OK)
