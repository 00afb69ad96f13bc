"""The parsers of commands: what they have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn, TypeAlias

from saltern.visible import visible

EX_USAGE = 2

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line; so do the parsers of its commands."""

    def error(self, message: str) -> NoReturn:
        """End the program."""
        self.exit(EX_USAGE, f"{self.prog}: error: {visible(message)}; see {self.prog} --help\n")


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    help: str,
    about: str | None = None,
    epilog: str,
) -> argparse.ArgumentParser:
    """Add the command *name*, which *run* does; return its parser, for its arguments."""
    parser = commands.add_parser(
        name,
        help=help,
        description=about,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add ``--out``, for what a :class:`saltern_graphite.tools.listing.Listing` writes."""
    parser.add_argument("--out", choices=("text", "json"), default="text", help="(default: %(default)s)")
