"""The program that runs one isolated job; see ``saltern_agent.isolate``."""

from __future__ import annotations

import logging
import os
import sys

import saltern.log
from saltern.plain import Plain
from saltern.wire import pack_value, unpack_value
from saltern_agent.executor import Executor
from saltern_agent.jobs import Current, Job
from saltern_agent.loader import Loader, shelf
from saltern_agent.sync import module_folders, utils_folders


def main() -> int:
    """Read a job from standard input, run it, write its outcome to what was standard output."""
    answer_to = os.dup(1)
    os.dup2(2, 1)  # what the function's programs print goes to the log, not into the answer
    request = unpack_value(sys.stdin.buffer.read(), secrets=True)
    opts = request["opts"]
    saltern.log.setup(opts["log_level"], opts["log_file"] or None)
    logging.getLogger(shelf.__name__).setLevel(logging.ERROR)  # the agent has said which modules aren't used
    current = Current()
    loader = Loader(opts, module_folders(opts), current, utils_folders(opts))
    loader.set_grains(request["grains"])
    loader.set_pillar(request["pillar"])
    executor = Executor(loader, current)
    executor.capture_output()
    outcome = executor.run(Job(request["jid"], request["fun"], request["arg"], request["kwarg"]))
    plain = Plain()
    answer = outcome._replace(value=plain.of(outcome.value), marks=plain.marks)
    with open(answer_to, "wb") as stream:
        stream.write(pack_value(list(answer)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
