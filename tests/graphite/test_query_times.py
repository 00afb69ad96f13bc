"""Times and intervals, as Graphite reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import FunctionError, GraphiteError
from saltern_graphite.evaluation.times import parse_interval, parse_time

NOW = int(datetime(2024, 6, 10, 12, 0, 7, tzinfo=UTC).timestamp())  # a Monday
BERLIN = ZoneInfo("Europe/Berlin")


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]  # a zone follows at most six


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("", NOW),
        ("-1h", NOW - 3600),
        ("now-1d", NOW - 86400),
        ("-90s", NOW - 90),
        ("-5minutes", NOW - 300),
        ("-1d12h", NOW - 86400 - 43200),
        ("-1mon", NOW - 30 * 86400),
        ("-1y", NOW - 365 * 86400),
        ("+2w", NOW + 14 * 86400),
        ("1718019005", 1718019005),
        ("20240609", at(2024, 6, 9)),
        ("19991399", 19991399),
        ("midnight", at(2024, 6, 10)),
        ("noon yesterday", at(2024, 6, 9, 12)),
        ("noonyesterday", at(2024, 6, 9, 12)),
        ("midnight+6h", at(2024, 6, 10, 6)),
        ("6pm today", at(2024, 6, 10, 18)),
        ("6pm+1h", at(2024, 6, 10, 19)),
        ("teatime", at(2024, 6, 10, 16)),
        ("8am", at(2024, 6, 10, 8)),
        ("12am", at(2024, 6, 10)),
        ("12pm", at(2024, 6, 10, 12)),
        ("12:30pm", at(2024, 6, 10, 12, 30)),
        ("1:5", at(2024, 6, 10, 1, 5)),
        ("10:30pm_20240609", at(2024, 6, 9, 22, 30)),
        ("tomorrow", at(2024, 6, 11)),
        ("06/09/24", at(2024, 6, 9)),
        ("6/9/2024", at(2024, 6, 9)),
        ("01/02/70", at(1970, 1, 2)),
        ("jun9", at(2024, 6, 9)),
        ("June 9", at(2024, 6, 9)),
        ("monday", at(2024, 6, 10)),
        ("sun", at(2024, 6, 9)),
        ("tuesday-1w", at(2024, 5, 28)),
    ],
)
def test_times(text: str, expected: int) -> None:
    assert parse_time(text, UTC, NOW) == expected


def test_where_clocks_change_standard_time_counts() -> None:
    assert parse_time("02:30_20231029", BERLIN, NOW) == at(
        2023, 10, 29, 1, 30
    )  # the second half past two of that night
    assert parse_time("02:30_20240331", BERLIN, NOW) == at(2024, 3, 31, 1, 30)  # there is none
    assert parse_time("2:30", BERLIN, at(2023, 10, 29, 1, 45)) == at(2023, 10, 29, 1, 30)


def test_a_reference_is_read_in_its_zone_and_an_offset_is_exact() -> None:
    assert parse_time("midnight", BERLIN, NOW) == at(2024, 6, 9, 22)
    assert parse_time("20240331", BERLIN, NOW) == at(2024, 3, 30, 23)
    assert parse_time("20240331+1d", BERLIN, NOW) == at(2024, 3, 31, 23)  # that day has 23 hours


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "no day"),
        ("-5m", "write min or mon"),
        ("-5", "no interval"),
        ("25:00", "no '25:00' in a day"),
        ("feb", "needs a day after the month"),
        ("feb30", "no day"),
        ("13/13/24", "no day"),
        ("9" * 30, "too far"),
        ("-999999999y", "too far"),
        ("now-1d-", "no interval"),
    ],
)
def test_bad_times(text: str, words: str) -> None:
    with pytest.raises(GraphiteError, match=words):
        parse_time(text, UTC, NOW)


@given(st.text(max_size=25) | st.text("0123456789:apmnowjun/+-dhsyt ", max_size=16))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    refusal = ""
    try:
        assert isinstance(parse_time(text, BERLIN, NOW), int)
    except GraphiteError as error:
        refusal = str(error)
    assert "\n" not in refusal


@pytest.mark.parametrize(
    ("text", "seconds"), [("5min", 300), ("-1h", -3600), ("+1d12h", 129600), ("90s", 90), ("1HOUR", 3600), ("", 0)]
)
def test_intervals(text: str, seconds: int) -> None:
    assert parse_interval(text) == seconds


@pytest.mark.parametrize("text", ["5", "5m", "min", "5 min", "1h-1h", "--1h", "1x"])
def test_bad_intervals(text: str) -> None:
    with pytest.raises(FunctionError):
        parse_interval(text)
