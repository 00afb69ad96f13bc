"""The program that runs one isolated job; see ``saltern_agent.isolate``."""

from __future__ import annotations

import logging
import os
import signal
import sys
from functools import partial
from typing import NoReturn

import saltern.log
from saltern.plain import Plain
from saltern.wire import pack_value, unpack_value
from saltern_agent.executor import Executor
from saltern_agent.jobs import Current, Job, Killed, Outcome
from saltern_agent.loader import Loader, shelf
from saltern_agent.loader.marks import Marks
from saltern_agent.sync import marks_file, module_folders, utils_folders

ANSWERED = Outcome._fields.index("out") + 1
"""Fields of an outcome that go to the agent; the others are for a caller in the same process."""


def main() -> int:
    """Read a job from standard input, run it, write its outcome to what was standard output."""
    answer_to = os.dup(1)
    os.dup2(2, 1)  # what the function's programs print goes to the log, not into the answer
    request = unpack_value(sys.stdin.buffer.read(), secrets=True)
    job = Job(request["jid"], request["fun"], request["arg"], request["kwarg"], about=request["about"])
    opts = request["opts"]
    saltern.log.setup(opts["log_level"], opts["log_file"] or None)
    logging.getLogger(shelf.__name__).setLevel(logging.ERROR)  # the agent has said which modules aren't used
    current = Current()
    loader = Loader(opts, module_folders(opts), current, utils_folders(opts), Marks(marks_file(opts)))
    loader.set_grains(request["grains"])
    loader.set_pillar(request["pillar"])
    executor = Executor(loader, current)
    executor.capture_output()
    signal.signal(signal.SIGTERM, partial(_end, job))
    outcome = executor.run(job)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    plain = Plain()
    answer = outcome._replace(value=plain.of(outcome.value), marks=plain.marks)
    with open(answer_to, "wb") as stream:
        stream.write(pack_value(list(answer[:ANSWERED])))
    return 0


def _end(job: Job, *_: object) -> NoReturn:
    """End the function, which then ends the programs that it runs: they are in groups of their own."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    job.killed_by = signal.SIGTERM
    raise Killed


if __name__ == "__main__":
    sys.exit(main())
