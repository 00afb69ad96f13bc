"""Silences and acknowledgements: what they keep from scripts, when they end, and what becomes of their files."""

from __future__ import annotations

import asyncio
import errno
import fnmatch
import json
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.config import master_config
from saltern.errors import ArgumentError, Busy, CommandError
from saltern_master.alerts import engine as engine_module
from saltern_master.alerts import kept_file as file_module
from saltern_master.alerts import silences as silences_module
from saltern_master.alerts.engine import AlertEngine
from saltern_master.alerts.history import Asked
from saltern_master.alerts.silence import Silence, check_glob, check_text, read_silence
from saltern_master.alerts.sources.memory import MemorySource
from saltern_master.annotations.places import Places
from support.denied import denied

EVERY = 15.0
NOW = 1_800_000_000.0
HOUR = 3600.0
MINIONS = ["web1", "web2", "db1"]
WEB1, WEB2, DB1 = (f"saltern.{name}.load" for name in MINIONS)


class Bench:
    """An engine on a source in memory, whose script writes down what it is told, and whose clock may be set."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder = folder
        self.steady, self.ahead = 0.0, NOW
        self.source = MemorySource()
        self.events: list[dict[str, Any]] = []
        self.log = folder / "told"
        script = folder / "tell.sh"
        script.write_text(f'#!/bin/sh\nread -r told && echo "$told" >> {self.log}\n')
        script.chmod(0o755)
        (folder / "alerts.d").mkdir()
        (folder / "alerts.d" / "a.yaml").write_text(
            f"load: {{metric: 'saltern.*', warn: '> 80', crit: '> 90', script: tell.sh{more}}}\n"
        )
        (folder / "master").write_text(f"root_dir: {folder}\n")
        self.cache = Path(master_config(folder)["cachedir"])
        self.start()

    def start(self) -> AlertEngine:
        self.engine = AlertEngine(
            master_config(self.folder),
            self.source,
            lambda tag, data: self.events.append(data),
            clock=lambda: self.steady + self.ahead,
            steady=lambda: self.steady,
            places=Places("saltern.[minion_id].[function]", lambda: MINIONS),
        )
        return self.engine

    def tick(self, rounds: int = 1, **values: float) -> list[tuple[str, str, str]]:
        """Evaluate with values by minion; return what scripts were told: series, state before, and now."""

        async def main() -> None:
            for _ in range(rounds):
                self.steady += EVERY
                for minion, value in values.items():
                    self.source.put(f"saltern.{minion}.load", self.steady + self.ahead - 5, value)
                await self.engine.evaluate_once()
                await self.engine.scripts.drain()

        self.log.write_text("")
        asyncio.run(main())
        told = [json.loads(line) for line in self.log.read_text().splitlines()]
        return sorted((one["series"], one["previous"], one["state"]) for one in told)

    def silence(self, ends: str | float = "1h", within: frozenset[str] | None = None, **globs: str) -> Silence:
        given = {"alert": "*", "series": "*", "minion": "*", **globs}
        return asyncio.run(self.engine.silences.add("ldap:otto", "why", ends, within=within, **given))

    def acknowledge(self, series: str = WEB1) -> None:
        asyncio.run(self.engine.acknowledge("load", series, "ldap:otto", "I look"))

    def series(self, name: str = WEB1) -> dict[str, Any]:
        (rule,) = self.engine.listing()
        (found,) = [one for one in rule["series"] if one["series"] == name]
        return dict(found)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_while_silenced_events_are_told_and_scripts_are_not_and_what_still_stands_is_told_then(bench: Bench) -> None:
    bench.tick(web1=1, web2=99, db1=1)
    silence = bench.silence("10m")
    assert bench.tick(web1=99, web2=1, db1=85) == []
    assert [(one["series"], one["state"], one["silenced"]) for one in bench.events[-3:]] == [
        (WEB1, "crit", True),
        (WEB2, "ok", True),
        (DB1, "warn", True),
    ]
    assert bench.tick(web1=85, web2=1, db1=1) == []
    shown = bench.series()["silenced"]
    assert shown == {"id": silence.id, "until": silence.ends, "by": "ldap:otto", "reason": "why"}
    before = len(bench.events)
    assert bench.tick(37, web1=85, web2=1, db1=1) == []
    assert len(bench.events) == before
    assert bench.tick(web1=85, web2=1, db1=1) == [(WEB1, "ok", "warn"), (WEB2, "crit", "ok")]
    assert [(one["state"], one["silenced"]) for one in bench.events[before:]] == [("warn", False), ("ok", False)]
    assert bench.series()["silenced"] is None
    assert bench.tick(3, web1=85, web2=1, db1=1) == []


def test_what_changes_as_a_silence_ends_is_told_once(bench: Bench) -> None:
    bench.tick(web1=1)
    bench.silence("20s")
    assert bench.tick(web1=99) == []
    assert bench.tick(web1=85) == [(WEB1, "crit", "warn")]
    assert bench.tick(2, web1=85) == []


def test_a_silence_ends_to_the_second_and_by_hand_at_once(bench: Bench) -> None:
    bench.tick(web1=1)
    silence = bench.silence(bench.steady + bench.ahead + 2 * EVERY)
    bench.steady += 2 * EVERY - 0.001
    assert bench.series()["silenced"] is not None
    bench.steady += 0.001
    assert bench.series()["silenced"] is None
    assert bench.engine.silences.named(silence.id) is None
    other = bench.silence()
    assert bench.tick(web1=99) == []
    asyncio.run(bench.engine.silences.remove(other))
    assert bench.tick(web1=99) == [(WEB1, "ok", "crit")]


def test_silences_and_what_they_keep_back_survive_a_restart(bench: Bench) -> None:
    bench.tick(web1=1, web2=99)
    bench.silence("10m", minion="web*")
    bench.acknowledge(WEB2)
    assert bench.tick(web1=99, web2=99) == []
    bench.start()
    assert bench.tick(web1=99, web2=99) == []
    assert bench.series(WEB2)["acknowledged"] == {"by": "ldap:otto", "at": NOW + EVERY, "comment": "I look"}
    bench.steady += 600
    bench.start()
    assert bench.tick(web1=99, web2=99) == [(WEB1, "ok", "crit")]


@pytest.mark.parametrize(
    ("globs", "within", "meant"),
    [
        ({}, None, [WEB1, WEB2, DB1, "sum", "both"]),
        ({"alert": "lo?d", "series": "saltern.web[12].*"}, None, [WEB1, WEB2]),
        ({"alert": "Load"}, None, []),
        ({"minion": "web*"}, None, [WEB1, WEB2]),
        ({"minion": "*1"}, None, [WEB1, DB1, "both"]),
        ({}, {"web1", "web2"}, [WEB1, WEB2]),
        ({"series": "*"}, {"web1", "db1"}, [WEB1, DB1, "both"]),
        ({"minion": "db*"}, {"web1"}, []),
        ({}, set(), []),
    ],
)
def test_what_a_silence_is_for(bench: Bench, globs: dict[str, str], within: set[str] | None, meant: list[str]) -> None:
    names = {"sum": "alias of web1", "both": f"sumSeries({WEB1},{DB1})"}
    bench.silence(within=None if within is None else frozenset(within), **globs)
    series = [WEB1, WEB2, DB1, *names.values()]
    assert list(bench.engine.silences.of("load", series)) == [names.get(one, one) for one in meant]


def test_what_is_remembered_of_silences_is_what_is_so(bench: Bench) -> None:
    bench.tick(web1=1)
    assert bench.series()["silenced"] is None
    silence = bench.silence("1h", minion="web*")
    for _ in range(2):
        assert bench.series()["silenced"]["id"] == silence.id
    bench.tick(web2=1)
    assert bench.series(WEB2)["silenced"]["id"] == silence.id
    later = bench.silence("2h", series=WEB1)
    assert (bench.series()["silenced"]["id"], bench.series(WEB2)["silenced"]["id"]) == (later.id, silence.id)
    asyncio.run(bench.engine.silences.remove(silence))
    assert bench.series(WEB2)["silenced"] is None
    bench.steady += 2 * HOUR
    assert bench.series()["silenced"] is None


def test_the_history_has_each_change_with_who_knew_of_it_and_what_was_silenced(bench: Bench) -> None:
    bench.tick(web1=1)
    bench.tick(web1=85)
    bench.acknowledge()
    bench.silence("1m")
    bench.tick(web1=99)
    bench.tick(6, web1=99)
    bench.tick(web1=1)
    found = [one.shown() for one in bench.engine.history.find(Asked())]
    assert [(one["previous"], one["state"], one["silenced"], one["acknowledged_by"]) for one in found] == [
        ("crit", "ok", False, "ldap:otto"),
        ("warn", "crit", True, "ldap:otto"),
        ("ok", "warn", False, None),
    ]
    assert {(one["alert"], one["series"], *one["minions"]) for one in found} == {("load", WEB1, "web1")}
    assert [(one["value"], one["threshold"]) for one in found] == [(1.0, "> 90"), (99.0, "> 90"), (85.0, "> 80")]
    assert found[0]["at"] == bench.steady + bench.ahead


def test_the_one_that_ends_last_is_shown(bench: Bench) -> None:
    bench.tick(web1=1)
    bench.silence("1h")
    longest = bench.silence("3h")
    bench.silence("2h")
    assert bench.series()["silenced"]["id"] == longest.id
    assert [one.ends - one.at for one in bench.engine.silences.active()] == [3 * HOUR, 2 * HOUR, HOUR]


def test_a_clock_that_is_set_makes_no_silence_longer_or_shorter(bench: Bench) -> None:
    for by_s in (86400.0, -86400.0):
        bench.tick(web1=1)
        bench.silence("1h")
        bench.ahead += by_s
        assert bench.tick(230, web1=99) == [], "57 minutes"
        assert bench.tick(11, web1=99) == [(WEB1, "ok", "crit")]
    bench.tick(web1=1)
    bench.silence("1h")
    bench.ahead -= 86400.0
    for _ in range(2):
        bench.start()
        assert bench.tick(115, web1=99) == []
    bench.start()
    assert bench.tick(11, web1=99) == [(WEB1, "ok", "crit")]


@pytest.mark.parametrize(
    "ends", ["", "soon", "0", "-1h", "99999d", "1h; rm", 0, 300, NOW - 1, NOW * 2, float("nan"), float("inf")]
)
def test_an_end_that_is_none_is_refused(bench: Bench, ends: str | float) -> None:
    with pytest.raises(ArgumentError, match="ends must be"):
        bench.silence(ends)
    assert bench.engine.silences.active() == []


def test_silences_are_bounded_for_each_and_for_all(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silences_module, "MAX_OF_ONE", 2)
    bench.silence()
    bench.silence("10s")
    with pytest.raises(Busy, match="at most"):
        bench.silence()
    bench.steady += 10
    bench.silence()
    monkeypatch.setattr(silences_module, "MAX_OF_ONE", 20)
    monkeypatch.setattr(silences_module, "MAX_NAMES_OF_ONE", 3)
    bench.silence(within=frozenset(("web1", "web2")))
    with pytest.raises(Busy, match="3 minions at most"):
        bench.silence(within=frozenset(("web1", "web2")))
    bench.silence(within=frozenset(("web1",)))


def test_what_cannot_be_saved_is_refused_and_changes_nothing(bench: Bench) -> None:
    bench.tick(web1=99, web2=99)
    kept = bench.silence(minion="db1")
    bench.acknowledge()
    for name in ("alerts.silences", "alerts.acknowledged"):
        (bench.cache / name).unlink()
    bench.cache.rename(bench.cache.with_name("elsewhere"))
    bench.cache.write_text("no folder")
    for refused in (
        lambda: bench.silence(),
        lambda: asyncio.run(bench.engine.silences.remove(kept)),
        lambda: bench.acknowledge(WEB2),
        lambda: asyncio.run(bench.engine.unacknowledge("load", WEB1)),
    ):
        with pytest.raises(CommandError, match="can't be saved: "):
            refused()
    assert bench.engine.silences.active() == [kept]
    assert (bench.series()["acknowledged"] is None, bench.series(WEB2)["acknowledged"]) == (False, None)
    bench.cache.unlink()
    bench.silence()
    bench.acknowledge(WEB2)
    bench.start()
    bench.tick()
    assert len(bench.engine.silences.active()) == 2
    assert None not in (bench.series()["acknowledged"], bench.series(WEB2)["acknowledged"])


@pytest.mark.parametrize("junk", [b"", b"\x81\xa7version\x01", b"\x82\xa7version\x01\xa7records\x91\x80"])
@pytest.mark.parametrize("name", ["alerts.silences", "alerts.acknowledged"])
def test_a_broken_file_is_set_aside(bench: Bench, name: str, junk: bytes) -> None:
    bench.tick(web1=99)
    bench.silence()
    bench.acknowledge()
    (bench.cache / name).write_bytes(junk)
    bench.start()
    bench.tick(web1=99)
    found = bench.series()
    assert (found["silenced"] is None, found["acknowledged"] is None) == (name[7] == "s", name[7] == "a")
    assert (bench.cache / f"{name}.unreadable").read_bytes() == junk
    assert bench.engine.metrics()["state_set_aside"] == 1


def test_what_cannot_be_read_just_now_is_not_written_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.tick(web1=99)
    bench.silence()
    bench.acknowledge()
    bench.start()
    with denied(monkeypatch, file_module):
        bench.tick(web1=99)
        for refused in (lambda: bench.silence(), lambda: bench.acknowledge()):
            with pytest.raises(CommandError, match="can't be read just now"):
                refused()
    bench.tick(2, web1=99)
    assert len(bench.engine.silences.active()) == 1
    assert bench.series()["acknowledged"] is not None


def test_states_that_cannot_be_read_for_long_end_no_acknowledgement(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def states_alone(path: str, mode: str) -> IO[bytes]:
        if path.endswith(engine_module.STATE_FILE):
            raise OSError(errno.EMFILE, "Too many open files", path)
        return open(path, "rb")

    bench.tick(web1=99)
    bench.acknowledge()
    bench.start()
    with monkeypatch.context() as patch:
        patch.setattr(file_module, "open", states_alone, raising=False)
        bench.tick(engine_module.MAX_PUT_OFF + 2, web2=99)
    bench.tick(web1=99)
    assert bench.series()["acknowledged"] is not None


def test_an_acknowledgement_ends_repeats_and_itself_with_ok(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ", repeat: 15")
    bench.tick(web1=85)
    assert bench.tick(web1=85) == [(WEB1, "warn", "warn")]
    bench.acknowledge()
    assert bench.tick(3, web1=85) == []
    assert bench.tick(web1=99) == [(WEB1, "warn", "crit")], "it is worse than what is known"
    assert bench.tick(3, web1=99) == []
    assert bench.tick(web1=1) == [(WEB1, "crit", "ok")]
    assert bench.series()["acknowledged"] is None
    bench.tick(web1=85)
    assert bench.tick(web1=85) == [(WEB1, "warn", "warn")]
    bench.acknowledge()
    asyncio.run(bench.engine.unacknowledge("load", WEB1))
    assert bench.tick(web1=85) == [(WEB1, "warn", "warn")]


def test_a_rule_with_a_fault_keeps_acknowledgements_and_one_that_is_gone_does_not(bench: Bench) -> None:
    file = bench.folder / "alerts.d" / "a.yaml"
    text = file.read_text()
    bench.tick(web1=99)
    bench.acknowledge()
    for broken in ("load: {metric: 'saltern.*', warn: x}\n", text):
        file.write_text(broken)
        bench.tick(web1=99)
    assert bench.series()["acknowledged"] is not None
    for other in ("", text):
        file.write_text(other)
        bench.tick(web1=99)
    assert bench.series()["acknowledged"] is None


def test_repeats_wait_for_the_end_of_a_silence(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ", repeat: 15")
    bench.tick(web1=99)
    silence = bench.silence()
    assert bench.tick(4, web1=99) == []
    asyncio.run(bench.engine.silences.remove(silence))
    assert bench.tick(web1=99) == [(WEB1, "crit", "crit")]


@pytest.mark.parametrize("glob", ["", "x" * 513, "a\nb", "a\x1b[31m", "\x00"])
def test_globs_are_bounded_and_in_one_line(glob: str) -> None:
    with pytest.raises(ArgumentError, match="a glob has"):
        check_glob(glob)


def test_a_reason_is_one_line_of_bounded_length() -> None:
    assert check_text(" new\ndisks\x1b[31m  now\t") == "new disks [31m now"
    with pytest.raises(ArgumentError, match="1,000 characters at most"):
        check_text("x" * 1001)


def test_no_glob_takes_long() -> None:
    silence = Silence("x", "*", "*a" * 255 + "b", "*", "why", "me", 0, 1)
    assert not silence.means("a" * 60_000, None)


@given(glob=st.text("ab*?[]!-.\\(|", min_size=1, max_size=12), name=st.text("ab.", max_size=8))
def test_any_glob_means_what_it_means_elsewhere(glob: str, name: str) -> None:
    silence = Silence("x", "*", glob, "*", "why", "me", 0.0, 1.0, lasting=True, within=None)
    assert silence.means(name, None) == fnmatch.fnmatchcase(name, glob)
    assert read_silence(silence.written()) == silence
