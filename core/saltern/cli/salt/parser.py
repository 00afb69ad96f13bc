"""The flags of ``saltern``: Salt's, with its words for what is wrong with them, and a few of our own.

``optparse`` reads them, as it does for Salt: options may stand anywhere, ``--`` ends them, a word that begins with
``-`` and is no flag is refused, and so are two ways to mean a target.
"""

from __future__ import annotations

import optparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from saltern.__about__ import __version__
from saltern.cli.command import MAX_SECONDS
from saltern.cli.secret_args import FLAG
from saltern.output import OUTPUTS

PROG = "saltern"
EX_BAD_OPTION = 64
"""A flag that there isn't, or a value that doesn't fit; Salt's number for it."""

KINDS = {
    "-E": ("--pcre", "pcre", "a regular expression on ids, from their start"),
    "-L": ("--list", "list", "ids: a,b,c"),
    "-G": ("--grain", "grain", "a grain: 'os:Deb*'"),
    "-P": ("--grain-pcre", "grain_pcre", "a grain by a regular expression"),
    "-N": ("--nodegroup", "nodegroup", "a group of the master's configuration"),
    "-R": ("--range", "range", "not supported"),
    "-C": ("--compound", "compound", "all of these with and, or, not: 'G@os:Debian and not db*'"),
    "-I": ("--pillar", "pillar", "a pillar value: 'role:web*'"),
    "-J": ("--pillar-pcre", "pillar_pcre", "a pillar value by a regular expression"),
    "-S": ("--ipcidr", "ipcidr", "an address or network: 192.0.2.0/24"),
}
"""Flags that say how a target is meant, in the order in which two of them are named: long form, kind, help."""

EXAMPLES = """examples:
  saltern '*' test.ping
  saltern 'web*' cmd.run 'df -h'
  saltern -L web01,web02 test.arg one 2 three=3
  saltern -G os:Debian grains.item kernel
  saltern -E 'web\\d+' status.uptime
  saltern -C 'G@os:Debian and not db*' test.version
  saltern '*' test.ping,grains.item , os             several functions, arguments parted by ,
  saltern -b 10% '*' cmd.run 'apt-get -y upgrade'    a tenth of them at a time
  saltern --secret-arg-file password=pw.txt db1 mydb.set_password fred    shown as *** everywhere
  saltern --out json --static '*' stats.collect
  saltern -d web01 cmd.run                           what a function does; -d web01 cmd: all of a module
"""


class Parser(optparse.OptionParser):
    """Reads the flags; ends the program with Salt's code and words when they are wrong."""

    def error(self, msg: str) -> NoReturn:
        """Say what is wrong with a flag, and end."""
        self.print_usage(sys.stderr)
        self.exit(EX_BAD_OPTION, f"{self.get_prog_name()}: error: {msg}\n")

    def format_epilog(self, formatter: optparse.HelpFormatter) -> str:
        """Return the examples as they are written."""
        return f"\n{self.epilog}"

    def read(self, words: Sequence[str]) -> tuple[optparse.Values, list[str]]:
        """Return the options and the other words of a command line, and of standard input with ``--args-stdin``."""
        options, rest = self.parse_args(list(words))
        if options.args_stdin:
            given = [line.rstrip("\r\n") for line in sys.stdin]
            options, more = self.parse_args(given, options)
            rest += more
        chosen = [(flags[0], flags[1]) for flag, flags in KINDS.items() if getattr(options, f"kind{flag}")]
        if len(chosen) > 1:
            names = "/".join(flag for flag, _ in chosen)
            self.error(f"The options {names} are mutually exclusive. Please only choose one of them")
        options.kind = chosen[0][1] if chosen else None
        return options, rest


class _Option(optparse.Option):
    """An option whose value may be a number of seconds."""

    TYPES = (*optparse.Option.TYPES, "seconds")
    TYPE_CHECKER = {**optparse.Option.TYPE_CHECKER, "seconds": lambda _, flag, text: _seconds(flag, text)}  # noqa: RUF012


def _seconds(flag: str, text: str) -> float:
    """Return seconds; parts of one, which Salt refuses, are taken too."""
    try:
        return min(float(text), MAX_SECONDS)
    except ValueError:
        raise optparse.OptionValueError(f"option {flag}: invalid integer value: {text!r}") from None


def parser() -> Parser:
    """Return the parser."""
    found = Parser(
        prog=PROG,
        usage="%prog [options] '<target>' <function> [arguments]",
        version=f"%prog {__version__}",
        description="Run a function on the minions that a target means.",
        epilog=EXAMPLES,
        option_class=_Option,
    )
    _add_common(found)
    _add_targets(found)
    _add_running(found)
    _add_output(found)
    _add_login(found)
    return found


def _add_common(parser: Parser) -> None:
    add = parser.add_option
    add("-V", "--versions-report", action="store_true", help="print the versions of everything and exit")
    add("-c", "--config-dir", metavar="DIR", help="folder (or file) of the master's configuration")
    add("--config-dump", action="store_true", help="print the master's configuration and exit")
    add("--traceback", action="store_true", help="on a fault, show where in the code it arose")
    for flags in (("-l", "--log-level"), ("--log-file",), ("--log-file-level",)):
        add(*flags, dest="not_used", help=optparse.SUPPRESS_HELP)  # a command keeps no log


def _add_targets(parser: Parser) -> None:
    group = optparse.OptionGroup(parser, "Target options", "How the target is meant; default: a glob on minion ids.")
    for flag, (long, _, text) in KINDS.items():
        group.add_option(flag, long, dest=f"kind{flag}", action="store_true", help=text)
    group.add_option("--delimiter", default=":", metavar="X", help="between the parts of a grain or pillar target")
    parser.add_option_group(group)


def _add_running(parser: Parser) -> None:
    group = optparse.OptionGroup(parser, "Running")
    add = group.add_option
    add("-t", "--timeout", type="seconds", metavar="S", help="seconds of silence before asking who still runs")
    add("-b", "--batch", "--batch-size", default="", metavar="N", help="at most N minions (or N%) at a time")
    add("--batch-wait", type="float", default=0.0, metavar="S", help="seconds that a place in the batch stays empty")
    add("--batch-safe-limit", type="int", default=0, metavar="N", help="in batches when there are this many minions")
    add("--batch-safe-size", default="8", metavar="N", help="the size of such batches; default: 8")
    add("--failhard", action="store_true", help="end a batch at the first failure")
    add("--subset", type="int", default=0, metavar="N", help="on N of them, by chance, that have the function")
    add("--async", dest="async_", action="store_true", help="start the job, print its jid, don't wait")
    add("--isolate", action="store_true", help="run it in a child process of the agent")
    add(
        FLAG,
        dest="secret_arg_file",
        action="append",
        default=[],
        metavar="[NAME=]FILE",
        help="one more argument, a secret; - is standard input",
    )
    add("--args-separator", default=",", metavar="X", help="between the arguments of several functions; default: ,")
    add("--args-stdin", action="store_true", help="more options and arguments, one a line, from standard input")
    add("--no-parse", default="", metavar="a,b", help="keyword arguments that stay the text that they are")
    add("--metadata", default="", metavar="YAML", help="kept with the job, to search by")
    add("--return", dest="return_", default="", metavar="R", help="returners that the minions store their answers with")
    add("--return_config", default="", metavar="NAME", help="the returner's alternative configuration")
    add("--return_kwargs", default="", metavar="YAML", help="options of the returner")
    add("-d", "--doc", "--documentation", action="store_true", help="show what functions do, and run none")
    add("--preview-target", action="store_true", help="list the minions that the target means, and run nothing")
    parser.add_option_group(group)


def _add_output(parser: Parser) -> None:
    group = optparse.OptionGroup(parser, "Output")
    add = group.add_option
    add("--out", "--output", metavar="FORM", help=", ".join(OUTPUTS))
    add("--no-color", "--no-colour", action="store_true", help="no colours")
    add("-s", "--static", action="store_true", help="all answers at once, as one document")
    add("-p", "--progress", action="store_true", help="show on standard error how many are done, running, away, failed")
    add("-v", "--verbose", action="store_true", help="print the jid, and more of the summary")
    add("--show-jid", action="store_true", help="print the jid")
    add("--hide-timeout", action="store_true", help="changes nothing, as in Salt")
    add("--summary", action="store_true", help="count the answers at the end")
    parser.add_option_group(group)


def _add_login(parser: Parser) -> None:
    group = optparse.OptionGroup(parser, "Logging in", "Not yet: the master knows its users by publisher_acl.")
    group.add_option("-a", "--auth", "--eauth", "--external-auth", dest="eauth", default="", metavar="SYSTEM")
    group.add_option("-T", "--make-token", action="store_true")
    group.add_option("--username")
    group.add_option("--password")
    parser.add_option_group(group)
