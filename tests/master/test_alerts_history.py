"""The history of alerts: each change once, found again, bounded, over restarts, full disks and broken files."""

from __future__ import annotations

import asyncio
import fnmatch
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_master.alerts import history as history_module
from saltern_master.alerts.history import Asked, Entry, History

NOW = 1_800_000_000.0


def entry(at: float = NOW, series: str = "saltern.web1.load", **more: object) -> Entry:
    one = Entry(at, "load", series, ("web1",), "crit", "ok", 95.0, "> 90", silenced=False, acknowledged_by="")
    return one._replace(**more)  # type: ignore[arg-type]


def put(history: History, *entries: Entry) -> None:
    asyncio.run(history.put(entries))


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(str(tmp_path / "alerts.db"), lambda: NOW)


def test_what_is_put_is_found_newest_first_after_a_restart_too(history: History, tmp_path: Path) -> None:
    entries = [
        entry(NOW - 60),
        entry(NOW - 30, state="ok", previous="crit", value=None, silenced=True, acknowledged_by="ldap:fred"),
        entry(NOW, "a [x] \udc80 é", minions=None),
        entry(NOW, "both", minions=("db1", "web1")),
    ]
    put(history, *entries[:2])
    put(history)
    put(history, *entries[2:])
    found = list(History(str(tmp_path / "alerts.db"), lambda: NOW).find(Asked()))
    assert found[0] == entries[3]
    assert found[1] == entries[2]._replace(series="a [x] \\udc80 é")
    assert found[2:] == entries[1::-1]
    assert found[2].shown() == {
        "at": NOW - 30,
        "alert": "load",
        "series": "saltern.web1.load",
        "minions": ["web1"],
        "state": "ok",
        "previous": "crit",
        "value": None,
        "threshold": "> 90",
        "silenced": True,
        "acknowledged_by": "ldap:fred",
    }
    assert (found[1].shown()["minions"], found[1].shown()["acknowledged_by"]) == ([], None)


def test_what_is_looked_for_is_found_over_many_steps(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "STEP_ROWS", 3)
    put(history, *(entry(NOW + n, f"s{n}", alert="ab"[n % 2]) for n in range(10)))
    assert [one.series for one in history.find(Asked(alert="b"))] == ["s9", "s7", "s5", "s3", "s1"]
    assert [one.series for one in history.find(Asked(since=NOW + 3, until=NOW + 8))] == ["s7", "s6", "s5", "s4", "s3"]
    assert [one.series for one in history.find(Asked(series="s[!0-7]"))] == ["s9", "s8"]
    assert [one.series for one in history.find(Asked(series="' OR 1=1 --"))] == []


def test_it_is_bounded_in_days_and_in_bytes(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "PURGE_EVERY_ROWS", 1)
    put(history, entry(NOW - history_module.KEEP_S - 1, "old"), entry(NOW - history_module.KEEP_S, "young"))
    assert [one.series for one in history.find(Asked())] == ["young"]
    monkeypatch.setattr(history_module, "MAX_BYTES", 10_000)
    put(history, *(entry(series=f"{n:0100}") for n in range(100)))
    left = [int(one.series) for one in history.find(Asked())]
    assert left == list(range(99, 99 - len(left), -1))
    assert 20 < len(left) < 40
    put(history, entry(series="x" * 100_000))
    assert [len(one.series) for one in history.find(Asked(series="x*"))] == [history_module.MAX_SERIES_CHARS]


def test_what_cannot_be_written_waits_and_what_is_too_much_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "MAX_WAITING", 3)
    (tmp_path / "cache").write_text("no folder")
    history = History(str(tmp_path / "cache" / "alerts.db"), lambda: NOW)
    put(history, entry(series="a"), entry(series="b"))
    put(history, entry(series="c"), entry(series="d"))
    assert history.metrics() == {"history_failures": 2, "history_dropped": 1}
    (tmp_path / "cache").unlink()
    put(history)
    assert [one.series for one in history.find(Asked())] == ["d", "c", "b"]
    put(history)
    assert len(list(history.find(Asked()))) == 3


@pytest.mark.parametrize("junk", [b"no database at all, of more than a hundred bytes" * 4, None])
def test_what_is_no_database_is_set_aside_and_begun_anew(tmp_path: Path, junk: bytes | None) -> None:
    file = tmp_path / "alerts.db"
    if junk is None:
        file.mkdir()
    else:
        file.write_bytes(junk)
    history = History(str(file), lambda: NOW)
    assert list(history.find(Asked())) == []
    put(history, entry())
    assert list(history.find(Asked())) == [entry()]
    assert history.set_aside == 1
    assert (tmp_path / "alerts.db.unreadable").exists()


def test_a_file_that_breaks_or_goes_while_it_is_used_is_begun_anew(history: History, tmp_path: Path) -> None:
    file = tmp_path / "alerts.db"
    put(history, entry(series="a"))
    file.unlink()
    put(history, entry(series="b"))
    assert [one.series for one in history.find(Asked())] == ["b"]
    file.write_bytes(b"x" * file.stat().st_size)
    put(history, entry(series="c"))
    put(history, entry(series="d"))
    assert [one.series for one in history.find(Asked())] == ["d", "c"]


@settings(max_examples=40)
@given(
    names=st.lists(st.text("ab.*[]", min_size=1, max_size=5), min_size=1, max_size=8),
    glob=st.text("ab.*?", min_size=1, max_size=5),
)
def test_globs_find_what_they_mean(tmp_path_factory: pytest.TempPathFactory, names: list[str], glob: str) -> None:
    history = History(str(tmp_path_factory.mktemp("h") / "alerts.db"), lambda: NOW)
    put(history, *(entry(series=name) for name in names))
    wanted = [name for name in reversed(names) if fnmatch.fnmatchcase(name, glob)]
    assert [one.series for one in history.find(Asked(series=glob))] == wanted
