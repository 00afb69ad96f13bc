"""The program in which a runner, or an outputter, of the operator's own runs, on the master's host.

The master, or a command, writes one request to its standard input (``line.py``); what comes after depends on ``do``:

========  ==========================================================================================================
run       ``{"ready": true}`` once the function is there and takes its arguments; told ``{"jid": …}`` it is run:
          ``{"event": tag, "data": …}`` as often as it likes, then ``{"return": …, "success": …, "printed": …}``
docs      ``{"docs": {"mymod.fun": text}}``
check     ``{"refused": {path: why}}``, of *paths* that don't compile
output    ``{"ready": true}`` once the form *out* is there, then ``{"text": …}`` for each ``{"data": …, "kwarg": {…}}``
========  ==========================================================================================================

Instead of each ``{"error": one line, "code": kind}`` may come. What is printed here goes to standard error.
"""

from __future__ import annotations

import inspect
import io
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import saltern.log
from saltern.config.minion import MINION
from saltern.errors import ArgumentError, CommandError, SalternError
from saltern.output import OUTPUTS, render
from saltern.plain import Plain
from saltern.wire import pack_value
from saltern_agent.grains import collect
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader
from saltern_agent.loader.module import reason
from saltern_agent.loader.source import MODULES, OUTPUT, RUNNERS, UTILS
from saltern_agent.on_master.functions import JidEvent, RunnerFunctions, more_functions
from saltern_agent.on_master.line import Gone, Line
from saltern_agent.strikeout import Strikeout, StruckLog

MAX_REASON_CHARACTERS = 2000
SMALL_BYTES = 64 * 1024
"""Of an event's data; characters of what is printed."""


def main() -> int:
    """Serve one request."""
    os.umask(0o027)
    line = Line()
    try:
        request = line.receive()
        try:
            _DO[request["do"]](line, request)
        except SalternError as error:
            line.send({"error": str(error)[:MAX_REASON_CHARACTERS], "code": error.code})
    except (Gone, BrokenPipeError):
        return 0
    return 0


def _run(line: Line, request: Mapping[str, Any]) -> None:
    loader = _loader(request, (RUNNERS,))
    strikeout = loader.strikeout()
    printed = Printed(sys.stdout, strikeout)
    sys.stdout, sys.stderr = printed, Printed(sys.stderr, strikeout)  # it all ends in the master's log
    for handler in logging.getLogger().handlers:
        handler.setFormatter(StruckLog(handler.formatter or logging.Formatter(), loader.strikeout))
    opts = request["opts"]
    own = loader.of_kind(RUNNERS)
    functions = RunnerFunctions(own, request["built_in"], more_functions(loader, opts), opts)
    loader.give(
        RUNNERS, {"__salt__": functions, "__jid_event__": JidEvent(_bounded(line)), "__user__": request["user"]}
    )
    function = loader.find(RUNNERS, request["fun"])
    check_arguments(request["fun"], function, request["arg"], request["kwarg"])
    line.send({"ready": True})
    jid = line.receive()["jid"]
    threading.Thread(target=_end_with, args=(line,), daemon=True).start()
    loader.give(RUNNERS, {"__jid__": jid, "__tag__": f"salt/run/{jid}"})
    value = Plain().of(_called(function, request["arg"], request["kwarg"]))
    sys.stdout.flush()
    told = {"success": not loader.context.get("retcode", 0), "printed": strikeout.text(printed.text)}
    answer = pack_value({"return": strikeout.value(value), **told})
    if len(answer) > request["max_bytes"]:
        raise CommandError(f"what it returned is over {request['max_bytes']:,} bytes")
    line.send_packed(answer)


def _docs(line: Line, request: Mapping[str, Any]) -> None:
    loader = _loader(request, (RUNNERS,))
    docs = {name: inspect.getdoc(function) or "" for name, function in loader.of_kind(RUNNERS).items()}
    line.send({"docs": Plain().of(docs)})


def _check(line: Line, request: Mapping[str, Any]) -> None:
    refused = {}
    for path in request["paths"]:
        try:
            with open(path, "rb") as stream:
                compile(stream.read(), path, "exec", dont_inherit=True)
        except Exception as error:  # SyntaxError, ValueError for a NUL, RecursionError, MemoryError
            refused[path] = reason(error, path)
    line.send({"refused": refused})


def _output(line: Line, request: Mapping[str, Any]) -> None:
    loader = _loader(request, (OUTPUT,))
    own = loader.of_kind(OUTPUT)
    loader.give(OUTPUT, {"__salt__": Outputters(lambda name: own[f"{name}.output"])})
    function = loader.find(OUTPUT, f"{request['out']}.output")
    parameters = inspect.signature(function).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    line.send({"ready": True})
    while True:
        asked = line.receive()
        kwargs = {name: value for name, value in asked["kwarg"].items() if takes_all or name in parameters}
        try:
            text = function(asked["data"], **kwargs)
            answer: dict[str, Any] = {"text": "" if text is None else str(text)}
        except BaseException as error:  # it may call sys.exit
            answer = {"error": f"{type(error).__name__}: {error}"[:MAX_REASON_CHARACTERS], "code": "command"}
        line.send(answer)


_DO: Mapping[str, Callable[[Line, Mapping[str, Any]], None]] = {
    "run": _run,
    "docs": _docs,
    "check": _check,
    "output": _output,
}


class Printed(io.TextIOBase):
    """Stands for ``sys.stdout``: passes on what is written, without secrets, and keeps the first of it."""

    def __init__(self, original: TextIO, strikeout: Strikeout) -> None:
        self._original = original
        self._strikeout = strikeout
        self._kept: list[str] = []
        self._left = SMALL_BYTES

    @property
    def text(self) -> str:
        """What was kept."""
        return "".join(self._kept)

    def write(self, text: str) -> int:
        """Write *text*; return its length."""
        if self._left > 0:
            self._kept.append(text[: self._left])
            self._left -= len(text)
        self._original.write(self._strikeout.text(text) if self._strikeout else text)
        return len(text)

    def flush(self) -> None:
        """Flush the original."""
        self._original.flush()

    def writable(self) -> bool:
        """Return true."""
        return True

    def fileno(self) -> int:
        """Return the original's descriptor."""
        return self._original.fileno()


class Outputters:
    """What outputters have as ``__salt__``: the others, by name."""

    def __init__(self, own: Callable[[str], Callable[..., Any]]) -> None:
        self._own = own

    def __getitem__(self, name: str) -> Callable[..., Any]:
        if name in OUTPUTS:
            return lambda data, **kwargs: render(data, name)
        return self._own(name)


def check_arguments(name: str, function: Callable[..., Any], args: list[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise ``ArgumentError``, in the words of the master's own functions, when they can't be given to *function*."""
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        why = str(error)
        if why == "too many positional arguments":
            most = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in signature.parameters.values())
            why = f"takes {most} argument{'' if most == 1 else 's'} at most, {len(args)} were given"
        usage = ", ".join(_shown(parameter) for parameter in signature.parameters.values())
        raise ArgumentError(f"{name} was called wrongly: {why}: it is {name}({usage})") from None


def _shown(parameter: inspect.Parameter) -> str:
    kind = parameter.kind
    stars = "*" if kind is parameter.VAR_POSITIONAL else "**" if kind is parameter.VAR_KEYWORD else ""
    default = "" if parameter.default is parameter.empty else f"={parameter.default!r:.60}"
    return f"{stars}{parameter.name}{default}"


def _called(function: Callable[..., Any], args: list[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return what *function* returns; whatever it raises is a ``CommandError`` of one line, and a traceback here."""
    try:
        return function(*args, **kwargs)
    except SalternError as error:
        traceback.print_exc()
        raise CommandError(str(error)) from None
    except BaseException as error:
        traceback.print_exc()
        text = str(error)
        raise CommandError(f"{type(error).__name__}: {text}" if text else type(error).__name__) from None


def _bounded(line: Line) -> Callable[[dict[str, Any]], None]:
    def send(message: dict[str, Any]) -> None:
        packed = pack_value(message)
        if len(packed) > SMALL_BYTES:
            packed = pack_value({**message, "data": f"over {SMALL_BYTES:,} bytes: not told"})
        line.send_packed(packed)

    return send


def _loader(request: Mapping[str, Any], kinds: tuple[str, ...]) -> Loader:
    """Return what loads from the folders that the request names, by kind."""
    opts = {**MINION.defaults, **request["opts"], "__role": "master"}
    saltern.log.setup(opts["log_level"])
    logging.getLogger("saltern_agent.loader.shelf").setLevel(logging.ERROR)  # the answer says what can't be loaded
    folders = request["folders"]
    others = {kind: folders.get(kind, []) for kind in kinds}
    loader = Loader(opts, folders.get(MODULES, []), Current(), folders.get(UTILS, []), others=others)
    loader.set_grains(Plain().of(collect({**opts, "grains": {}, "master": "localhost"})))
    loader.set_pillar({})
    return loader


def _end_with(line: Line) -> None:
    """End this process, and all that it started, with the one who started it."""
    line.wait_for_end()
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
