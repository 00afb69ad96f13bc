"""``format=pickle`` and ``msgpack``: the same dicts for other Graphite servers and for scripts."""

from __future__ import annotations

import io
import math
import pickle
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_graphite.evaluation.times import UTC
from saltern_graphite.render.formats import FORMATS, Options
from saltern_graphite.series.series import Series

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SERIES = st.builds(
    lambda name, path, start, step, values, method, share: Series(
        name,
        start,
        start + step * len(values),
        step,
        np.array(values, dtype=np.float64),
        path,
        {"name": name},
        method,
        share,
    ),
    NAMES,
    NAMES,
    st.integers(0, 2**40),
    st.integers(1, 2**31),
    st.lists(st.floats() | st.just(math.nan), max_size=20),
    st.sampled_from(["average", "sum", "max", "last"]),
    st.floats(0, 1),
)


def unpacked(kind: str, series: list[Series]) -> Any:
    body, media_type = FORMATS[kind](series, Options(UTC))
    assert media_type == {"pickle": "application/pickle", "msgpack": "application/x-msgpack"}[kind]
    return pickle.loads(body) if kind == "pickle" else msgpack.unpackb(body, strict_map_key=True)


@pytest.mark.parametrize("kind", ["pickle", "msgpack"])
def test_keys_and_values_are_graphites(kind: str) -> None:
    values = np.array([1.5, np.nan, -2.0])
    one = Series("scale(a.b,2)", 60, 240, 60, values, "scale(a.b,2)", {"name": "a.b"}, "sum", 0.5)
    assert unpacked(kind, [one]) == [
        {
            "name": "scale(a.b,2)",
            "start": 60,
            "end": 240,
            "step": 60,
            "values": [1.5, None, -2.0],
            "pathExpression": "scale(a.b,2)",
            "valuesPerPoint": 1,
            "consolidationFunc": "sum",
            "xFilesFactor": 0.5,
        }
    ]


@pytest.mark.parametrize("kind", ["pickle", "msgpack"])
def test_nothing_is_an_empty_list(kind: str) -> None:
    assert unpacked(kind, []) == []


def test_pickles_are_readable_by_old_and_restricted_readers() -> None:
    body, _ = FORMATS["pickle"]([Series("a", 0, 60, 60, np.array([np.nan]), "a")], Options(UTC))
    assert body[:2] == b"\x80\x02", "protocol 2, which every Python reads"

    class Strict(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            raise AssertionError(f"{module}.{name} is asked for: plain lists and dicts need no class")

    assert Strict(io.BytesIO(body)).load()[0]["values"] == [None]


@given(st.lists(SERIES, max_size=4), st.sampled_from(["pickle", "msgpack"]))
def test_every_series_comes_back(series: list[Series], kind: str) -> None:
    answer = unpacked(kind, series)
    assert [one["name"] for one in answer] == [one.name for one in series]
    assert [one["pathExpression"] for one in answer] == [one.path for one in series]
    for told, one in zip(answer, series, strict=True):
        assert [type(told[key]) for key in ("start", "end", "step", "xFilesFactor")] == [int, int, int, float]
        assert (told["start"], told["end"], told["step"]) == (one.start, one.end, one.step)
        back = np.array([np.nan if value is None else value for value in told["values"]], dtype=np.float64)
        np.testing.assert_array_equal(back, one.values)
        assert not any(isinstance(value, float) and math.isnan(value) for value in told["values"])
