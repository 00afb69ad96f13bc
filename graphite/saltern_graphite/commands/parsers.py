"""The parsers of commands: what they have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


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
