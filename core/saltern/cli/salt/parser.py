"""The flags of ``saltern``: Salt's, with its words for what is wrong with them, and a few of our own."""

from __future__ import annotations

import argparse

from saltern.cli.command import (
    MAX_SECONDS,
    OptionParser,
    add_argument_options,
    add_output_arguments,
    command_parser,
)
from saltern.cli.login import add_login_options
from saltern.cli.secret_args import FLAG

PROG = "saltern"

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

EXAMPLES = """  saltern '*' test.ping
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


def salt_parser() -> OptionParser:
    """Return the parser."""
    found = command_parser(
        PROG,
        f"{PROG} [options] '<target>' <function> [arguments]",
        "Run a function on the minions that a target means.",
        EXAMPLES,
    )
    found.add_argument("--config-dump", action="store_true", help="print the master's configuration and exit")
    _add_targets(found)
    _add_running(found)
    _add_arguments(found)
    add_output_arguments(found)
    _add_output(found)
    add_login_options(found)
    return found


def add_target_kinds(parser: OptionParser, *, without: str = "") -> argparse._ArgumentGroup:
    """Add the flags that say how a target is meant, but the short one *without*; return their group."""
    group = parser.add_argument_group("targets (default: a glob on minion ids)")
    kinds = group.add_mutually_exclusive_group()
    for flag, (long, kind, text) in KINDS.items():
        flags = [long] if flag == without else [flag, long]
        kinds.add_argument(*flags, dest="kind", action="store_const", const=kind, help=text)
    group.add_argument("--delimiter", default=":", metavar="X", help="between the parts of a grain or pillar target")
    return group


def _add_targets(parser: OptionParser) -> None:
    group = add_target_kinds(parser)
    group.add_argument(
        "--subset", type=int, default=0, metavar="N", help="N of them, by chance, that have the function"
    )
    group.add_argument("--preview-target", action="store_true", help="list whom the target means, and run nothing")


def _add_running(parser: OptionParser) -> None:
    add = parser.add_argument_group("running").add_argument
    add("-t", "--timeout", type=_seconds, metavar="S", help="seconds of silence before asking who still runs")
    add("-b", "--batch", "--batch-size", default="", metavar="N", help="at most N minions (or N%%) at a time")
    add("--batch-wait", type=float, default=0.0, metavar="S", help="seconds that a place in the batch stays empty")
    add("--batch-safe-limit", type=int, default=0, metavar="N", help="in batches when there are this many minions")
    add("--batch-safe-size", default="8", metavar="N", help="the size of such batches; default: 8")
    add("--failhard", action="store_true", help="end a batch at the first failure")
    add("--async", dest="async_", action="store_true", help="start the job, print its jid, don't wait")
    add("--isolate", action="store_true", help="run it in a child process of the agent")
    add("--metadata", default="", metavar="YAML", help="kept with the job, to search by")
    add("--return", dest="return_", default="", metavar="R,R", help="returners that minions store their answers with")
    add("--return_config", default="", metavar="NAME", help="the returner's alternative configuration")
    add("--return_kwargs", default="", metavar="YAML", help="options of the returner")


def _add_arguments(parser: OptionParser) -> None:
    more = "one more argument, a secret; - is standard input"
    parser.add_argument(FLAG, action="append", default=[], metavar="[NAME=]FILE", help=more)
    parser.add_argument("--args-separator", default=",", metavar="X", help="between several functions' arguments: ,")
    add_argument_options(parser)


def _add_output(parser: OptionParser) -> None:
    add = parser.add_argument_group("answers").add_argument
    add("-s", "--static", action="store_true", help="all answers at once, as one document")
    add("-p", "--progress", action="store_true", help="show on standard error how many are done, running, away, failed")
    add("-v", "--verbose", action="store_true", help="print the jid, and more of the summary")
    add("--show-jid", action="store_true", help="print the jid")
    add("--hide-timeout", action="store_true", help="changes nothing, as in Salt")
    add("--summary", action="store_true", help="count the answers at the end")
    add("-d", "--doc", "--documentation", action="store_true", help="show what functions do, and run none")


def _seconds(text: str) -> float:
    """Return seconds; parts of one, which Salt refuses, are taken too."""
    try:
        return float(min(int(float(text) * 1000), MAX_SECONDS * 1000) / 1000)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"invalid integer value: {text!r}") from None
