"""Runs a job's functions in the calling thread: whatever they do, an outcome comes of it."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from types import CodeType
from typing import Any, NamedTuple

from saltern.errors import FunctionNotFound, SalternError
from saltern_agent.capture import MAX_PRINTED_CHARACTERS, ThreadOutput
from saltern_agent.jobs import Current, Job, Killed, Outcome
from saltern_agent.loader import Loader

log = logging.getLogger(__name__)

FAILED = 1
UNAVAILABLE = 254
"""Return codes: of a function that raised, and of one that isn't there."""

VARARGS, VARKEYWORDS = 0x04, 0x08  # of a code object's flags


class Answer(NamedTuple):
    """What one function came to."""

    value: Any
    retcode: int


class Executor:
    """Runs functions of *loader*; *current* tells modules and the capture of output which job a thread works on."""

    def __init__(self, loader: Loader, current: Current) -> None:
        self._loader = loader
        self._current = current

    def capture_output(self) -> None:
        """From now on catch what functions print."""
        sys.stdout = ThreadOutput(sys.stdout, self._current)

    def run(self, job: Job) -> Outcome:
        """Run *job* and return its outcome; raises nothing, not even when the function calls ``sys.exit``."""
        self._current.job = job
        self._current.printed = []
        started = time.perf_counter()
        try:
            answers = {fun: self._run_one(job, fun, args) for fun, args in job.functions()}
        finally:
            self._log_printed(job)
            self._current.job = self._current.printed = None
        duration_ms = round((time.perf_counter() - started) * 1000, 3)
        if isinstance(job.fun, str):
            answer = answers[job.fun]
            return Outcome(answer.value, answer.retcode, answer.retcode == 0, duration_ms)
        return Outcome(
            {fun: answer.value for fun, answer in answers.items()},
            {fun: answer.retcode for fun, answer in answers.items()},
            {fun: answer.retcode == 0 for fun, answer in answers.items()},
            duration_ms,
        )

    def _run_one(self, job: Job, name: str, args: list[Any]) -> Answer:
        job.retcode = 0
        try:
            function = self._loader.function(name)
        except FunctionNotFound as error:
            return Answer(str(error), UNAVAILABLE)
        except Killed:
            return _killed(job)
        try:
            value = function(*args, **job.kwarg)
        except Killed:
            return _killed(job)
        except BaseException as error:  # a function may call sys.exit, or worse: only this job fails
            return _failed(name, function, error)
        retcode = job.retcode
        return Answer(value, retcode if isinstance(retcode, int) else FAILED)

    def _log_printed(self, job: Job) -> None:
        printed = "".join(self._current.printed or ())[:MAX_PRINTED_CHARACTERS].rstrip()
        if printed:
            log.info("job %s: %s printed: %s", job.jid, job.fun, printed)


def _killed(job: Job) -> Answer:
    return Answer(f"The job was killed by signal {int(job.killed_by)}", FAILED)


def _failed(name: str, function: Callable[..., Any], error: BaseException) -> Answer:
    """Return the answer for a function that raised *error*: one line, the traceback in the log at debug level."""
    log.debug("%s failed", name, exc_info=error)
    text = str(error).split("\n")[0]
    trace = error.__traceback__
    if isinstance(error, TypeError) and trace is not None and trace.tb_next is None:
        return Answer(f"Passed invalid arguments to {name}: {text}. Usage: {name}{signature(function)}", FAILED)
    if isinstance(error, SalternError):
        return Answer(f"ERROR: {text}", FAILED)
    retcode = FAILED
    if isinstance(error, SystemExit) and isinstance(error.code, int) and 0 < error.code < 256:
        retcode = error.code
    kind = type(error).__name__
    return Answer(f"The minion function caused an exception: {kind}{f': {text}' if text else ''}", retcode)


def signature(function: Callable[..., Any]) -> str:
    """Return a function's parameters as they are written, ``(name, timeout=5, **kwargs)``.

    ``inspect`` would do it too, for a megabyte that the agent then keeps.
    """
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None:
        return "(…)"
    names = code.co_varnames
    positional, keyword_only = code.co_argcount, code.co_kwonlyargcount
    defaults: tuple[Any, ...] = getattr(function, "__defaults__", None) or ()
    keyword_defaults: dict[str, Any] = getattr(function, "__kwdefaults__", None) or {}
    parts = list(names[: positional - len(defaults)])
    parts += [f"{n}={v!r}" for n, v in zip(names[positional - len(defaults) : positional], defaults, strict=True)]
    rest = positional + keyword_only
    if code.co_flags & VARARGS:
        parts.append(f"*{names[rest]}")
        rest += 1
    elif keyword_only:
        parts.append("*")
    for name in names[positional : positional + keyword_only]:
        parts.append(f"{name}={keyword_defaults[name]!r}" if name in keyword_defaults else name)
    if code.co_flags & VARKEYWORDS:
        parts.append(f"**{names[rest]}")
    return f"({', '.join(parts)})"
