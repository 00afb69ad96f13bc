"""What the commands share: common flags, and faults as one line on stderr."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from saltern.__about__ import __version__
from saltern.config import unread_files
from saltern.errors import MasterNotRunning, SalternError, UnknownNodegroup, exit_code, told
from saltern.visible import visible

EX_OK = 0
EX_GENERIC = 1
EX_USAGE = 2
EX_INTERRUPTED = 130
MAX_SECONDS = 366 * 86400


def command_parser(prog: str, usage: str, description: str, examples: str) -> argparse.ArgumentParser:
    """Return a parser with the flags that every command has."""
    parser = argparse.ArgumentParser(
        prog=prog,
        usage=usage,
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-c", "--config-dir", metavar="DIR", help="folder (or file) of the master's configuration")
    parser.add_argument("--version", action="version", version=f"{prog} {__version__}")
    parser.add_argument("--versions-report", action="store_true", help="print the versions of everything and exit")
    parser.add_argument("--no-color", "--no-colour", action="store_true", help="no colours")
    parser.add_argument("--traceback", action="store_true", help="on a fault, show where in the code it arose")
    return parser


def seconds(text: str) -> float:
    """Return the seconds that an option says, for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"must be seconds, above 0 and up to {MAX_SECONDS:,}, not {text!r}")
    return number


def run_command(prog: str, work: Callable[[], int], *, traceback: bool, config_dir: str | None = None) -> int:
    """Do *work* and return its exit code; a fault becomes one line on stderr and the code that fits it.

    *config_dir*: what names the configuration, of which this user may not have read all.
    """
    try:
        return work()
    except UnknownNodegroup as error:  # told as Salt's command tells it
        print(visible(str(error)))
        return EX_OK
    except SalternError as error:
        if traceback:
            raise
        unread = unread_files(config_dir) if isinstance(error, MasterNotRunning) else []
        hint = f"; {visible(unread[0])} can't be read by this user, and may say where" if unread else ""
        print(f"{prog}: {told(error)}{hint}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        print(f"\n{prog}: interrupted", file=sys.stderr)
        return EX_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EX_OK


def wants_versions(arguments: Sequence[str]) -> bool:
    """Return whether the versions are asked for; printed here, because other arguments may be missing then."""
    if "--versions-report" not in arguments:
        return False
    from saltern.versions import versions_report

    print(versions_report())
    return True
