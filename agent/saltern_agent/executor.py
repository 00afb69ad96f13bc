"""Runs a job's functions: whatever they do, an outcome comes of it.

They run in the calling thread. What is to be awaited, because a function is a coroutine function or returned something
of the kind, runs in the process's loop of coroutines meanwhile.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterable
from types import AsyncGeneratorType, GeneratorType
from typing import Any

from saltern import errors
from saltern.errors import ArgumentError, ChannelError, CommandError, FunctionNotFound, SalternError
from saltern.log import OneLine
from saltern.named import NamedTuple
from saltern.plain import Plain
from saltern.secret import revealed
from saltern_agent.capture import MAX_PRINTED_CHARACTERS, ThreadOutput
from saltern_agent.given import given, is_bare
from saltern_agent.jobs import Current, Job, Killed, Outcome
from saltern_agent.loader import Loader
from saltern_agent.steps import Steps, begun, to_the_end
from saltern_agent.strikeout import Strikeout, StruckLog

log = logging.getLogger(__name__)

FAILED = 1
"""Return code of a function that raised, or isn't there."""

NESTED = "nested"
"""How what an error says is shown."""

WRONGLY_CALLED = frozenset({"SaltInvocationError", "SaltClientError"})
MAX_YIELDED = 100_000
AROUND = frozenset({__name__, "saltern_agent.steps", "saltern_agent.coroutines", "saltern_agent.coroutine_loop"})
"""Modules whose frames stand in a traceback before the function's."""
BLACKOUT = (
    "Minion in blackout mode. Set 'minion_blackout' to False in pillar or grains to resume operations. Only "
    "saltutil.refresh_pillar allowed in blackout mode."
)


class Answer(NamedTuple):
    """What one function came to; ``failed``: why it returned nothing, in a line; ``out``: how that is to be shown."""

    value: Any
    retcode: int
    failed: str | None = None
    out: str | None = None
    error: BaseException | None = None
    missing: bool = False


class Executor:
    """Runs functions of *loader*; *current* tells modules and the capture of output which job a thread works on.

    *interruptible*: whether someone sits at this process, whose Ctrl-C is then no fault of the function. *progress* is
    told of each value that a generator yields, with its number.
    """

    def __init__(
        self,
        loader: Loader,
        current: Current,
        *,
        interruptible: bool = False,
        progress: Callable[[Job, int, Any], None] | None = None,
    ) -> None:
        self._loader = loader
        self._current = current
        self._interruptible = interruptible
        self._progress = progress

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

        def wait(awaitable: Awaitable[Any]) -> Any:
            try:
                return self._loader.coroutines.wait(awaitable, job.cancelled_by)
            finally:
                job.cancelled_by(None)

        return to_the_end(self._steps(job), wait)

    def begin(self, job: Job) -> Outcome | Coroutine[Any, Any, Outcome]:
        """Run *job* like ``run``; when its function is a coroutine, return one that comes to the outcome.

        So no thread waits for it. That is to be awaited in the context of this call; see ``steps.begun``. Of several
        functions the calling thread waits for each.
        """
        return begun(self._steps(job)) if isinstance(job.fun, str) else self.run(job)

    def _steps(self, job: Job) -> Steps[Outcome]:
        before = self._current.enter(job)
        started = time.perf_counter()
        answers = {}
        try:
            with self._loader.bound():
                for fun, args in job.functions():
                    answers[fun] = yield from self._run_one(job, fun, args)
            strikeout = self._loader.strikeout()
        finally:
            self._log_printed(job)
            self._current.leave(before)
        duration_ms = round((time.perf_counter() - started) * 1000, 3)
        if isinstance(job.fun, str):
            outcome = _of_one(answers[job.fun], duration_ms)
        else:
            outcome = _of_several(answers, duration_ms, self._loader.strikeout())
        return _struck(outcome, strikeout) if strikeout else outcome

    def _run_one(self, job: Job, name: str, args: list[Any]) -> Steps[Answer]:
        job.retcode = 0
        if job.killed_by:  # during a function before this one
            return _killed(job)
        try:
            function = self._loader.function(name)
        except FunctionNotFound as error:
            return self._missing(name, str(error))
        except Killed:
            return _killed(job)
        if job.about and self._loader.blacked_out(name):
            return Answer(f"ERROR executing '{name}': {BLACKOUT}", FAILED, BLACKOUT, NESTED)
        try:
            if is_bare(function, args, job.kwarg):
                value = function()
            else:
                args, kwargs = given(function, args, job.kwarg, job.published, sent=bool(job.about))
                value = function(*revealed(args), **revealed(kwargs)) if job.secrets else function(*args, **kwargs)
            if type(value) is AsyncGeneratorType:
                value = self._gathered_later(job, value)
            while hasattr(type(value), "__await__"):
                value = yield value
            if type(value) is GeneratorType:
                value = self._gathered(job, value)
        except Killed:
            return _killed(job)
        except BaseException as error:  # a function may call sys.exit, or worse: only this job fails
            if self._interruptible and isinstance(error, KeyboardInterrupt):
                raise
            if job.killed_by and type(error).__name__ == "CancelledError":  # asyncio's
                return _killed(job)
            return _failed(name, function, error, self._loader.strikeout())
        retcode = job.retcode
        if retcode == 0 and isinstance(value, dict) and not all(value.get(key, True) for key in ("result", "success")):
            retcode = FAILED
        return Answer(value, int(retcode) if isinstance(retcode, int) else FAILED, out=_outputter(name, function))

    def _missing(self, name: str, why: str) -> Answer:
        """Answer for a function that isn't there: what is there that begins so, or why its module isn't.

        *why* is our own line, with the name that was perhaps meant: for who looks after a schedule.
        """
        text = self._loader.why_missing(name)
        docs = self._loader.docs(name)
        return Answer({**docs, name: text} if docs else text, FAILED, why, NESTED, missing=True)

    def _gathered(self, job: Job, items: Iterable[Any]) -> Any:
        """Return what a generator yields: maps as one, else a list; nothing is an empty map."""
        found: Any = {}
        for number, item in enumerate(items):
            found = self._laid(job, number, item, found)
        return found

    async def _gathered_later(self, job: Job, items: AsyncIterable[Any]) -> Any:
        found: Any = {}
        number = 0
        async for item in items:
            found = self._laid(job, number, item, found)
            number += 1
        return found

    def _laid(self, job: Job, number: int, item: Any, found: Any) -> Any:
        """Return *found* and a generator's value *number*."""
        if number >= MAX_YIELDED:
            raise CommandError(f"it yields more than {MAX_YIELDED:,} values")
        if self._progress is not None:
            self._progress(job, number, item)
        if isinstance(item, dict) and isinstance(found, dict):
            found.update(item)
        elif isinstance(found, dict):
            found = [found, item] if found else [item]
        else:
            found.append(item)
        return found

    def _log_printed(self, job: Job) -> None:
        if not self._current.printed:
            return
        printed = "".join(self._current.printed)
        if strikeout := self._loader.strikeout():
            cut = len(printed) >= MAX_PRINTED_CHARACTERS
            printed = strikeout.text(printed)
            if cut:  # perhaps within a secret, whose beginning is its end then
                printed = printed[: -strikeout.longest or None]
        printed = printed[:MAX_PRINTED_CHARACTERS].rstrip()
        if printed:
            log.info("job %s: %s printed: %s", job.jid, job.fun, printed)


def _of_one(answer: Answer, duration_ms: float) -> Outcome:
    return Outcome(
        answer.value,
        answer.retcode,
        answer.retcode == 0,
        duration_ms,
        failed=answer.failed,
        out=answer.out,
        error=answer.error,
        missing=answer.missing,
    )


def _of_several(answers: dict[str, Answer], duration_ms: float, strikeout: Strikeout) -> Outcome:
    """Return the outcome of several functions: one that raised has the bare traceback, and no return code."""
    values = {}
    for fun, answer in answers.items():
        if answer.error is not None:
            values[fun] = strikeout.text(_trace(answer.error))
        elif answer.missing:
            values[fun] = f"Traceback (most recent call last):\nsaltern.errors.FunctionNotFound: {answer.failed}\n"
        else:
            values[fun] = answer.value
    return Outcome(
        values,
        {fun: answer.retcode for fun, answer in answers.items() if answer.failed is None},
        {fun: answer.retcode == 0 for fun, answer in answers.items()},
        duration_ms,
    )


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
    """Return the answer for a function that raised *error*, in the words that Salt has for each kind.

    Modules may bring errors of their own classes, or of an installed Salt's: the classes' names tell.
    """
    log.debug("%s failed", name, exc_info=error)
    text = strikeout.text(str(error))
    kinds = {kind.__name__ for kind in type(error).__mro__}
    retcode = FAILED
    if "CommandNotFoundError" in kinds:
        said = f"Command required for '{name}' not found: {text}"
    elif isinstance(error, (ArgumentError, ChannelError)) or not kinds.isdisjoint(WRONGLY_CALLED):
        said = f"ERROR executing '{name}': {text}"
    elif "CommandExecutionError" in kinds or _is_ours(error):
        said = f"ERROR: {text}"
    elif isinstance(error, TypeError):
        said = f"Passed invalid arguments to {name}: {text}\n{function.__doc__ or ''}"
    else:
        if isinstance(error, SystemExit) and isinstance(error.code, int) and 0 < error.code < 256:
            retcode = error.code
        said = f"The minion function caused an exception: {strikeout.text(_trace(error))}"
        return Answer(said, retcode, _in_short(error, text), NESTED, error=error)
    return Answer(said, retcode, said, NESTED, error=error)


def _is_ours(error: BaseException) -> bool:
    """Return whether *error* is of one of the kinds in the error tree, whose texts are fit for users."""
    return isinstance(error, SalternError) and any(
        kind is not SalternError and kind.__module__ == errors.__name__ for kind in type(error).__mro__
    )


def _trace(error: BaseException) -> str:
    """Return the traceback of *error* from the function on: the frames before are the agent's, the same for all."""
    import traceback  # logging has it already

    own = error.__traceback__
    inner = own.tb_next if own is not None else None
    while inner is not None and inner.tb_frame.f_globals.get("__name__") in AROUND:
        inner = inner.tb_next
    return "".join(traceback.format_exception(type(error), error, inner or own))


def _in_short(error: BaseException, text: str) -> str:
    first = text.split("\n")[0]
    return f"The minion function caused an exception: {type(error).__name__}{f': {first}' if first else ''}"


def _outputter(name: str, function: Callable[..., Any]) -> str | None:
    """Return the outputter that the function's module names for it in ``__outputter__``."""
    outputters = getattr(function, "__globals__", {}).get("__outputter__")
    out = outputters.get(name.partition(".")[2]) if isinstance(outputters, dict) else None
    return out if isinstance(out, str) else None
