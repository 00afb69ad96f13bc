"""The engine: rules, a source, events and scripts together."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from saltern.config import master_config
from saltern_master.alerts import engine as engine_module
from saltern_master.alerts import kept_file as file_module
from saltern_master.alerts.engine import AlertEngine
from saltern_master.alerts.source import RenderSource, Series
from saltern_master.alerts.sources.http import HttpSource
from saltern_master.alerts.sources.memory import MemorySource
from support.denied import denied

START = 1_000_000
EVERY = 15


class Bench:
    """A config folder, a source in memory, a clock, and engines that come and go like masters do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = MemorySource()
        self.now = START
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.rules(disk="{metric: 'disk.*', warn: '> 80', crit: '> 90'}")
        (folder / "master").write_text(f"root_dir: {folder}\n")
        self.engine = self.start()

    def rules(self, **rules: str) -> None:
        file = self.folder / "alerts.d" / "rules.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(f"{name}: {rule}\n" for name, rule in rules.items()))
        stamp = 10**9 * len(self.events) + file.stat().st_mtime_ns
        os.utime(file, ns=(stamp, stamp))

    def start(self, source: RenderSource | None = None) -> AlertEngine:
        self.engine = AlertEngine(
            master_config(self.folder),
            source or self.source,
            lambda tag, data: self.events.append((tag, data)),
            clock=lambda: self.now,
        )
        return self.engine

    def tick(self, *rounds: Mapping[str, float | None]) -> list[str]:
        """Put each round's values, evaluate, wait for scripts; return the tags of the events of all rounds."""

        async def main() -> None:
            for values in rounds:
                self.now += EVERY
                for series, value in values.items():
                    self.source.put(series, self.now - 5, value)
                await self.engine.evaluate_once()
            await self.engine.scripts.drain()

        before = len(self.events)
        asyncio.run(main())
        return [tag for tag, _ in self.events[before:]]

    def states(self, rule: str = "disk") -> dict[str, str]:
        (listed,) = [one for one in self.engine.listing() if one["name"] == rule]
        return {series["series"]: series["state"] for series in listed["series"]}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def messages(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= level]


def test_every_change_is_an_event_and_nothing_else_is(bench: Bench) -> None:
    assert bench.tick({"disk.a": 10, "disk.b": 95}, {"disk.a": 10, "disk.b": 96}) == ["salt/alert/disk/crit"]
    assert bench.events[0][1] == {
        "name": "disk",
        "series": "disk.b",
        "state": "crit",
        "previous": "ok",
        "value": 95.0,
        "threshold": "> 90",
        "since": START + EVERY,
        "metric": "disk.*",
        "message": "",
        "when": START + EVERY,
        "silenced": False,
    }
    assert bench.tick({"disk.a": 85, "disk.b": 50}) == ["salt/alert/disk/warn", "salt/alert/disk/ok"]
    assert bench.events[-1][1]["threshold"] == "> 90"
    assert bench.states() == {"disk.a": "warn", "disk.b": "ok"}


def test_one_series_null_hurts_no_other(bench: Bench) -> None:
    bench.rules(disk="{metric: 'disk.*', crit: '> 90', nodata: warn}")
    bench.tick({"disk.a": 95, "disk.b": 95, "disk.c": 5})
    assert bench.tick(*[{"disk.a": None, "disk.b": 95, "disk.c": 96}] * 6) == [
        "salt/alert/disk/crit",
        "salt/alert/disk/warn",
    ]
    assert bench.states() == {"disk.a": "warn", "disk.b": "crit", "disk.c": "crit"}


def test_the_listing_shows_rules_states_and_faults(bench: Bench) -> None:
    bench.rules(
        disk="{metric: 'disk.*', warn: '> 80', crit: '> 90', for: 1m}",
        off="{target: 'x', warn: 1, enabled: false}",
        bad="{metric: a, wran: 1}",
    )
    bench.tick({"disk.a": 10})
    disk, off, bad = bench.engine.listing()
    where = str(bench.folder / "alerts.d" / "rules.yaml")
    assert disk == {
        "name": "disk",
        "target": "disk.*",
        "warn": "> 80",
        "crit": "> 90",
        "for": 60.0,
        "message": "",
        "enabled": True,
        "error": "",
        "last_evaluated": START + EVERY,
        "place": f"{where}: line 1",
        "editable": False,
        "rule": {"metric": "disk.*", "warn": "> 80", "crit": "> 90", "for": "1m"},
        "series": [
            {
                "series": "disk.a",
                "state": "ok",
                "value": 10.0,
                "since": START + EVERY,
                "acknowledged": None,
                "silenced": None,
            }
        ],
    }
    assert (off["enabled"], off["series"], off["last_evaluated"]) == (False, [], None)
    assert bad["name"] == "bad"
    assert "rules.yaml: line 3: bad: wran is not a key" in bad["error"]
    assert {request[0] for request in bench.source.requests} == {"disk.*"}


def test_the_window_is_what_the_source_is_asked_for(bench: Bench) -> None:
    bench.rules(disk="{metric: 'disk.*', warn: 1, window: 5m}")
    bench.tick({})
    assert bench.source.requests == [("disk.*", START + EVERY - 300, START + EVERY)]


def test_a_source_that_is_away_keeps_every_state(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.rules(disk="{metric: 'disk.*', crit: '> 90', nodata: crit}", other="{metric: 'o.*', crit: 1}")
    bench.tick({"disk.a": 10})
    bench.source.down = True
    assert bench.tick(*[{}] * 20) == []
    assert bench.states() == {"disk.a": "ok"}
    assert bench.engine.metrics()["source_up"] == 0
    assert bench.engine.metrics()["errors"] == 2
    assert bench.engine.listing()[0]["error"] == "memory: connection refused"
    bench.source.down = False
    assert bench.tick({}, {"disk.a": 10}) == [], "points may come a little later than the first answer"
    assert bench.engine.metrics()["source_up"] == 1
    assert bench.engine.listing()[0]["error"] == ""
    assert len(messages(caplog)) == 1
    assert "is away, rules keep their states" in messages(caplog)[0]
    assert bench.tick(*[{}] * 5) == ["salt/alert/disk/crit"], "this silence is the series' own"


def test_a_refused_target_hurts_its_own_rule_alone(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.rules(disk="{metric: 'disk.*', crit: '> 90'}", bad="{target: 'foo(disk.*)', crit: 1}")
    bench.source.refused["foo(disk.*)"] = "400: unknown function foo"
    assert bench.tick({"disk.a": 95}, {"disk.a": 95}) == ["salt/alert/disk/crit"]
    assert [one["error"] for one in bench.engine.listing()] == ["", "400: unknown function foo"]
    assert messages(caplog) == ["alert bad: its target was refused: 400: unknown function foo"]
    assert bench.engine.metrics()["source_up"] == 1


def test_a_restart_tells_nothing_twice(bench: Bench) -> None:
    bench.rules(disk="{metric: 'disk.*', crit: '> 90', for: 30s, recover: 50, nodata: warn}")
    assert bench.tick(*[{"disk.a": 95, "disk.gone": 10}] * 3) == ["salt/alert/disk/crit"]
    since = bench.engine.listing()[0]["series"][0]["since"]
    bench.now += 3600
    bench.start()
    assert bench.tick({"disk.a": 60}) == []
    assert bench.states() == {"disk.a": "crit", "disk.gone": "ok"}
    assert bench.engine.listing()[0]["series"][0]["since"] == since
    assert bench.tick(*[{"disk.a": 60}] * 4) == ["salt/alert/disk/warn"], "the one that stays away is noticed"


def test_the_file_of_states_is_written_only_when_one_changes(bench: Bench) -> None:
    bench.tick({"disk.a": 10})
    file = Path(master_config(bench.folder)["cachedir"]) / "alerts.state"
    before = file.stat().st_ino
    bench.tick({"disk.a": 20}, {"disk.a": 30})
    assert file.stat().st_ino == before
    bench.tick({"disk.a": 99})
    assert file.stat().st_ino != before


@pytest.mark.parametrize(
    "junk", [b"", b"\xc1", b"\x93\x01\x02\x03", b"\x81\xa7version\x02", b"\x82\xa7version\x01\xa5rules\x05"]
)
def test_an_unusable_file_of_states_is_one_line(bench: Bench, junk: bytes, caplog: pytest.LogCaptureFixture) -> None:
    file = Path(master_config(bench.folder)["cachedir"]) / "alerts.state"
    file.parent.mkdir(parents=True)
    file.write_bytes(junk)
    assert bench.tick({"disk.a": 95}) == ["salt/alert/disk/crit"]
    assert len(messages(caplog)) == 1
    assert "it holds no states of alerts" in messages(caplog)[0]
    assert file.with_name("alerts.state.unreadable").read_bytes() == junk
    assert bench.engine.metrics()["state_set_aside"] == 1
    bench.start()
    assert bench.tick({"disk.a": 95}) == []


def test_a_folder_in_the_place_of_the_states_is_set_aside_and_a_deleted_file_written_again(bench: Bench) -> None:
    file = Path(master_config(bench.folder)["cachedir"]) / "alerts.state"
    file.mkdir(parents=True)
    (file / "mine").touch()
    bench.tick({"disk.a": 95})
    assert (file.with_name("alerts.state.unreadable") / "mine").exists()
    file.unlink()
    bench.tick({"disk.a": 95})
    bench.start()
    assert bench.tick({"disk.a": 95}) == []


def test_states_that_cannot_be_saved_are_one_line_and_alerts_go_on(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    Path(master_config(bench.folder)["cachedir"]).parent.mkdir(parents=True)
    Path(master_config(bench.folder)["cachedir"]).write_text("in the way")
    bench.start()
    assert bench.tick({"disk.a": 95}, {"disk.a": 5}) == ["salt/alert/disk/crit", "salt/alert/disk/ok"]
    assert [one for one in messages(caplog) if "can't be saved" in one] == [messages(caplog)[-1]]


def test_edited_rules_keep_their_states_and_a_new_target_starts_anew(bench: Bench) -> None:
    bench.tick({"disk.a": 95})
    bench.rules(disk="{metric: 'disk.*', warn: '> 80'}")
    assert bench.tick({"disk.a": 95}) == ["salt/alert/disk/warn"]
    bench.rules(disk="{metric: 'disk.*', wran: '> 80'}")
    bench.tick({"disk.a": 95})
    bench.rules(disk="{metric: 'disk.*', warn: '> 80', message: mended}")
    assert bench.tick({"disk.a": 95}) == [], "a fault in between doesn't tell it again"
    bench.rules(disk="{metric: 'disk.?', warn: '> 80'}")
    assert bench.tick({"disk.a": 95}) == ["salt/alert/disk/warn"]


def test_series_of_one_name_are_named(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    class Twins:
        async def render(self, target: str, from_: int, until: int, points: int = 0) -> list[Series]:
            return [Series("same", [(until, 95.0)]), Series("same", [(until, 1.0)])]

    bench.start(Twins())
    bench.tick({}, {})
    assert bench.states() == {"same": "crit"}
    assert "several series have the same name" in bench.engine.listing()[0]["error"]
    assert len(messages(caplog)) == 1


def test_a_fault_of_a_source_or_a_listener_stops_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(MemorySource):
        async def render(self, target: str, from_: int, until: int, points: int = 0) -> list[Series]:
            if target == "boom":
                raise ZeroDivisionError("boom")
            return await super().render(target, from_, until)

    def fire(tag: str, data: dict[str, Any]) -> None:
        raise OSError("bus gone")

    bench.rules(boom="{target: boom, warn: 1}", disk="{metric: 'disk.*', crit: 90}")
    bench.source = Faulty()
    bench.engine = AlertEngine(master_config(bench.folder), bench.source, fire, clock=lambda: bench.now)
    bench.tick({"disk.a": 95})
    assert bench.states() == {"disk.a": "crit"}
    assert "ZeroDivisionError within Saltern" in bench.engine.listing()[0]["error"]
    assert "alert disk: its event failed: OSError: bus gone" in messages(caplog)


def test_scripts_run_on_changes_and_reminders(bench: Bench) -> None:
    script = bench.folder / "notify"
    script.write_text('#!/bin/sh\necho "$1 $SALTERN_PREVIOUS-$SALTERN_STATE $SALTERN_VALUE" >> told\ncat > last.json\n')
    script.chmod(0o755)
    bench.rules(disk="{metric: 'disk.*', crit: '> 90', script: [notify, ops], repeat: 30s, message: help}")
    tags = bench.tick({"disk.a": 95}, {"disk.a": 96}, {"disk.a": 97}, {"disk.a": 5}, {"disk.a": 5})
    assert tags == ["salt/alert/disk/crit", "salt/alert/disk/ok"], "a reminder is no event"
    assert (bench.folder / "told").read_text().splitlines() == [
        "ops ok-crit 95",
        "ops crit-crit 97",
        "ops crit-ok 5",
    ]
    assert json.loads((bench.folder / "last.json").read_text()) == bench.events[-1][1]
    assert bench.engine.metrics()["scripts_run"] == 3


def test_the_event_comes_even_when_the_script_is_missing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.rules(disk="{metric: 'disk.*', crit: '> 90', script: gone.sh}")
    assert bench.tick({"disk.a": 95}) == ["salt/alert/disk/crit"]
    assert messages(caplog) == [
        f"alerts: {bench.folder}/alerts.d/rules.yaml: line 1: disk: "
        f"the script {bench.folder}/gone.sh can't be found: No such file or directory",
        f"alert disk is crit: the script {bench.folder}/gone.sh can't be started: No such file or directory",
    ]
    assert bench.engine.metrics()["scripts_failed"] == 1


def test_a_script_that_could_not_be_started_is_found_when_the_rule_is_read(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    where = bench.folder / "notify.sh"

    def error() -> str:
        assert bench.tick({"disk.a": 10}) == []
        return str(bench.engine.listing()[0]["error"])

    bench.rules(disk="{metric: 'disk.*', crit: '> 90', script: [notify.sh, now]}")
    assert error() == f"the script {where} can't be found: No such file or directory"
    where.write_text("echo hello\n")
    assert error() == f"the script {where} can't be run by the master's user: chmod +x {where}"
    where.chmod(0o755)
    assert error() == f"the script {where} doesn't begin with the line of an interpreter, as #!/bin/sh"
    where.write_text("#!/no/such/sh -e\n")
    assert error() == f"the script {where} names an interpreter that isn't there: '/no/such/sh'"
    assert bench.engine.metrics()["errors"] == 1
    where.write_text("#! /bin/sh -e\n")
    assert (error(), error()) == ("", "")
    assert len(messages(caplog)) == 4
    where.unlink()
    where.mkdir()
    assert error() == f"the script {where} is no file"
    bench.rules(disk="{metric: 'disk.*', crit: '> 90', script: [sh, -c, 'true']}")
    assert error() == ""


def test_a_slow_target_does_not_hold_up_the_others(bench: Bench) -> None:
    class Slow(MemorySource):
        async def render(self, target: str, from_: int, until: int, points: int = 0) -> list[Series]:
            if target == "slow":
                async with asyncio.timeout(30):
                    while "disk.*" not in {request[0] for request in self.requests}:
                        await asyncio.sleep(0)
            return await super().render(target, from_, until)

    bench.rules(slow="{target: slow, warn: 1}", disk="{metric: 'disk.*', crit: 90}")
    bench.source = Slow()
    bench.start()
    assert bench.tick({"disk.a": 95}) == ["salt/alert/disk/crit"]
    assert bench.engine.metrics()["errors"] == 0


def test_metrics_count_rules_states_and_scripts(bench: Bench) -> None:
    bench.rules(disk="{metric: 'disk.*', warn: 80, crit: 90}", bad="{}")
    bench.tick({"disk.a": 95, "disk.b": 85, "disk.c": 5, "disk.d": 5})
    metrics = bench.engine.metrics()
    assert metrics.pop("evaluation_ms") > 0
    assert metrics == {
        "rules": 1,
        "bad_rules": 1,
        "errors": 0,
        "source_up": 1,
        "evaluations": 1,
        "scripts_run": 0,
        "scripts_failed": 0,
        "scripts_dropped": 0,
        "silences": 0,
        "acknowledged": 0,
        "state_failures": 0,
        "state_set_aside": 0,
        "history_failures": 0,
        "history_dropped": 0,
        "series_ok": 2,
        "series_warn": 1,
        "series_crit": 1,
        "series_nodata": 0,
    }


def test_running_evaluates_until_cancelled_and_stops_at_once(bench: Bench) -> None:
    script = bench.folder / "hang"
    script.write_text("#!/bin/sh\necho $$ > pid.tmp; mv pid.tmp pid; exec sleep 600\n")
    script.chmod(0o755)
    (bench.folder / "master").write_text(f"root_dir: {bench.folder}\nalerts_interval: 1\n")
    bench.rules(disk="{metric: 'disk.*', crit: '> 90', script: hang}")
    bench.source.put("disk.a", START - 5, 95)
    bench.start()

    async def main() -> None:
        task = asyncio.create_task(bench.engine.run())
        while bench.engine.metrics()["evaluations"] < 2 or not (bench.folder / "pid").exists():
            await asyncio.sleep(0.01)
        task.cancel()
        async with asyncio.timeout(30):
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert [tag for tag, _ in bench.events] == ["salt/alert/disk/crit"]
    with pytest.raises(ProcessLookupError):
        os.kill(int((bench.folder / "pid").read_text()), 0)


def test_a_stop_does_not_wait_for_an_api_that_hangs(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bench.start(HttpSource(f"http://127.0.0.1:{silent.getsockname()[1]}"))

        async def main() -> None:
            task = asyncio.create_task(bench.engine.run())
            await asyncio.sleep(0.3)
            task.cancel()
            async with asyncio.timeout(5):
                with pytest.raises(asyncio.CancelledError):
                    await task

        asyncio.run(main())


def test_states_that_cannot_be_read_just_now_are_waited_for_and_not_written_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert bench.tick({"disk.a": 95}) == ["salt/alert/disk/crit"]
    bench.start()
    with denied(monkeypatch, file_module):
        assert bench.tick({"disk.a": 95}, {"disk.a": 95}) == []
    assert len([text for text in messages(caplog) if "states of alerts can't be read just now" in text]) == 1

    assert bench.tick({"disk.a": 95}, {"disk.a": 10}) == ["salt/alert/disk/ok"], "crit was told before"


def test_states_that_cannot_be_read_for_long_keep_no_alert_from_being_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.rules(disk="{metric: 'disk.*', crit: '> 90'}", cpu="{metric: 'cpu.*', crit: '> 90'}")
    assert bench.tick({"disk.a": 95, "cpu.a": 1}) == ["salt/alert/disk/crit"]
    bench.start()
    with denied(monkeypatch, file_module):
        told = bench.tick(*[{"disk.b": 95, "cpu.a": 95}] * (engine_module.MAX_PUT_OFF + 2))
    assert sorted(told) == ["salt/alert/cpu/crit", "salt/alert/disk/crit"]

    assert bench.tick({"disk.a": 95, "disk.b": 95, "cpu.a": 95}) == []
    assert bench.states() == {"disk.a": "crit", "disk.b": "crit"}
    bench.start()
    assert bench.tick({"disk.a": 95, "disk.b": 95, "cpu.a": 95}) == []


def test_a_rule_that_goes_while_its_source_is_asked_tells_nothing(bench: Bench) -> None:
    class Slow(MemorySource):
        async def render(self, target: str, from_: int, until: int, points: int = 0) -> list[Series]:
            bench.rules(cpu="{metric: 'cpu.*', warn: 1}")
            await bench.engine._reread()
            return [Series("disk.a", [(until, 95.0)])]

    bench.start(Slow())
    assert bench.tick({}) == []
    assert [rule["name"] for rule in bench.engine.listing()] == ["cpu"]
