"""What ``fill`` and ``resize`` have in common: their options, and what they tell of files."""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import asdict

from saltern_graphite.commands.parsers import add_out
from saltern_graphite.tools.attendance import CLEAN, PROBLEMS, Stop
from saltern_graphite.tools.listing import Listing
from saltern_graphite.tools.progress import Progress
from saltern_graphite.tools.rewriting import Result
from saltern_graphite.tools.tree import Selection, walk


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--dry-run`` and ``--out``."""
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done; write nothing")
    add_out(parser)


def count(verb: str, root: str, chosen: Selection, stop: Stop) -> int:
    """Return how many files there are to do, as far as they were counted when *stop* was set."""
    with Progress(f"{verb}: counting") as progress:
        for _ in walk(root, chosen, lambda path, why: None):
            if stop:
                break
            progress.step()
    return progress.files


def tell(
    arguments: argparse.Namespace,
    stop: Stop,
    total: int,
    results: Callable[[Progress], Generator[Result, None, None]],
    line: Callable[[Result], str],
    summary: Callable[[Counter[str]], str],
) -> int:
    """Tell what becomes of *total* files, each with its *line* (``""``: none) and all with *summary*.

    Numbers of the *results* are added up, and so are outcomes. Returns the exit status.
    """
    counts: Counter[str] = Counter(files=total)
    with Progress(arguments.command, total) as progress, contextlib.closing(results(progress)) as found:
        listing = Listing("files", progress, as_json=arguments.out == "json")
        for result in found:
            record = asdict(result)
            counts[result.outcome] += 1
            counts.update({key: value for key, value in record.items() if type(value) is int})
            if text := f"failed: {result.error}" if result.error else line(result):
                listing.add(record, text)
    counts["stopped"] = int(bool(stop))
    stopped = "; stopped, the others are as they were" if stop else ""
    listing.end(counts, summary(counts) + stopped)
    return PROBLEMS if counts["failed"] else CLEAN
