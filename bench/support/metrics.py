"""The metrics that the Graphite benchmarks feed: their names, their values, and the layout of their files."""

from __future__ import annotations

import argparse
import functools

LAYOUT = "15s:1d,1m:7d,15m:1y"
STEP_S = 15
COUNT, QUICK_COUNT = 20_000, 2_000
SCHEMAS = f"""\
[bench]
pattern = ^bench\\.
retentions = {LAYOUT}

[own]
pattern = ^carbon\\.
retentions = 1m:1d
"""
"""A ``storage-schemas.conf`` that Carbon reads as we do."""

METRICS_A_GROUP = 100
GROUPS_A_HOST = 10


@functools.cache
def names(count: int) -> list[str]:
    """Return *count* names, ``bench.host<i>.group<j>.metric<k>``: a thousand of a host, a hundred of a group."""
    return [
        f"bench.host{number // (METRICS_A_GROUP * GROUPS_A_HOST)}"
        f".group{number // METRICS_A_GROUP % GROUPS_A_HOST}"
        f".metric{number % METRICS_A_GROUP}"
        for number in range(count)
    ]


def value(number: int, stamp: int) -> float:
    """Return the value of metric *number* at *stamp*: eighths, so text and file hold exactly the same."""
    return (number * 31 + stamp) % 8_000 / 8


def slots(now: float, count: int) -> list[int]:
    """Return the last *count* aligned times of the finest archive before *now*, in order."""
    last = int(now) // STEP_S * STEP_S
    return [last - STEP_S * back for back in range(count - 1, -1, -1)]


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Let the command line say how many metrics."""
    parser.add_argument("--metrics", type=int, help=f"how many (default: {COUNT}, with --quick {QUICK_COUNT})")


def asked(options: argparse.Namespace) -> int:
    """Return how many metrics the command line asks for."""
    return options.metrics or (QUICK_COUNT if options.quick else COUNT)
