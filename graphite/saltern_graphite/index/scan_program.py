"""The process that reads the tree for the server, so that the server's threads don't wait for it.

    python -m saltern_graphite.index.scan_program FOLDER

It writes msgpack to its standard output, the messages of :mod:`saltern_graphite.index.scan`, and ends with them or
when nobody reads them any more.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys

import msgpack

from saltern_graphite.index.scan import Scan

NICE = 5
"""Answers come first, where processors are scarce."""
WRITE_BYTES = 1 << 16


def main(whisper_dir: str) -> None:
    """Scan *whisper_dir* to standard output."""
    for number in (signal.SIGINT, signal.SIGHUP):  # for the server; this ends when that has ended
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(NICE)
    gc.disable()  # nothing here refers in circles
    packer = msgpack.Packer()
    waiting = bytearray()
    output = sys.stdout.fileno()
    with contextlib.suppress(BrokenPipeError):
        for message in Scan(whisper_dir).messages():
            waiting += packer.pack(message)
            if len(waiting) >= WRITE_BYTES or message[0] in ("progress", "end"):
                _write(output, waiting)
                waiting.clear()


def _write(output: int, data: bytearray) -> None:
    left = bytes(data)
    while left:
        left = left[os.write(output, left) :]


if __name__ == "__main__":
    main(sys.argv[1])
