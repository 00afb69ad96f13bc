"""Runs a job's functions in the calling thread: whatever they do, an outcome comes of it."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from types import CodeType
from typing import Any, NamedTuple

from saltern.errors import FunctionNotFound, SalternError
from saltern.log import OneLine
from saltern.plain import Plain
from saltern.secret import revealed
from saltern_agent.capture import MAX_PRINTED_CHARACTERS, ThreadOutput
from saltern_agent.jobs import Current, Job, Killed, Outcome
from saltern_agent.loader import Loader
from saltern_agent.strikeout import Strikeout, StruckLog

log = logging.getLogger(__name__)

FAILED = 1
UNAVAILABLE = 254
"""Return codes: of a function that raised, and of one that isn't there."""

VARARGS, VARKEYWORDS = 0x04, 0x08  # of a code object's flags


class Answer(NamedTuple):
    """What one function came to; ``failed``: why it returned nothing."""

    value: Any
    retcode: int
    failed: str | None = None


class Executor:
    """Runs functions of *loader*; *current* tells modules and the capture of output which job a thread works on.

    *interruptible*: whether someone sits at this process, whose Ctrl-C is then no fault of the function.
    """

    def __init__(self, loader: Loader, current: Current, *, interruptible: bool = False) -> None:
        self._loader = loader
        self._current = current
        self._interruptible = interruptible

    def capture_output(self) -> None:
        """From now on catch what functions print, and keep secrets out of the log."""
        sys.stdout = ThreadOutput(sys.stdout, self._current)
        for handler in logging.getLogger().handlers:
            if isinstance(handler.formatter, OneLine):
                handler.setFormatter(StruckLog(handler.formatter, self._loader.strikeout))

    def run(self, job: Job) -> Outcome:
        """Run *job* and return its outcome; raises nothing, not even when the function calls ``sys.exit``.

        Where that is wanted, Ctrl-C raises ``KeyboardInterrupt``.
        """
        self._current.job = job
        self._current.printed = []
        started = time.perf_counter()
        try:
            answers = {fun: self._run_one(job, fun, args) for fun, args in job.functions()}
            strikeout = self._loader.strikeout()
        finally:
            self._log_printed(job)
            self._current.job = self._current.printed = None
        duration_ms = round((time.perf_counter() - started) * 1000, 3)
        if isinstance(job.fun, str):
            answer = answers[job.fun]
            success = answer.retcode == 0
            outcome = Outcome(answer.value, answer.retcode, success, duration_ms, failed=answer.failed)
        else:
            outcome = Outcome(
                {fun: answer.value for fun, answer in answers.items()},
                {fun: answer.retcode for fun, answer in answers.items()},
                {fun: answer.retcode == 0 for fun, answer in answers.items()},
                duration_ms,
            )
        return _struck(outcome, strikeout) if strikeout else outcome

    def _run_one(self, job: Job, name: str, args: list[Any]) -> Answer:
        job.retcode = 0
        if job.killed_by:  # during a function before this one
            return _killed(job)
        try:
            function = self._loader.function(name)
        except FunctionNotFound as error:
            return _without_value(str(error), UNAVAILABLE)
        except Killed:
            return _killed(job)
        try:
            value = function(*revealed(args), **revealed(job.kwarg)) if job.secrets else function(*args, **job.kwarg)
        except Killed:
            return _killed(job)
        except BaseException as error:  # a function may call sys.exit, or worse: only this job fails
            if self._interruptible and isinstance(error, KeyboardInterrupt):
                raise
            return _failed(name, function, error, self._loader.strikeout())
        retcode = job.retcode
        return Answer(value, retcode if isinstance(retcode, int) else FAILED)

    def _log_printed(self, job: Job) -> None:
        printed = "".join(self._current.printed or ())
        if strikeout := self._loader.strikeout():
            cut = len(printed) >= MAX_PRINTED_CHARACTERS
            printed = strikeout.text(printed)
            if cut:  # perhaps within a secret, whose beginning is its end then
                printed = printed[: -strikeout.longest or None]
        printed = printed[:MAX_PRINTED_CHARACTERS].rstrip()
        if printed:
            log.info("job %s: %s printed: %s", job.jid, job.fun, printed)


def _killed(job: Job) -> Answer:
    return _without_value(f"The job was killed by signal {int(job.killed_by)}", FAILED)


def _without_value(text: str, retcode: int) -> Answer:
    """Return the answer for a function that returned nothing: *text* instead."""
    return Answer(text, retcode, text)


def _struck(outcome: Outcome, strikeout: Strikeout) -> Outcome:
    """Return *outcome* in its plain form, the secrets in it struck out."""
    plain = Plain()
    value = strikeout.value(plain.of(outcome.value))
    failed = outcome.failed and strikeout.text(outcome.failed)
    return outcome._replace(value=value, marks=strikeout.value(plain.marks) or None, failed=failed)


def _failed(name: str, function: Callable[..., Any], error: BaseException, strikeout: Strikeout) -> Answer:
    """Return the answer for a function that raised *error*: one line, the traceback in the log at debug level."""
    log.debug("%s failed", name, exc_info=error)
    text = strikeout.text(str(error)).split("\n")[0]  # in this order: a line of a secret is one no more
    trace = error.__traceback__
    if isinstance(error, TypeError) and trace is not None and trace.tb_next is None:
        usage = f"{name}{signature(function)}"
        return _without_value(f"Passed invalid arguments to {name}: {text}. Usage: {usage}", FAILED)
    if isinstance(error, SalternError):
        return _without_value(f"ERROR: {text}", FAILED)
    retcode = FAILED
    if isinstance(error, SystemExit) and isinstance(error.code, int) and 0 < error.code < 256:
        retcode = error.code
    kind = type(error).__name__
    text = f"The minion function caused an exception: {kind}{f': {text}' if text else ''}"
    return _without_value(text, retcode)


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
