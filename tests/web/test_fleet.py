"""The fleet as pages have it: states, groups, and which minion a series is about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.metric_segment import owner
from saltern_web.fleet import Fleet, read_fleet, state_of, worst
from support.console import overview

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("up", "alert", "sampled", "interval", "state"),
    [
        (True, "ok", NOW - 15, 15.0, "ok"),
        (True, None, NOW - 15, 15.0, "ok"),
        (True, "ok", NOW - 56, 15.0, "stale"),
        (True, "ok", NOW - 54, 15.0, "ok"),
        (True, "ok", None, 15.0, "unknown"),
        (True, None, None, None, "unknown"),
        (True, "nodata", NOW, 15.0, "unknown"),
        (True, "warn", None, None, "warn"),
        (True, "crit", NOW, 15.0, "crit"),
        (False, "ok", NOW, 15.0, "away"),
        (False, "warn", NOW, 15.0, "away"),
        (False, "crit", NOW, 15.0, "crit"),
    ],
)
def test_no_data_is_never_ok(
    up: bool, alert: str | None, sampled: float | None, interval: float | None, state: str
) -> None:
    assert state_of(up=up, alert=alert, sampled=sampled, interval=interval, now=NOW) == state


def fleet() -> Fleet:
    ids = ["db1", "web.one", "web2"]
    groups = {"web": [1, 2], "all": [0, 1, 2], "none": [], "db": [0]}
    return read_fleet(overview(ids, up=[True, False, True], alert=["ok", "ok", "warn"], groups=groups))


FLEET = fleet()


def test_groups_are_tiles_the_worst_first_and_empty_ones_last() -> None:
    tiles = fleet().tiles()
    assert [(tile.name, tile.state, tile.total) for tile in tiles] == [
        ("all", "away", 3),
        ("web", "away", 2),
        ("db", "ok", 1),
        ("none", "unknown", 0),
    ]
    assert tiles[0].counts == {"away": 1, "warn": 1, "ok": 1}
    assert worst([]) == "unknown"


def test_hosts_know_their_groups() -> None:
    assert fleet().by_id["web.one"].groups == ("web", "all")


@pytest.mark.parametrize(
    ("series", "minion"),
    [
        ("saltern.web_one.stats.load.1m", "web.one"),
        ("max(saltern.web2.stats.disk.*.percent)", "web2"),
        ('alias(scale(saltern.db1.stats.load.1m, 100),"a b")', "db1"),
        ("servers.eu.db1.load", "db1"),
        ("web2.load", "web2"),
        ("saltern.web9.stats.db1", None),
        ("web2", None),
        ("saltern.master.alerts.rules", None),
        ("", None),
    ],
)
def test_a_series_is_about_the_minion_in_its_name(series: str, minion: str | None) -> None:
    found = fleet().about(series)
    assert (found.id if found else None) == minion


@given(st.text(max_size=60), st.sampled_from(["db1", "web.one", "web2"]))
def test_any_series_is_looked_at(text: str, minion: str) -> None:
    FLEET.about(text)
    assert FLEET.about(f"saltern.{owner(minion)}.stats.x") == FLEET.by_id[minion]
