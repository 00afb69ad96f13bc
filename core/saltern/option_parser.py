"""Command lines as Salt's programs take them: options may stand anywhere, and what is wrong is said in its words.

A word that begins with ``-`` is an option, or an error, unless it is a lone ``-`` or stands after a lone ``--``. An
option's value is the next word whatever it looks like, or follows in the same one (``-t5``, ``--timeout=5``). Long
options may be cut short as long as it is clear which is meant. Wrong usage ends the program with code 64.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any, NoReturn

from saltern import log
from saltern.__about__ import __version__
from saltern.visible import visible

EX_USAGE = 64

LOG_LEVELS = {level: level for level in log.LEVELS} | {
    "quiet": "critical",
    "all": "debug",
    "garbage": "debug",
    "profile": "debug",
    "trace": "debug",
}
"""What ``-l`` takes, with the level that it means here: also the names that Salt has beside ours."""


class OptionParser(argparse.ArgumentParser):
    """A parser whose ``parse`` returns the options, and the other words as ``words``."""

    def __init__(self, prog: str, usage: str, description: str, examples: str) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self._typed: dict[str, str] = {}
        """What was typed of an option, by all its names as argparse puts them."""

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Return the options in *words*; ends the program for wrong usage, ``-h`` and ``--version``."""
        options, others = self._split(words)
        parsed = self.parse_args(options)
        if getattr(parsed, "args_stdin", False):
            more_options, more = self._split([line.rstrip("\r\n") for line in sys.stdin])
            parsed = self.parse_args([*options, *more_options])
            others += more
        parsed.words = others
        return parsed

    def error(self, message: str) -> NoReturn:
        """End the program: *message* and the usage on stderr, code 64."""
        if message.startswith("argument "):
            names, _, why = message.removeprefix("argument ").partition(": ")
            why = why.replace("invalid int value", "invalid integer value")
            why = why.replace("invalid float value", "invalid floating-point value")
            message = f"option {self._typed.get(names, names)}: {why}"
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"{self.prog}: error: {message}\n")

    def format_usage(self) -> str:
        """Return the line that says how the program is used, and an empty one."""
        return f"Usage: {self.usage}\n\n"

    def format_help(self) -> str:
        """Return what ``-h`` prints."""
        return f"Usage: {super().format_help().removeprefix('usage: ')}"

    def _split(self, words: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the options among *words*, each as one word for ``parse_args``, and the others."""
        options: list[str] = []
        others: list[str] = []
        used: list[argparse.Action] = []
        left = deque(words)
        while left:
            word = left.popleft()
            if word == "--":
                others += left
                break
            if word.startswith("--"):
                name, sign, value = word.partition("=")
                found = [(self._long(name), name, value if sign else None)]
            elif word.startswith("-") and word != "-":
                found = self._shorts(word)
            else:
                others.append(word)
                continue
            for action, name, given in found:
                used.append(action)
                self._typed["/".join(action.option_strings)] = name
                options.append(self._one_word(action, name, given, left))
        self._check_exclusive(used)
        return options, others

    def _long(self, name: str) -> argparse.Action:
        known = self._option_string_actions
        if name in known:
            return known[name]
        meant = [option for option in known if option.startswith(name) and option.startswith("--")]
        if not meant or name == "--":
            self.error(f"no such option: {visible(name)}")
        if len({id(known[option]) for option in meant}) > 1:
            self.error(f"ambiguous option: {visible(name)} ({', '.join(sorted(meant))}?)")
        return known[meant[0]]

    def _shorts(self, word: str) -> list[tuple[argparse.Action, str, str | None]]:
        found: list[tuple[argparse.Action, str, str | None]] = []
        for at in range(1, len(word)):
            name = f"-{word[at]}"
            action = self._option_string_actions.get(name)
            if action is None:
                self.error(f"no such option: {visible(name)}")
            if action.nargs != 0:
                found.append((action, name, word[at + 1 :] or None))
                break
            found.append((action, name, None))
        return found

    def _one_word(self, action: argparse.Action, name: str, given: str | None, left: deque[str]) -> str:
        if action.nargs == 0:
            if given is not None:
                self.error(f"{visible(name)} option does not take a value")
            return _long_name(action)
        if given is None:
            if not left:
                self.error(f"{visible(name)} option requires 1 argument")
            given = left.popleft()
        return f"{_long_name(action)}={given}"

    def _check_exclusive(self, used: list[argparse.Action]) -> None:
        for group in self._mutually_exclusive_groups:
            names = [_long_name(action) for action in group._group_actions if action in used]
            if len(names) > 1:
                text = f"The options {'/'.join(names)} are mutually exclusive. Please only choose one of them"
                self.error(text)


def _long_name(action: argparse.Action) -> str:
    """Return the first long name of an option; those of ours that take a value all have one."""
    return next((name for name in action.option_strings if name.startswith("--")), action.option_strings[0])


def common_parser(
    prog: str, usage: str, description: str, examples: str, *, config: str = "master", short_log: bool = True
) -> OptionParser:
    """Return a parser with the flags that every program has.

    *config*: whose configuration ``-c`` names; *short_log*: whether ``-l`` is ``--log-level``.
    """
    parser = OptionParser(prog, usage, description, examples)
    parser.add_argument(
        "-c", "--config-dir", type=_place, metavar="DIR", help=f"folder (or file) of the {config}'s configuration"
    )
    parser.add_argument("--version", action="version", version=f"{prog} {__version__}")
    parser.add_argument(
        "-V", "--versions-report", nargs=0, action=VersionsReport, help="print the versions of everything and exit"
    )
    levels = ", ".join(log.LEVELS)
    parser.add_argument(
        *(["-l"] if short_log else []), "--log-level", choices=LOG_LEVELS, metavar="LEVEL", help=f"warning; {levels}"
    )
    parser.add_argument("--log-file", metavar="FILE", help="log to FILE, not to stderr")
    parser.add_argument("--log-file-level", choices=LOG_LEVELS, metavar="LEVEL", help="for --log-file")
    return parser


def _place(text: str) -> str:
    """Return what ``-c`` names: an empty text, as of a variable that isn't set, is no way to say the default."""
    if not text:
        raise argparse.ArgumentTypeError("must name a folder or a file, not nothing")
    return text


def set_up_log(options: argparse.Namespace) -> None:
    """Log as *options* say, or warnings to stderr. Raises ``ConfigError`` when the file can't be opened."""
    level = options.log_level
    if options.log_file:
        level = options.log_file_level or level
    log.setup(LOG_LEVELS[level or "warning"], options.log_file)


def add_argument_options(parser: OptionParser) -> None:
    """Add the options for how the words of a call are read."""
    parser.add_argument(
        "--no-parse",
        type=_names,
        default=(),
        metavar="NAME,NAME",
        help="keyword arguments that stay the texts that they are",
    )
    parser.add_argument("--args-stdin", action="store_true", help="read more options and words from stdin, one a line")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


class VersionsReport(argparse.Action):
    """Prints the versions of everything, and ends the program."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Do it."""
        from saltern.versions import versions_report

        print(versions_report())
        parser.exit()
