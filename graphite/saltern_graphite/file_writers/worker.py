"""The worker process: reads batches from its socket, writes them, answers.

::

    frame    = length:u32 little-endian  msgpack of that length
    batch    [names, ends, times, values, now, layouts, layout_of]   the columns as bytes of i64, u32, f64
    outcome  [stored, outside, created, [[place, kind, errno, text], ...], {place: [[since, until], ...]}]

``layouts`` are the distinct rules, nil among them where a file is not to be created, ``layout_of`` the place of each
metric's own among them; both are nil when no file is to be created. The socket is its standard input, whose
end is the worker's.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import socket
import struct
import sys
from typing import Any

import msgpack
import numpy as np

from saltern.descriptors import most_descriptors
from saltern_graphite.file_writers.base import WRITER_NICE, Batch, Failure, Outcome, Rule
from saltern_graphite.file_writers.work import FileWork
from saltern_graphite.rules.schemas import Retention

LENGTH = struct.Struct("<I")
MOST_HELD = 16_384
"""Files that stay open between batches, if the process may open so many."""
OTHER_DESCRIPTORS = 512
"""For files that are opened for one batch alone, and the rest."""
IDLE_S = 15.0
"""When nothing came for so long, longer than the server waits between two passes, all files are closed."""


def pack_batch(batch: Batch) -> bytes:
    """Return the frame of *batch*."""
    layouts, layout_of = None, None
    if batch.rules is not None:
        distinct = {rule: place for place, rule in enumerate(dict.fromkeys(batch.rules))}
        layout_of = [distinct[rule] for rule in batch.rules]
        layouts = [
            rule and [[(one.step, one.points) for one in rule.retentions], rule.method, rule.x_files_factor]
            for rule in distinct
        ]
    columns = batch.ends.tobytes(), batch.times.tobytes(), batch.values.tobytes()
    return _frame([batch.names, *columns, batch.now, layouts, layout_of])


def unpack_batch(body: bytes) -> Batch:
    """Return the batch of a frame, given without its length; the metrics' numbers are not in it."""
    names, ends, times, values, now, layouts, layout_of = msgpack.unpackb(body)
    rules = None
    if layouts is not None:
        known = [layout and Rule(tuple(Retention(*one) for one in layout[0]), *layout[1:]) for layout in layouts]
        rules = [known[place] for place in layout_of]
    return Batch(
        np.empty(0, np.uint32),
        names,
        np.frombuffer(ends, np.int64),
        np.frombuffer(times, np.uint32),
        np.frombuffer(values, np.float64),
        now,
        rules,
    )


def pack_outcome(outcome: Outcome) -> bytes:
    """Return the frame of *outcome*."""
    return _frame([outcome.stored, outcome.outside, outcome.created, outcome.failures, outcome.late])


def unpack_outcome(body: bytes) -> Outcome:
    """Return the outcome of a frame, given without its length."""
    stored, outside, created, failures, late = msgpack.unpackb(body, strict_map_key=False)
    spans = {place: [(since, until) for since, until in found] for place, found in late.items()}
    return Outcome(stored, outside, created, [Failure(*failure) for failure in failures], spans)


def receive(sock: socket.socket) -> bytes | None:
    """Return the next frame's body, ``None`` at the end."""
    head = sock.recv(LENGTH.size, socket.MSG_WAITALL)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = sock.recv(length, socket.MSG_WAITALL)
    return body if len(body) == length else None


def _frame(message: list[Any]) -> bytes:
    body: bytes = msgpack.packb(message)
    return LENGTH.pack(len(body)) + body


def main(argv: list[str] | None = None) -> int:
    """Work until the socket on standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("whisper_dir")
    parser.add_argument("--sync", action="store_true")
    parser.add_argument("--late", default="combine")
    arguments = parser.parse_args(argv)
    # They are sent to all of the group, but the server still needs us then.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.nice(WRITER_NICE)
    most_held = min(MOST_HELD, max(0, most_descriptors() - OTHER_DESCRIPTORS))
    work = FileWork(arguments.whisper_dir, sync=arguments.sync, late=arguments.late, most_held=most_held)
    # A server that was killed can't be answered; its next run has all that it had not heard of in the log.
    with socket.socket(fileno=sys.stdin.fileno()) as sock, contextlib.suppress(ConnectionError):
        while True:
            if work.holds_files and not select.select([sock], [], [], IDLE_S)[0]:
                work.let_files_go()
            body = receive(sock)
            if body is None:
                break
            sock.sendall(pack_outcome(work.do(unpack_batch(body))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
