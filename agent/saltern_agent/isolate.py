"""Running a job in a process of its own, so that it can be killed, or crash, without harm to the agent.

The child is ``python -m saltern_agent.isolated``. It reads one msgpack map from its standard input, the job and what
its modules need, and writes the outcome, one msgpack array, to its standard output.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from saltern.errors import WireError
from saltern.own_python import python_module
from saltern.wire import pack_value, unpack_value
from saltern_agent.executor import FAILED
from saltern_agent.jobs import Job, Outcome
from saltern_agent.returns import same_for_all

CHUNK_BYTES = 64 * 1024


class Isolated:
    """Runs jobs in children. *opts* are the agent's options, *max_bytes* bounds what a child may answer."""

    def __init__(self, opts: dict[str, Any], max_bytes: int) -> None:
        self._opts = {key: value for key, value in opts.items() if not key.startswith("__")}
        self._max_bytes = max_bytes

    def run(self, job: Job, grains: dict[str, Any], pillar: dict[str, Any]) -> Outcome:
        """Run *job* in a child and return its outcome; a crash is an outcome too."""
        request = pack_value(
            {
                "jid": job.jid,
                "fun": job.fun,
                "arg": job.arg,
                "kwarg": job.kwarg,
                "about": job.about,
                "opts": self._opts,
                "grains": grains,
                "pillar": pillar,
            },
            secrets=True,
        )
        pid, to_child, from_child = spawn("saltern_agent.isolated")
        job.register_child(pid)
        try:
            _feed(to_child, request)
            answer = self._read(from_child)
            if answer is None:
                os.killpg(pid, signal.SIGKILL)
            status = os.waitpid(pid, 0)[1]
        finally:
            os.close(from_child)
            job.forget_child(pid)
        if answer is None:
            return _crashed(job, f"its answer is over {self._max_bytes:,} bytes")
        return _outcome(job, answer, os.waitstatus_to_exitcode(status))

    def _read(self, descriptor: int) -> bytes | None:
        """Return all that can be read, or ``None`` when it is too much."""
        chunks: list[bytes] = []
        total = 0
        while chunk := os.read(descriptor, CHUNK_BYTES):
            chunks.append(chunk)
            total += len(chunk)
            if total > self._max_bytes:
                return None
        return b"".join(chunks)


def spawn(module: str, *arguments: str) -> tuple[int, int, int]:
    """Run *module* in a child, in a process group of its own; return its pid and the descriptors to and from it."""
    child_in, to_child = os.pipe()
    from_child, child_out = os.pipe()
    try:
        argv = python_module(module, *arguments)
        pid = os.posix_spawn(
            argv[0],
            argv,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, child_in, 0), (os.POSIX_SPAWN_DUP2, child_out, 1)],
            setpgroup=0,
        )
    finally:
        os.close(child_in)
        os.close(child_out)
    return pid, to_child, from_child


def _feed(descriptor: int, data: bytes) -> None:
    """Write *data* and close; a child that ended early is found out when it is waited for."""
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    except BrokenPipeError:
        pass
    finally:
        os.close(descriptor)


def _outcome(job: Job, answer: bytes, exit_code: int) -> Outcome:
    if job.killed_by:
        return _crashed(job, f"it was killed by signal {int(job.killed_by)}")
    try:
        value, retcode, success, duration_ms, marks, failed, out = unpack_value(answer)
    except (WireError, ValueError, TypeError):
        if exit_code < 0:
            return _crashed(job, f"it crashed by {signal.Signals(-exit_code).name}")
        return _crashed(job, f"it ended with exit code {exit_code} without an answer")
    return Outcome(value, retcode, success, duration_ms, marks, failed, out)


def _crashed(job: Job, what: str) -> Outcome:
    return same_for_all(job, f"The minion function ran in a process of its own and {what}", FAILED)
