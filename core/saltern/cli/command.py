"""What the commands share: common flags, and faults as one line on stderr.

A program is ``parser = command_parser(…)``, ``add_output_arguments(parser)``, options of its own,
``options = parser.parse(words)`` (what isn't an option is in ``options.words``), and ``run_command`` around its work,
which makes an ``Output(options)`` and shows each value by ``output.show(value, out=…, retcode=…)``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from saltern.config import unread_files
from saltern.credentials import INVALID
from saltern.errors import MasterNotRunning, SalternError, UnknownNodegroup, exit_code, told
from saltern.option_parser import EX_USAGE, OptionParser, add_argument_options, common_parser, set_up_log
from saltern.output import form_of
from saltern.output.options import Output as CommonOutput
from saltern.output.options import add_output_arguments
from saltern.visible import visible

__all__ = [
    "EX_GENERIC",
    "EX_INTERRUPTED",
    "EX_OK",
    "EX_USAGE",
    "OptionParser",
    "Output",
    "add_argument_options",
    "add_output_arguments",
    "command_parser",
    "run_command",
    "seconds",
    "set_up_log",
]

KEPT_IS_OVER = ": the login that is kept in ~/.saltern_token is over: give -T and log in again"

if TYPE_CHECKING:
    from saltern.cli.outputters import OwnOutputter

EX_OK = 0
EX_GENERIC = 1
EX_INTERRUPTED = 130
MAX_SECONDS = 366 * 86400


class Output(CommonOutput):
    """Shows values as a program's options say, also in a form of the operator's own (``saltern.cli.outputters``)."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self._config_dir = options.config_dir
        self._own: dict[str, OwnOutputter | None] = {}

    def _display(self, value: Any, form: str | None, retcode: int, stream: TextIO, color: bool | None) -> None:
        if form_of(form) is None:
            from saltern.cli import outputters  # for the few that have one

            name = str(form)
            if name not in self._own:
                self._own[name] = outputters.find(name, self._config_dir, outputters.Look(stream, color, self.indent))
            if outputters.shown(self._own[name], value, retcode, stream):
                return
        super()._display(value, form, retcode, stream, color)


def command_parser(prog: str, usage: str, description: str, examples: str, *, short_log: bool = True) -> OptionParser:
    """Return a parser with the flags that every command has; *short_log*: whether ``-l`` is ``--log-level``."""
    parser = common_parser(prog, usage, description, examples, short_log=short_log)
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
        hint = KEPT_IS_OVER if str(error) == INVALID else hint
        print(f"{prog}: {told(error)}{hint}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        print(f"\n{prog}: interrupted", file=sys.stderr)
        return EX_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EX_OK
