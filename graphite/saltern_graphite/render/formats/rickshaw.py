"""``format=rickshaw``: series as the Rickshaw charts of browsers read them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from saltern_graphite.render.formats.base import Answer, Options, answer, number
from saltern_graphite.series.series import Series


def render(series: Sequence[Series], options: Options) -> Answer:
    """``[{"target", "datapoints": [{"x": epoch seconds, "y": value | null}, …]}, …]``."""
    parts = []
    for one in series:
        times = range(one.start, one.end, max(one.step, 1))
        pairs = list(zip(times, map(number, one.values.tolist()), strict=False))
        parts.append(_pretty(one.name, pairs) if options.pretty else _compact(one.name, pairs))
    if options.pretty and parts:
        return answer("[\n  {}\n]".format(",\n  ".join(parts)).encode(), options)
    return answer(f"[{', '.join(parts)}]".encode(), options)


def _compact(name: str, pairs: list[tuple[int, str]]) -> str:
    points = ", ".join(f'{{"x": {time}, "y": {value}}}' for time, value in pairs)
    return f'{{"target": {json.dumps(name)}, "datapoints": [{points}]}}'


def _pretty(name: str, pairs: list[tuple[int, str]]) -> str:
    points = ",\n".join(f'      {{\n        "x": {time},\n        "y": {value}\n      }}' for time, value in pairs)
    shown = f"[\n{points}\n    ]" if pairs else "[]"
    return f'{{\n    "target": {json.dumps(name)},\n    "datapoints": {shown}\n  }}'
