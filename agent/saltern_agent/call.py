"""``saltern-call``: run a function on this host, here and now."""

from __future__ import annotations

import argparse
import os
import queue
import sys
import threading
from collections.abc import Sequence
from typing import Any

import saltern.log
from saltern.__about__ import __version__
from saltern.arguments import parse_arguments, parse_value
from saltern.config import MinionOptions, minion_config
from saltern.errors import (
    ChannelError,
    IdError,
    NotAuthorised,
    RequestTimeout,
    SalternError,
    UsageError,
    exit_code,
    told,
)
from saltern.ids import JidSource, returners_of
from saltern.output import OUTPUTS, display
from saltern.plain import Plain
from saltern.visible import visible
from saltern.wire import MAX_MESSAGE_BYTES, Message
from saltern_agent import grains, identity
from saltern_agent.calls import Calls
from saltern_agent.channel import PENDING, REFUSED, UP, Address, Channel
from saltern_agent.executor import UNAVAILABLE, Executor
from saltern_agent.jobs import Current, Job, Outcome
from saltern_agent.link import Timing
from saltern_agent.loader import Loader
from saltern_agent.loader.marks import Marks
from saltern_agent.loop import Loop
from saltern_agent.outbox import refusals
from saltern_agent.return_to import ReturnTo, return_to
from saltern_agent.returns import pack_return
from saltern_agent.services import CallServices
from saltern_agent.sync import marks_file, module_folders, returners_folders, utils_folders

DOC = "sys.doc"
EX_FAILED = 1
EX_USAGE = 2
CONNECT_TIMEOUT_S = 5.0
LOOK_INTERVAL_S = 0.02

EX_INTERRUPTED = 130

LEVELS = {level: level for level in saltern.log.LEVELS} | {
    "quiet": "critical",
    "all": "debug",
    "garbage": "debug",
    "profile": "debug",
    "trace": "debug",
}
"""What ``-l`` takes, with the level that it means here: also the names that Salt has beside ours."""

EXAMPLES = """examples:
  saltern-call test.ping
  saltern-call --local stats.collect --out json
  saltern-call --local cmd.run 'df -h' timeout=5
  saltern-call -d stats                             what its functions do; nothing is run
  saltern-call test.echo -- --help                  after -- nothing is an option
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, the function's return code, or the code of what went wrong here."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    # Options may stand anywhere, as in saltern; a lone -- ends them.
    arguments = parser.parse_intermixed_args(words)
    if arguments.versions_report:
        from saltern.versions import versions_report

        print(versions_report())
        return 0
    if not arguments.words and not arguments.doc:
        parser.print_usage(sys.stderr)
        print("saltern-call: a function is needed, as in: saltern-call test.ping", file=sys.stderr)
        return EX_USAGE
    try:
        saltern.log.setup(LEVELS[arguments.log_level])
        return show_docs(arguments) if arguments.doc else _run(arguments)
    except SalternError as error:
        print(f"saltern-call: {told(error)}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        print("\nsaltern-call: interrupted", file=sys.stderr)
        return EX_INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away; Python would complain again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="saltern-call",
        usage="saltern-call [options] <function> [arguments]",
        description="Run a function of this host's execution modules, in this process.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-c", "--config-dir", metavar="DIR", help="folder (or file) of the minion's configuration")
    parser.add_argument("--id", metavar="ID", help="this minion's id")
    parser.add_argument("--local", action="store_true", help="don't connect to the master: no pillar, no files of it")
    parser.add_argument("--out", "--output", default="nested", choices=OUTPUTS, metavar="FORM", help=", ".join(OUTPUTS))
    parser.add_argument("--no-color", "--no-colour", action="store_true", help="no colours")
    parser.add_argument(
        "-l", "--log-level", default="warning", choices=LEVELS, metavar="LEVEL", help=", ".join(saltern.log.LEVELS)
    )
    parser.add_argument("--return", dest="ret", metavar="R[,R]", help="returners that get the return too")
    parser.add_argument("--return_config", default="", metavar="NAME", help="an alternative set of their options")
    parser.add_argument("--return_kwargs", default="", metavar="MAP", help="options of theirs, as {host: db1}")
    parser.add_argument("-d", "--doc", action="store_true", help="show what functions do, and run none")
    parser.add_argument("--version", action="version", version=f"saltern-call {__version__}")
    parser.add_argument("--versions-report", action="store_true", help="print the versions of everything and exit")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="function [arguments]",
        help="module.function, and what it takes: each word read as YAML, key=value for keywords",
    )
    return parser


def show_docs(arguments: argparse.Namespace) -> int:
    """Print what functions of this host are for, and return the exit code. Nothing but ``sys.doc`` is ever run.

    The words are those of the call that would be made: its arguments say nothing here, but to ``sys.doc`` itself.
    """
    function, *rest = arguments.words or [DOC]
    patterns = rest if function == DOC else [function]
    outcome = run_here(_options(arguments), Job(JidSource().next(), DOC, patterns, {}, user="saltern-call"))
    docs = {name: text for name, text in sorted(outcome.value.items()) if text} if outcome.success else {}
    if not docs:
        why = f"no function or module {' '.join(patterns)} has documentation" if outcome.success else outcome.value
        print(f"saltern-call: {visible(str(why))}", file=sys.stderr)
        return EX_FAILED
    color = False if arguments.no_color else None
    if arguments.out != OUTPUTS[0]:
        display(docs, arguments.out)
        return 0
    for name, text in docs.items():
        display({name: text}, color=color)
        print()
    return 0


def _options(arguments: argparse.Namespace) -> MinionOptions:
    options = minion_config(arguments.config_dir)
    options["id"] = arguments.id or options["id"]
    return options


def _run(arguments: argparse.Namespace) -> int:
    function, *words = arguments.words
    arg, kwarg = parse_arguments(words)
    job = Job(JidSource().next(), function, arg, kwarg, user="saltern-call")
    job.ret = _returners(arguments)
    options = _options(arguments)
    outcome = run_here(options, job) if arguments.local else run_connected(options, job)
    if outcome.success or outcome.retcode != UNAVAILABLE:
        display({"local": Plain().of(outcome.value)}, arguments.out, color=False if arguments.no_color else None)
    else:
        print(f"saltern-call: {visible(str(outcome.value))}", file=sys.stderr)
    return int(outcome.retcode)


def _returners(arguments: argparse.Namespace) -> ReturnTo:
    """Return which returners the command line names. Raises ``UsageError``."""
    kwargs = parse_value(arguments.return_kwargs) if arguments.return_kwargs else {}
    if not isinstance(kwargs, dict):
        raise UsageError(f"--return_kwargs {arguments.return_kwargs}: must be a map, as in '{{host: db1}}'")
    try:
        return return_to(returners_of(arguments.ret), arguments.return_config, kwargs)
    except IdError as error:
        raise UsageError(f"--return: {error}") from None


def run_here(options: MinionOptions, job: Job) -> Outcome:
    """Run *job* in this process with what is on this host alone."""
    current = Current()
    loader = _loader(options, {**options}, current)
    loader.set_grains(Plain().of(grains.collect(options)))
    return _done(loader, options, job, Executor(loader, current, interruptible=True).run(job))


def _loader(options: MinionOptions, opts: dict[str, Any], current: Current) -> Loader:
    folders, utils, returners = module_folders(options), utils_folders(options), returners_folders(options)
    return Loader(opts, folders, current, utils, Marks(marks_file(options)), returners)


def _done(loader: Loader, options: MinionOptions, job: Job, outcome: Outcome) -> Outcome:
    """Hand the return to the returners that the command line names, here and now; they change nothing of it."""
    if job.ret.names:
        from saltern_agent.returners import Returners

        frame = pack_return(job, outcome, None, MAX_MESSAGE_BYTES).frame
        Returners(options["id"], loader.returner).hand_all(frame, job.ret)
    return outcome


def run_connected(options: MinionOptions, job: Job) -> Outcome:
    """Run *job* in this process while a channel of its own to the master is open.

    Raises ``RequestTimeout`` when the master can't be reached in time, ``NotAuthorised`` when it does not take us in.
    """
    connection = Connection(options)
    try:
        connection.open()
        current = Current()
        services = CallServices(current, options, connection.calls.request, connection.fire)
        loader = _loader(options, {**options, "__agent__": services}, current)
        services.serve(loader)
        loader.set_grains(connection.grains)
        loader.set_pillar(connection.pillar)
        return _done(loader, options, job, Executor(loader, current, interruptible=True).run(job))
    finally:
        connection.close()


class Connection:
    """A channel for calls only, its loop in a thread of its own; no jobs come over it."""

    def __init__(self, options: MinionOptions) -> None:
        self.grains: dict[str, Any] = Plain().of(grains.collect(options))
        self.pillar: dict[str, Any] = {}
        self._options = options
        self._keys = identity.keys(options)
        self._address = Address(
            options["master"],
            options["publish_port"],
            options["ret_port"],
            identity.pinned_master_key(options),
        )
        self._settled = threading.Event()
        self._acknowledged: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, name="channel", daemon=True)
        self.loop: Loop
        self.channel: Channel
        self.calls: Calls

    def open(self) -> None:
        """Connect. Raises ``RequestTimeout``, ``NotAuthorised``, both saying what the master said."""
        self._thread.start()
        self._ready.wait()
        if not self._settled.wait(CONNECT_TIMEOUT_S):
            raise RequestTimeout(f"no connection within {CONNECT_TIMEOUT_S:g} s: {self.channel.reason}; or use --local")
        if self.channel.state != UP:
            raise NotAuthorised(f"{self.channel.reason}; or use --local")

    def fire(self, frame: bytes) -> None:
        """Send an event's message, and return when the master has it. Raises ``ChannelError``, ``RequestTimeout``."""
        self.loop.post(lambda: None if self._send(frame) else self._acknowledged.put("the master is away"))
        try:
            refused = self._acknowledged.get(timeout=CONNECT_TIMEOUT_S)
        except queue.Empty:
            raise RequestTimeout(f"the master did not take it within {CONNECT_TIMEOUT_S:g} s") from None
        if refused:
            raise ChannelError(refused)

    def close(self) -> None:
        """Disconnect."""
        if self._thread.is_alive():
            self.loop.post(self.loop.stop)
            self._thread.join()

    def _work(self) -> None:
        self.loop = Loop()
        self.calls = Calls(self.loop.post, self._send)
        self.channel = Channel(
            self.loop,
            self._address,
            self._keys,
            Timing.of(self._options),
            self,
            pending_retry_s=CONNECT_TIMEOUT_S,
            attach=False,
        )
        self._ready.set()
        self.channel.open()
        self._look()
        self.loop.run()
        self.loop.close()
        self.channel.close()

    def _look(self) -> None:
        """See whether the master has answered; only a welcome is told by a call."""
        if self.channel.state in (UP, PENDING, REFUSED):
            self._settled.set()
        else:
            self.loop.later(LOOK_INTERVAL_S, self._look)

    def _send(self, frame: bytes) -> bool:
        return self.channel.send(frame)

    # what the channel asks and tells

    def attachment(self) -> dict[str, Any]:
        """Return nothing: no jobs are asked for."""
        return {}

    def hello(self) -> dict[str, Any]:
        """Return the body of a ``hello``."""
        facts = {"id": self._options["id"], "version": __version__}
        return {**facts, "call": True}

    def welcomed(self, body: dict[str, Any]) -> None:
        """The master took us in."""
        pillar = body.get("pillar")
        self.pillar = pillar if isinstance(pillar, dict) else {}
        self.calls.opened()

    def lost(self) -> None:
        """The channel is away."""
        self.calls.closed()

    def received(self, message: Message) -> None:
        """Take in an answer; nothing else is for us."""
        if message.type == "reply":
            self.calls.reply(message.seq, message.body)
        elif message.type == "ack":
            self._acknowledged.put(refusals(message.body).get(message.seq, ""))


if __name__ == "__main__":
    sys.exit(main())
