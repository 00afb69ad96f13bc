"""A Whisper tree to ask two Graphites about: every kind of metric, at a fixed time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import whisper

NOW = 1_718_020_800
"""2024-06-10 12:00:00 UTC, a Monday."""
DAY_S = 86_400

Values = Callable[[int, int], float | None]
"""The value at a time, and at the how-manieth step; None: no point."""

MINUTES = [(60, 1440), (300, 2016), (3600, 720)]
TENS = [(10, 2160), (60, 2880), (600, 1008)]
FIVES = [(300, 2016)]
SEVENS = [(7, 20_000)]
COARSE = [(3600, 720)]

ODD_NAMES = (
    "a-b", "c=d", "p%41", "plus+x", "co:lon", "at@x", "ha#sh", "til~de", "under_score", "br[1]", "cu{x}", "pa(1)",
    "com,ma", "quo'te", "dol$lar", "ex!cl", "am&p", "less<x", "pi|pe", "ünï", "UPPER", "1e3", "007", "-5",
)  # fmt: skip


def make_tree(tree: Path) -> list[str]:
    """Write the tree and return its metrics."""
    names = []

    def put(
        name: str, archives: list[tuple[int, int]], values: Values, method: str = "average", xff: float = 0.5
    ) -> None:
        path = tree / (name.replace(".", "/") + ".wsp")
        path.parent.mkdir(parents=True, exist_ok=True)
        whisper.create(str(path), archives, xff, method)
        step = archives[0][0]
        reach = min(archives[0][0] * archives[0][1], DAY_S + DAY_S // 4) if len(archives) < 2 else 2 * DAY_S
        times = range(NOW - reach // step * step, NOW + 1, step)
        points = [(at, value) for index, at in enumerate(times) if (value := values(at, index)) is not None]
        whisper.update_many(str(path), points, now=NOW)
        names.append(name)

    for host in ("web01", "web02", "web03", "db1", "db10", "db2"):
        for leaf in ("cpu.user", "cpu.system", "load"):
            put(f"servers.{host}.{leaf}", MINUTES, _noise(f"{host}{leaf}", 50, 20))
        put(f"servers.{host}.requests", MINUTES, _counter(f"{host}", 7.5))
    for method in ("average", "sum", "last", "max", "min", "avg_zero", "absmax", "absmin"):
        put(f"methods.{method}", TENS, _noise(method, 0, 10), method, 0.0)
    for name, archives in (("s7", SEVENS), ("s10", TENS), ("s60", MINUTES), ("s300", FIVES), ("s3600", COARSE)):
        put(f"steps.{name}", archives, _noise(name, 10, 5), "sum" if name == "s10" else "average")
    put("edge.const42", MINUTES, lambda at, index: 42.0)
    put("edge.zero", MINUTES, lambda at, index: 0.0)
    put("edge.negative", MINUTES, lambda at, index: -1.5 - index % 7)
    put("edge.gaps", MINUTES, lambda at, index: None if index % 5 in (0, 3) else index % 11 + 0.5)
    put("edge.long_gap", MINUTES, lambda at, index: None if NOW - 2400 < at < NOW - 900 else float(index % 13))
    put("edge.head_only", MINUTES, lambda at, index: 3.25 if at < NOW - 1800 else None)
    put("edge.tail_only", MINUTES, lambda at, index: 4.0 + index % 3 if at >= NOW - 600 else None)
    put("edge.sparse", MINUTES, lambda at, index: float(index) if at % 600 == 0 else None)
    put("edge.single", MINUTES, lambda at, index: 9.5 if at == NOW - 600 else None)
    put("edge.empty", MINUTES, lambda at, index: None)
    put("edge.inf", MINUTES, lambda at, index: math.inf if at % 900 == 0 else 1.5)
    put("edge.huge", MINUTES, lambda at, index: 1e300 * (index % 4 - 1))
    put("edge.tiny", MINUTES, lambda at, index: 1e-7 * (index % 4))
    put("edge.large", MINUTES, lambda at, index: 1e15 + index * 1e3)
    put("edge.half", MINUTES, lambda at, index: index / 2 - 700)
    put("edge.share", MINUTES, lambda at, index: (index % 10) / 10)
    put("counter.resets", MINUTES, _counter("resets", 11.0))
    put("counter.wraps", MINUTES, lambda at, index: float(index * 37 % 256))
    put("counter.gaps", MINUTES, lambda at, index: None if index % 6 == 2 else index * 3.0)
    put("counter.falling", MINUTES, lambda at, index: 1e4 - index)
    put("both.node", MINUTES, _noise("both", 5, 1))
    put("both.node.child", MINUTES, _noise("child", 5, 1))
    put("both.other", MINUTES, _noise("other", 5, 1))
    put("top", MINUTES, _noise("top", 1, 1))
    put("deep.a.b.c.d.e.f.g.h", MINUTES, _noise("deep", 1, 1))
    put("true.count", MINUTES, _noise("true", 1, 1))
    put("inf.count", MINUTES, _noise("inf", 1, 1))
    put("none.count", MINUTES, _noise("none", 1, 1))
    put("123.count", MINUTES, _noise("digits", 1, 1))
    for dc in ("ams", "fra"):
        for host in ("h1", "h2", "h3"):
            put(f"dc.{dc}.{host}.disk.used", FIVES, _noise(f"{dc}{host}u", 30, 9))
            put(f"dc.{dc}.{host}.disk.size", FIVES, lambda at, index: 100.0)
    for name in ODD_NAMES:
        put(f"odd.{name}", MINUTES, _noise(name, 3, 2))
    return sorted(names)


def _noise(seed: str, centre: float, spread: float) -> Values:
    numbers = random.Random(seed)
    return lambda at, index: round(centre + spread * (numbers.random() - 0.5) + spread * math.sin(at / 5000), 3)


def _counter(seed: str, rate: float) -> Values:
    numbers = random.Random(seed)
    state = {"count": 0.0}

    def value(at: int, index: int) -> float | None:
        state["count"] = 0.0 if numbers.random() < 0.03 else state["count"] + round(rate * numbers.random(), 2)
        return None if numbers.random() < 0.05 else round(state["count"], 2)

    return value
