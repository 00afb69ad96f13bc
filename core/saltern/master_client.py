"""Functions of the master, called from Python: what ``RunnerClient`` and ``WheelClient`` have in common.

A call is a job of the master's: it has a jid, and the events ``salt/run/<jid>/new`` and ``…/ret`` (``salt/wheel/…``).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from saltern.arguments import parse_arguments
from saltern.connecting import Connecting
from saltern.errors import ArgumentError, ChannelError, FunctionNotFound, SalternError

WITHIN_S = 300.0
"""How long a function of the master's may take, when nothing else is said."""
NOT_AN_ARGUMENT = frozenset({"client", "full_return", "fun", "print_event", "timeout", "user"})
"""Keys of a ``low`` dict that aren't keywords of its function."""

_UNKNOWN_KEYWORD = re.compile("unexpected keyword argument '([^']*)'")


class MissingFunction(FunctionNotFound, KeyError):
    """There is no such function; a ``KeyError`` too, as scripts expect it."""

    __str__ = Exception.__str__


class MasterClient(Connecting):
    """Calls functions of one kind, *client*; usable in a ``with`` block. *opts*: a master's options."""

    client = ""
    tag_prefix = ""

    def __init__(self, opts: Mapping[str, Any], context: Any = None) -> None:
        super().__init__(opts)

    def cmd(
        self,
        fun: str,
        arg: Sequence[Any] | None = None,
        pub_data: Mapping[str, Any] | None = None,
        kwarg: Mapping[str, Any] | None = None,
        print_event: bool = True,
        full_return: bool = False,
        timeout: float = WITHIN_S,
    ) -> Any:
        """Run *fun* on the master and return its value.

        Texts in *arg* are read as words of a command line: ``"1"`` is a number, ``"k=v"`` a keyword. When the function
        fails the value is a text, ``Exception occurred in …``, or ``Passed invalid arguments: …``. *full_return*: the
        data of the last event instead, ``fun, jid, user, fun_args, return, success, _stamp``. *timeout*: seconds.
        *pub_data* and *print_event* change nothing: the user is the one that runs this, and nothing is printed.

        Raises ``KeyError`` (``MissingFunction``) for a function that isn't there, ``ArgumentError`` for an argument of
        a wrong kind and an unknown keyword, ``NotAuthorised``, ``MasterNotRunning``, ``ChannelError``.
        """
        for name, value, kinds, kind in (
            ("arg", arg, (list, tuple), "list/tuple"),
            ("pub_data", pub_data, Mapping, "dictionary"),
            ("kwarg", kwarg, Mapping, "dictionary"),
        ):
            if value is not None and not isinstance(value, kinds):
                raise ArgumentError(f"{name} must be formatted as a {kind}")
        args, kwargs = _read(arg or ())
        return self._shown(fun, args, {**kwargs, **_own(kwarg or {})}, full_return, timeout)

    def low(self, fun: str, low: Mapping[str, Any], print_event: bool = True, full_return: bool = False) -> Any:
        """Like ``cmd``, of a ``low`` dict: ``{"arg": […], "kwarg": {…}}``, or the keywords themselves."""
        args, kwargs = _of_low(low)
        return self._shown(fun, args, kwargs, full_return, float(low.get("timeout") or WITHIN_S))

    def call(
        self, fun: str, arg: Sequence[Any] = (), kwarg: Mapping[str, Any] | None = None, timeout: float = WITHIN_S
    ) -> Any:
        """Run *fun*, its arguments as they are, and return its value; raises whatever went wrong (``SalternError``)."""
        return self.whole(fun, arg, kwarg, timeout)["return"]

    def whole(
        self, fun: str, arg: Sequence[Any] = (), kwarg: Mapping[str, Any] | None = None, timeout: float = WITHIN_S
    ) -> dict[str, Any]:
        """Like ``call``; return the data of its last event, ``return``, ``success``, ``jid`` …, and what it printed."""
        return self._run(fun, list(arg), dict(kwarg or {}), timeout)

    def asynchronous(
        self, fun: str, low: Mapping[str, Any], user: str = "UNKNOWN", pub: Any = None, local: bool = True
    ) -> dict[str, str]:
        """Begin *fun* and return ``{"tag": …, "jid": …}`` at once; what comes of it is in the event ``<tag>/ret``."""
        args, kwargs = _of_low(low)
        with self.connect() as connection, self._told_missing():
            started: dict[str, str] = connection.call(f"{self.client}.async", fun, args, kwargs)
        return started

    def cmd_async(self, low: Mapping[str, Any]) -> dict[str, str]:
        """Like ``asynchronous``; *low* holds ``fun`` too, and may hold credentials as in ``cmd_sync``."""
        client, low = self.logged_in(low)
        return client.asynchronous(_function(low), low)

    def cmd_sync(self, low: Mapping[str, Any], timeout: float | None = None, full_return: bool = False) -> Any:
        """Run the function that *low* names and return its value; with *full_return* ``{"tag": …, "data": …}``.

        With ``token``, or ``username``, ``password`` and ``eauth`` in *low*, as who logs in by them.
        """
        client, low = self.logged_in(low)
        data = client.low(_function(low), {**low, "timeout": timeout or WITHIN_S}, full_return=True)
        tag = f"salt/{self.tag_prefix}/{data.get('jid', '')}/ret"
        return {"tag": tag, "data": data} if full_return else data["return"]

    def get_docs(self, arg: str | None = None) -> dict[str, str]:
        """Return what functions are for, by name: of all, or of a module, a function, or those that a glob means."""
        import fnmatch  # for the few that ask

        with self.connect() as connection:
            docs: dict[str, str] = connection.call(f"runner.doc.{self.client}")
        if not arg:
            return docs
        if "*" in arg:
            return {name: docs[name] for name in fnmatch.filter(docs, arg)}
        return {name: text for name, text in docs.items() if name == arg or name.startswith(f"{arg.rstrip('.')}.")}

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """The functions there are, by name; to be called."""
        return {name: partial(self._function, name) for name in self.get_docs()}

    def _function(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        return self.call(fun, args, kwargs)

    def _shown(self, fun: str, args: list[Any], kwargs: dict[str, Any], full_return: bool, timeout: float) -> Any:
        try:
            data = self._run(fun, args, kwargs, timeout)
        except ChannelError:
            raise
        except SalternError as error:
            if isinstance(error, MissingFunction):
                raise
            text = f"Exception occurred in {self.client} {fun}: {error}"
            if isinstance(error, ArgumentError) and not error.jid:  # it was never begun
                _refuse_keyword(error, kwargs)
                text = f"\nPassed invalid arguments: {error}\n\nUsage:\n{self._doc(fun)}"
            data = {"fun": f"{self.client}.{fun}", "jid": error.jid or "", "return": text}
            data |= {"success": False, "retcode": 1}
        return data if full_return else data["return"]

    def _doc(self, fun: str) -> str:
        with contextlib.suppress(SalternError):
            return self.get_docs(fun).get(fun, "")
        return ""

    def _run(self, fun: str, args: list[Any], kwargs: dict[str, Any], timeout: float) -> dict[str, Any]:
        """Return the data of the job's last event."""
        with self.connect() as connection, self._told_missing():
            data: dict[str, Any] = connection.call_whole(f"{self.client}.{fun}", args, kwargs, timeout)
        return data

    @contextlib.contextmanager
    def _told_missing(self) -> Iterator[None]:
        try:
            yield
        except FunctionNotFound as error:
            if isinstance(error, ArgumentError) or error.jid:  # one with a jid was raised by the function
                raise
            raise MissingFunction(str(error)) from None


def _read(arg: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and the keyword arguments in *arg*, texts read as words."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for one in arg:
        if isinstance(one, str):
            words, named = parse_arguments([one])
            args += words
            kwargs |= named
        elif isinstance(one, Mapping) and one.get("__kwarg__"):
            kwargs |= _own(one)
        else:
            args.append(one)
    return args, kwargs


def _refuse_keyword(error: ArgumentError, kwargs: Mapping[str, Any]) -> None:
    """Raise ``ArgumentError`` in Salt's words when *error* tells of one of *kwargs* that the function doesn't take."""
    unknown = _UNKNOWN_KEYWORD.search(str(error))
    if unknown and unknown[1] in kwargs:
        raise ArgumentError(
            f"The following keyword arguments are not valid: {unknown[1]}={kwargs[unknown[1]]}"
        ) from None


def _own(kwarg: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwarg.items() if name != "__kwarg__"}


def _of_low(low: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments in a ``low`` dict, of the new style or the old."""
    if "arg" in low or "kwarg" in low:
        args, kwargs = _read(low.get("arg") or ())
        return args, {**kwargs, **_own(low.get("kwarg") or {})}
    return [], {name: value for name, value in low.items() if name not in NOT_AN_ARGUMENT and not name.startswith("__")}


def _function(low: Mapping[str, Any]) -> str:
    if not isinstance(low.get("fun"), str):
        raise ArgumentError("low must name a function, as in {'fun': 'jobs.list_jobs'}")
    return str(low["fun"])
