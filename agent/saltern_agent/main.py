"""``saltern-agent``: the program on every host."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

import saltern.log
from saltern import own_environment
from saltern.__about__ import __version__
from saltern.errors import IdError, SalternError, UsageError, exit_code, told
from saltern.files import UMASK
from saltern.folder_lock import locked
from saltern.ids import check_minion_id
from saltern.named import NamedTuple
from saltern_agent import identity, settings
from saltern_agent.host import Host
from saltern_agent.reload import Reload

if TYPE_CHECKING:
    from saltern.config import MinionOptions

log = logging.getLogger(__name__)

EX_FAILED = 1
CACHE_MODE = 0o755

HELP = """usage: saltern-agent [options]

Run this host's agent in the foreground: it connects to the master, runs its jobs and its schedule.

options:
  -c, --config-dir DIR   folder (or file) of the configuration; default $SALTERN_CONFIG_DIR or /etc/saltern
  --id ID                this minion's id; default: the option id, else the one its key was accepted with, else the
                         host's full name
  --join TOKEN           join the master that printed TOKEN (saltern-key --invite), and stay; - reads it, or the whole
                         line, from stdin: as an argument every user of this host can see it
  --join-file FILE       the same with what is in FILE
  -l, --log-level LEVEL  debug, info, warning, error or critical
  --log-file FILE        where to log; default: the option log_file, else standard error
  --version              print the version and exit
  -V, --versions-report  print the versions of everything and exit
  -h, --help             print this and exit

exit codes: 0 told to stop, 1 failed, 2 wrong usage, 78 wrong configuration; of --join also 69 the master can't be
reached, 75 it can't take hosts in now, 77 it does not take this one in

examples:
  saltern-agent --join -                           first start on a new host: paste the line of the invitation
  saltern-agent                                    from then on
  saltern-agent -c /srv/second --id web01-canary   a second agent on the same host
"""


class Arguments(NamedTuple):
    """The command line."""

    config_dir: str | None = None
    id: str | None = None
    join: str | None = None
    log_level: str | None = None
    log_file: str | None = None
    join_file: str | None = None


FLAGS = {
    "-c": "config_dir",
    "--config-dir": "config_dir",
    "--id": "id",
    "--join": "join",
    "--join-file": "join_file",
    "-l": "log_level",
    "--log-level": "log_level",
    "--log-file": "log_file",
}

FIXABLE = ("id", "log_level", "log_file")
"""Options that the command line may say instead of the configuration."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the agent; return its exit code: 0 when it was told to stop, or the code of what went wrong."""
    os.umask(UMASK)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is a log
    words = list(sys.argv[1:] if argv is None else argv)
    if prints(words):
        return 0
    with contextlib.ExitStack() as held:
        return _run(words, held)


def _run(words: Sequence[str], held: contextlib.ExitStack) -> int:
    """Run the agent, our folder *held* to the end."""
    try:
        arguments = parse(words)
        own_environment.settle(os.environ)
        options = configured(arguments)
        held.enter_context(locked(options["cachedir"], CACHE_MODE))
        host = make(options, arguments)
        reload = Reload(host, arguments.config_dir, fixed_by(arguments))
    except SalternError as error:
        hint = "; see saltern-agent --help" if isinstance(error, UsageError) else ""
        print(f"saltern-agent: {told(error)}{hint}", file=sys.stderr)
        return exit_code(error)
    except OSError as error:
        print(f"saltern-agent: {told(error)}", file=sys.stderr)
        return EX_FAILED
    return serve(host, reload, "saltern-agent")


def serve(host: Host, reload: Reload, program: str) -> NoReturn:
    """Run *host* until it is told to stop, and end this process."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: host.stop())
    signal.signal(signal.SIGHUP, lambda *_: reload.hung_up())
    gc.collect()
    gc.freeze()
    log.info("%s %s starts as %s, pid %d", program, __version__, host.options["id"], os.getpid())
    host.run()
    log.info("%s stopped", program)
    _leave()


def fixed_by(arguments: Arguments) -> list[str]:
    """Return the options that the command line says."""
    return [key for key in FIXABLE if getattr(arguments, key) is not None]


def parse(words: Sequence[str], flags: Mapping[str, str] = FLAGS) -> Arguments:
    """Return the arguments in *words*. By hand: ``argparse`` would stay in memory for the life of the agent."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if flag not in flags:
            raise UsageError(f"{word!r} is not an option")
        if not equals:
            if not rest:
                raise UsageError(f"{flag} needs a value")
            value = rest.pop(0)
        if flags[flag] == "config_dir" and not value:  # as of a variable that isn't set
            raise UsageError(f"{flag} must name a folder or a file, not nothing")
        found[flags[flag]] = value
    return Arguments(**found)


def configured(arguments: Arguments, *, proxyid: str = "") -> MinionOptions:
    """Return what the command line and the configuration say, and set up the log. *proxyid*: as of ``settings.load``.

    Raises ``ConfigError``, ``UsageError``.
    """
    if arguments.log_level is not None and arguments.log_level not in saltern.log.LEVELS:
        raise UsageError(f"there is no log level {arguments.log_level!r}: use one of {', '.join(saltern.log.LEVELS)}")
    options, warnings = settings.load(arguments.config_dir, named=arguments.id is not None, proxyid=proxyid)
    try:
        options["id"] = options["id"] if arguments.id is None else check_minion_id(arguments.id)
    except IdError as error:
        raise UsageError(f"--id: {error}") from None
    options["log_level"] = arguments.log_level or options["log_level"]
    options["log_file"] = arguments.log_file or options["log_file"]
    saltern.log.setup(options["log_level"], options["log_file"] or None)
    for line in warnings:
        log.warning("%s", line)
    return options


def make(options: MinionOptions, arguments: Arguments) -> Host:
    """Return the agent that *options* describe; with an invitation among the *arguments* it joins that master first.

    Raises ``ConfigError``, ``KeyStoreError``, ``JournalError``, ``UsageError``; ``ChannelError`` when joining fails.
    """
    identity.check_id(options)
    return Host(options, identity.keys(options), master_of(options, arguments))


def master_of(options: MinionOptions, arguments: Arguments, program: str = "saltern-agent") -> str:
    """Return the public key of the master that is to be trusted. Raises as ``make`` does."""
    if arguments.join is not None or arguments.join_file is not None:
        from saltern_agent.join import invitation, join  # once in the life of a host

        join(options, identity.keys(options), invitation(arguments.join, arguments.join_file))
    return identity.pinned_master_key(options, program)


def prints(words: Sequence[str], program: str = "saltern-agent", usage: str = HELP) -> bool:
    """Print what was asked for and return whether that was all."""
    if "-h" in words or "--help" in words:
        print(usage, end="")
    elif "--version" in words:
        print(f"{program} {__version__}")
    elif "-V" in words or "--versions-report" in words:
        from saltern.versions import versions_report

        print(versions_report())
    else:
        return False
    return True


def _leave() -> NoReturn:
    """End the process now: a worker that hangs in a function must not keep it, nor run on while Python ends."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
