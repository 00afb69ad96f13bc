"""A job while it runs, and the thread that runs it."""

from __future__ import annotations

import logging
import os
import signal as signals
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from saltern.errors import WireError
from saltern.ids import check_jid
from saltern.named import NamedTuple
from saltern.secret import MASK, masked, secret_texts
from saltern_agent.origin import Origin
from saltern_agent.return_to import NOWHERE, ReturnTo, return_to

if TYPE_CHECKING:
    from saltern_agent.alike import Alike

log = logging.getLogger(__name__)

PUBLISHED = ("fun", "arg", "tgt", "jid", "ret", "tgt_type", "user", "metadata", "pid")
"""What functions with ``**kwargs`` are told of the job, each with ``__pub_`` before it."""

CHILD_GRACE_S = 3.0  # for a function to return once its programs were ended; in a child of ours they have 2 s of it
THREAD_GRACE_S = 2.0  # for a thread to notice that it is to end
INTERRUPTS = 2  # in that time


class Killed(BaseException):
    """Raised inside a thread whose job is killed; no function should catch it."""


class Outcome(NamedTuple):
    """What a function, or several, came to; with several, the first three are maps by function.

    ``marks`` names what was already changed in the value so that it could be carried (see ``saltern.plain``).
    ``failed`` says why the function returned nothing: it is missing, raised, was ended; ``None`` when it returned.
    ``out`` names the outputter that the value is to be shown with. ``error`` is what the function raised, and
    ``missing`` whether there is none of that name: for a caller in the same process.
    """

    value: Any
    retcode: Any
    success: Any
    duration_ms: float
    marks: list[str] | None = None
    failed: str | None = None
    out: str | None = None
    error: BaseException | None = None
    missing: bool = False


class Job:
    """One job: what is to be run, and what is known of its running.

    ``fun`` is a name, or several, and then ``arg`` holds a list for each. ``extra`` goes into the return as it is
    (a scheduled run's ``schedule``, ``slot``, …), ``origin`` is what a loss of that is counted for. ``sees``: whether
    whoever asked for it may see, and end, the jobs of others. ``secrets`` are the texts of those among the arguments.
    ``about`` is what functions with ``**kwargs`` are told of it beside ``fun`` and ``jid``.
    ``ret`` says which returners its return goes to beside the master. ``alike`` is for the returns of one that many are
    asked for, without arguments.
    """

    __slots__ = (
        "_ended",
        "_lock",
        "_over",
        "abandoned",
        "about",
        "alike",
        "arg",
        "begun",
        "cancel",
        "children",
        "extra",
        "fun",
        "isolate",
        "jid",
        "killed_by",
        "kwarg",
        "origin",
        "ret",
        "retcode",
        "secrets",
        "sees",
        "started",
        "thread",
        "timeout_s",
        "user",
    )

    def __init__(
        self,
        jid: str,
        fun: str | list[str],
        arg: list[Any],
        kwarg: dict[str, Any],
        *,
        user: str = "",
        sees: bool = False,
        isolate: bool = False,
        timeout_s: float | None = None,
        extra: dict[str, Any] | None = None,
        origin: Origin | None = None,
        about: dict[str, Any] | None = None,
        ret: ReturnTo = NOWHERE,
        alike: Alike | None = None,
    ) -> None:
        self.jid = jid
        self.fun = fun
        self.arg = arg
        self.kwarg = kwarg
        self.user = user
        self.sees = sees
        self.secrets: frozenset[str] = secret_texts((arg, kwarg)) if arg or kwarg else frozenset()
        self.isolate = isolate
        self.timeout_s = timeout_s
        self.extra = extra or {}
        self.origin = origin
        self.about = about
        self.ret = ret
        self.alike = alike
        self.started = time.time()
        self.begun = False
        self.thread = 0
        self.cancel: Callable[[], None] | None = None  # what ends the coroutine that it waits for, or is
        self.children: set[int] = set()
        self.killed_by = 0
        self.abandoned = False
        self.retcode = 0  # what the function put into __context__['retcode']
        self._lock = threading.Lock()
        self._over = False
        self._ended: threading.Event | None = None  # made when one waits: most jobs are short

    def functions(self) -> list[tuple[str, list[Any]]]:
        """Return the functions with their positional arguments."""
        if isinstance(self.fun, str):
            return [(self.fun, self.arg)]
        return [(fun, self.arg[i] if i < len(self.arg) else []) for i, fun in enumerate(self.fun)]

    def fun_args(self) -> list[Any]:
        """Return the arguments as a return carries them: keywords last, marked as Salt marks them."""
        args = [*self.arg, {"__kwarg__": True, **self.kwarg}] if self.kwarg else self.arg
        return masked(args) if self.secrets else args

    def published(self) -> dict[str, Any]:
        """Return what functions with ``**kwargs`` are told of the job: ``__pub_fun``, ``__pub_jid`` and the like."""
        if self.about is None:
            return {}
        told = {"fun": self.fun, "jid": self.jid, **self.about}
        return {f"__pub_{key}": deepcopy(told[key]) for key in PUBLISHED if key in told}  # others are told the same

    def concerns(self, asker: Job | None) -> bool:
        """Return whether *asker*, the job that asks, may see this one's arguments and end it.

        It may when it is of the same user or was sent by one who sees everything. Scheduled jobs are of no user.
        """
        if asker is None:
            return False
        if asker.sees:
            return True
        return bool(self.user) and asker.user == self.user and "schedule" not in {**asker.extra, **self.extra}

    @property
    def pid(self) -> int:
        """The process that does it: a child that runs it, or this one."""
        with self._lock:
            return next(iter(self.children), os.getpid())

    def describe(self, asker: Job | None) -> dict[str, Any]:
        """Return the job as ``saltutil.running`` shows it to the job *asker*."""
        shown = self.concerns(asker)
        return {
            "jid": self.jid,
            "fun": self.fun,
            "arg": self.fun_args() if shown else MASK,
            **{key: masked(value) for key, value in (self.about or {}).items() if key in ("tgt", "tgt_type", "ret")},
            "user": self.user,
            "pid": self.pid,
            "tid": self.thread,
            "started": self.started,
            **{key: self.extra[key] for key in ("schedule",) if key in self.extra},
        }

    @property
    def over(self) -> bool:
        """Whether its function is over, or never begins."""
        return self._over

    def ends_within(self, seconds: float) -> bool:
        """Wait for that, so long at most; return whether it is so."""
        with self._lock:
            if self._over:
                return True
            ended = self._ended = self._ended or threading.Event()
        return ended.wait(seconds)

    def _is_over(self) -> None:
        """Say so to whoever waits; under the lock."""
        self._over = True
        if self._ended is not None:
            self._ended.set()

    def begin(self) -> bool:
        """Say that the calling thread runs it; return whether it is still wanted (it wasn't withdrawn)."""
        with self._lock:
            if self.abandoned:
                return False
            self.begun = True
            self.thread = threading.get_ident()
        return True

    def withdraw(self) -> bool:
        """Have it never begin; return whether it hadn't."""
        with self._lock:
            if self.begun or self.abandoned:
                return False
            self.abandoned = True
            self._is_over()
        return True

    def go_on(self) -> None:
        """Say that the calling thread leaves it: it goes on as a coroutine."""
        with self._lock:
            thread, self.thread = self.thread, 0
            killed_by = self.killed_by
        if killed_by and thread == threading.get_ident():
            forget_interrupt(thread)

    def cancelled_by(self, cancel: Callable[[], None] | None) -> None:
        """Say what ends the coroutine that it is waiting for; ``None``: there is none any more."""
        with self._lock:
            self.cancel = cancel
            killed_by = self.killed_by
        if killed_by and cancel is not None:
            cancel()

    def register_child(self, pid: int) -> None:
        """Take note of a program, or of a group of them, that ends with this job."""
        with self._lock:
            self.children.add(pid)
            killed_by = self.killed_by
        if killed_by:
            _signal(pid, killed_by)

    def forget_child(self, pid: int) -> None:
        """Take note that it ended."""
        with self._lock:
            self.children.discard(pid)

    def close(self) -> bool:
        """Say that the function is over; return whether its outcome is still wanted (it wasn't abandoned)."""
        with self._lock:
            wanted = not self.abandoned
            self._is_over()
            self.cancel = None
        return wanted

    def end(self, signal: int) -> bool:
        """End it without waiting for that, and give it up; return whether it was still running.

        Its programs are sent *signal*. Who runs it interrupts it.
        """
        with self._lock:
            self.killed_by = self.killed_by or signal
        self.signal(signal)
        return self.abandon()

    def signal(self, signal: int) -> None:
        """Send *signal* to its programs."""
        with self._lock:
            children = list(self.children)
        for pid in children:
            _signal(pid, signal)

    def kill(self, signal: int) -> str:
        """End this job: first its programs, by *signal* and then for certain, then its thread. Say what was done.

        A thread that hangs outside Python can't be ended: ``abandoned`` is set then, and whoever called must
        answer for it.
        """
        with self._lock:
            self.killed_by = signal
            children = list(self.children)
        for number in (signal, signals.SIGKILL) if children else ():
            for pid in children:
                _signal(pid, number)
            if self.ends_within(CHILD_GRACE_S):
                listed = ", ".join(str(pid) for pid in children)
                return f"job {self.jid} was ended: signal {int(number)} went to process {listed}"
        for _ in range(INTERRUPTS):  # one may come where it is swallowed, as in the callback of a weak reference
            if not (self._interrupt() or not (self.thread or self.begun)):
                break
            if self.ends_within(THREAD_GRACE_S / INTERRUPTS):
                return f"job {self.jid} was ended: it was interrupted"
        if self.abandon():
            return f"job {self.jid} does not end: its thread hangs outside Python and was abandoned"
        return f"job {self.jid} was over already"

    def abandon(self) -> bool:
        """Give the job up: its outcome, should one come, isn't wanted. Return whether it was still running."""
        with self._lock:
            if not self._over:
                self.abandoned = True
            return self.abandoned

    def _interrupt(self) -> bool:
        """Raise ``Killed`` in the job's thread at its next step of Python, and cancel the coroutine that it is.

        Return whether there is one of them.
        """
        with self._lock:
            if self._over:
                return False
            if self.cancel is not None:
                self.cancel()
            return interrupt(self.thread) if self.thread else self.begun


At = tuple[Job | None, list[str] | None]
_AT: ContextVar[At] = ContextVar("job", default=(None, None))


class Current:
    """The job that a thread, or a coroutine, works on, and what its function printed; one for the whole process."""

    __slots__ = ()

    def enter(self, job: Job) -> At:
        """Work on *job* from now on, and catch what is printed; return what ``leave`` is to be told."""
        before = _AT.get()
        _AT.set((job, []))
        return before

    def leave(self, before: At) -> None:
        """Work on what was before."""
        _AT.set(before)

    @property
    def job(self) -> Job | None:
        """The job, where one is running."""
        return _AT.get()[0]

    @property
    def printed(self) -> list[str] | None:
        """What its function has printed; ``None`` where nothing is caught."""
        return _AT.get()[1]


def interrupt(thread: int) -> bool:
    """Raise ``Killed`` at the next step of Python in the *thread*; return whether there is one."""
    import ctypes  # rarely needed, and not small

    return bool(ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Killed)) == 1)


def forget_interrupt(thread: int) -> None:
    """Forget a ``Killed`` that was raised in the *thread* and didn't arrive."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), None)


def _signal(pid: int, signal: int) -> None:
    """Send *signal* to the process group of *pid* when it leads one, else to it alone."""
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal)
        else:
            os.kill(pid, signal)
    except ProcessLookupError:
        return
    except PermissionError:
        log.warning("process %d can't be sent %s: it runs as another user", pid, signals.Signals(signal).name)


def read_job(body: dict[str, Any]) -> Job:
    """Return the job of a ``job`` message. Raises ``IdError``, ``WireError`` for one that makes no sense."""
    jid = check_jid(body.get("jid"))
    fun, arg, kwarg = body.get("fun"), body.get("arg") or [], body.get("kwarg") or {}
    if not isinstance(fun, str) and not (isinstance(fun, list) and all(isinstance(name, str) for name in fun)):
        raise WireError(f"job {jid}: fun must be text or a list of texts")
    if not isinstance(arg, list) or not isinstance(kwarg, dict):
        raise WireError(f"job {jid}: arg must be a list and kwarg a map")
    if isinstance(fun, list) and not all(isinstance(args, list) for args in arg):
        raise WireError(f"job {jid}: arg must hold a list for each function")
    timeout = body.get("timeout")
    kwarg = {str(key): value for key, value in kwarg.items()}
    about: dict[str, Any] = {key: body[key] for key in ("tgt", "tgt_type", "user", "metadata") if key in body}
    about["ret"] = body.get("ret") or ""
    about["arg"] = [*arg, {"__kwarg__": True, **kwarg}] if kwarg else arg
    return Job(
        jid,
        fun,
        arg,
        kwarg,
        user=str(body.get("user") or ""),
        sees=body.get("sees") is True,
        isolate=bool(body.get("isolate")),
        timeout_s=timeout if isinstance(timeout, (int, float)) and timeout > 0 else None,
        about=about,
        ret=return_to(body.get("ret"), body.get("ret_config"), body.get("ret_kwargs")),
    )
