"""``stats.collect`` as a whole: on the sample tree, on this host, and when things go wrong."""

from __future__ import annotations

import logging
import math
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import CommandError
from saltern_modules.collectors import catalogue, portable
from saltern_modules.collectors.base import Collector
from saltern_modules.collectors.sampler import Sampler
from saltern_modules.collectors.source import Source

SEGMENT = re.compile(r"[A-Za-z0-9_-]+")


def leaves(metrics: dict[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found = {}
    for key, value in metrics.items():
        if isinstance(value, dict):
            found.update(leaves(value, (*path, key)))
        else:
            found[(*path, key)] = value
    return found


@pytest.fixture
def own_host(fake_host: Any, tmp_path: Path) -> Path:
    """The sample tree as a copy that the test may change."""
    root = tmp_path / "proc"
    shutil.copytree(fake_host.opts["proc_root"], root)
    fake_host.opts["proc_root"] = str(root)
    return root


def test_the_second_sample_of_this_host_has_150_good_metrics(minion: Any) -> None:
    stats = minion.load("stats")
    stats.collect()
    started = time.monotonic()
    while time.monotonic() - started < 0.05:  # some ticks of processor time, for percentages to be of
        pass
    found = leaves(stats.collect())
    assert len(found) >= 150
    for path, value in found.items():
        assert all(SEGMENT.fullmatch(part) for part in path), path
        assert type(value) in (int, float), path
        assert math.isfinite(value), path
    assert {value for path, value in found.items() if path[-1] == "success"} == {1}
    for name in ("cpu.total.percent", "load.1m", "memory.used", "disk.root.percent", "uptime.seconds"):
        assert tuple(name.split(".")) in found


def test_the_sample_tree(fake_host: Any) -> None:
    found = fake_host.load("stats").collect()
    assert found["load"] == {"1m": 0.29, "5m": 0.1, "15m": 0.02}
    assert found["cpu"] == {"count": 2}
    assert found["swap"]["percent"] == 25.0
    assert set(found["net"]) == {"lo", "eth0_100"}
    assert set(found["diskio"]) == {"sda", "nvme0n1"}
    assert found["processes"] == {
        "total": 4,
        "threads": 186,
        "runnable": 3,
        "waiting_io": 1,
        "scanned": 1,
        "kernel": 1,
        "running": 0,
        "sleeping": 1,
        "blocked": 1,
        "idle": 0,
        "zombie": 1,
        "stopped": 0,
        "traced": 0,
        "other": 0,
    }
    assert found["sockets"]["tcp"]["listen"] == 2
    assert found["temperature"] == {
        "coretemp-hwmon0_Package_id_0": 45.5,
        "coretemp-hwmon0_temp2": 41.0,
        "coretemp-hwmon1_Package_id_0": -5.0,
    }


def test_the_first_sample_has_no_rates_and_the_second_has(own_host: Path, fake_host: Any) -> None:
    stats = fake_host.load("stats")
    assert not [path for path in leaves(stats.collect()) if path[-1].endswith("_per_s")]
    dev = own_host / "net/dev"
    dev.write_text(dev.read_text().replace("133498679", "133999999"))
    stat = own_host / "stat"
    stat.write_text(stat.read_text().replace("cpu0 585 4 633 204149", "cpu0 645 4 633 204189"))
    second = stats.collect()
    assert second["net"]["eth0_100"]["rx_bytes_per_s"] > 0
    assert second["net"]["eth0_100"]["tx_bytes_per_s"] == 0.0
    assert second["cpu"]["0"]["percent"] == 60.0
    assert "1" not in second["cpu"], "no tick has passed on it"


def test_a_counter_that_was_reset_has_no_rate(own_host: Path, fake_host: Any) -> None:
    stats = fake_host.load("stats")
    stats.collect()
    dev = own_host / "net/dev"
    dev.write_text(dev.read_text().replace("133498679", "5"))
    interface = stats.collect()["net"]["eth0_100"]
    assert interface["rx_bytes"] == 5
    assert "rx_bytes_per_s" not in interface
    assert "rx_packets_per_s" in interface


def test_a_schedule_and_a_call_by_hand_do_not_share_their_rates(fake_host: Any, agent: Any) -> None:
    stats = fake_host.load("stats")
    agent.job = {"jid": "1", "fun": "stats.collect", "schedule": "stats"}
    stats.collect()
    agent.job = {"jid": "2", "fun": "stats.collect"}
    assert "rx_bytes_per_s" not in stats.collect()["net"]["lo"]
    agent.job = {"jid": "3", "fun": "stats.collect", "schedule": "stats"}
    assert "rx_bytes_per_s" in stats.collect()["net"]["lo"]


def test_samplers_are_bounded(fake_host: Any, agent: Any) -> None:
    stats = fake_host.load("stats")
    for number in range(20):
        agent.job = {"schedule": f"job{number}"}
        stats.get("load")
    assert len(stats.__context__["samplers"]) == stats.MAX_SAMPLERS


def test_a_failing_collector_hurts_no_other_and_is_logged_once(
    own_host: Path, fake_host: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (own_host / "loadavg").write_bytes(b"\xff nonsense\n")
    stats = fake_host.load("stats")
    with caplog.at_level(logging.WARNING):
        first, second = stats.collect(), stats.collect()
    for sample in (first, second):
        assert "load" not in sample
        assert sample["collector"]["load"]["success"] == 0
        assert sample["collector"]["memory"]["success"] == 1
        assert sample["memory"]["percent"] == 50.0
    assert len([record for record in caplog.records if "load collector failed" in record.message]) == 1


def test_an_empty_proc_fails_some_collectors_and_no_more(fake_host: Any, tmp_path: Path) -> None:
    fake_host.opts.update(proc_root=str(tmp_path), sys_root=str(tmp_path))
    found = Sampler(fake_host.opts).sample()
    success = {name: cost["success"] for name, cost in found["collector"].items()}
    assert success["memory"] == 0
    assert success["vmstat"] == success["cpu"] == 0
    assert not {"temperature", "pressure", "net"} & {*success, *found}, "nothing to measure is no failure"


def test_what_a_file_says_later_is_read_though_it_stays_open(tmp_path: Path) -> None:
    (tmp_path / "stat").write_bytes(b"one")
    source = Source(str(tmp_path))
    assert source.read("stat") == b"one"
    (tmp_path / "stat").write_bytes(b"two" * 2000)
    assert source.read("stat") == b"one", "within a sample it is read once"
    source.begin()
    assert source.read("stat") == b"two" * 2000
    assert source.read("nowhere", optional=True) == b""
    with pytest.raises(FileNotFoundError):
        Source(str(tmp_path)).read("nowhere")


def test_above_the_bound_no_process_and_no_socket_is_looked_at(fake_host: Any) -> None:
    fake_host.opts["stats"] = {"processes": {"max_scanned": 3}, "sockets": {"max_scanned": 3}}
    found = fake_host.load("stats").collect()
    assert found["processes"] == {"total": 4, "threads": 186, "runnable": 3, "waiting_io": 1, "scanned": 0}
    assert found["sockets"]["tcp"]["scanned"] == 0
    assert "listen" not in found["sockets"]["tcp"]
    assert found["sockets"]["tcp"]["in_use"] == 4


def test_switches_and_filters(fake_host: Any) -> None:
    fake_host.opts["stats"] = {
        "collectors": {"temperature": False},
        "net": {"exclude": ["lo"]},
        "diskio": {"exclude": ["nvme*"], "partitions": True},
        "cpu": {"per_cpu": False},
    }
    stats = fake_host.load("stats")
    found = stats.collect()
    assert "temperature" not in found
    assert "temperature" not in found["collector"]
    assert set(found["net"]) == {"eth0_100", "vethab12"}
    assert set(found["diskio"]) == {"loop0", "sda", "sda1"}
    assert stats.collectors()["temperature"]["on"] is False
    assert stats.collectors()["cpu"]["settings"] == {"per_cpu": True}


@pytest.mark.parametrize(
    ("config", "whose", "message"),
    [
        ({"collectors": {"temperatur": False}}, "", "collectors has no 'temperatur': did you mean 'temperature'"),
        ({"collectors": {"cpu": "no"}}, "cpu", "collectors: cpu must be true or false, not 'no'"),
        ({"collectors": {"clock": 1}}, "clock", "collectors: clock must be true or false, not 1"),
        ({"collectors": ["cpu"]}, "", "collectors must map names"),
        ({"dsik": {}}, "", "did you mean 'disk'"),
        ({5: {}}, "", "there is no option 5: use one of collectors, agent"),
        ({"uptime": {"x": 1}}, "uptime", "uptime has no option 'x': it has none"),
        ({"disk": {"exclude_mounts": []}}, "disk", "did you mean 'exclude_mount'"),
        ({"disk": {"exclude_mount": "/mnt"}}, "disk", "must be a list"),
        ({"disk": {"exclude_mount": [1]}}, "disk", "must be a list"),
        ({"disk": 3}, "disk", "must hold options"),
        ({"processes": {"max_scanned": True}}, "processes", "must be a number such as 1000, not below 0, not True"),
        ({"processes": {"max_scanned": -1}}, "processes", "must be a number such as 1000, not below 0, not -1"),
        ({"sockets": {"max_scanned": 1.5}}, "sockets", "must be a number such as 5000"),
        ({"cpu": {"per_cpu": 1}}, "cpu", "must be true or false, not 1"),
        ({"disk": {"root": 1}}, "disk", "root must be a text"),
        ({"disk": {"root": "host"}}, "disk", "stats: disk: root: 'host' is no whole path"),
        ({"forecast": {"window_hours": True}}, "forecast", "must be a number such as 6.0"),
        ({"forecast": {"window_hours": 0}}, "forecast", "window_hours must be more than 0"),
        ({"forecast": {"window_hours": "6"}}, "forecast", "must be a number such as 6.0"),
        ({"forecast": {"window_hours": math.nan}}, "forecast", "window_hours must be more than 0"),
        ({"procs": {"match": ["a\0b"]}}, "procs", "stats: procs: match: .* holds a zero character"),
        ({"logs": {"files": {"/a\0b": []}}}, "logs", "stats: logs: files: .* holds a zero character"),
        ({"certificates": {"targets": ["/a\0b"]}}, "certificates", "certificates: targets: .* holds a zero character"),
        ({"ports": {"targets": ["10.0.0.7"]}}, "ports", "stats: ports: targets: '10.0.0.7'"),
        ({"ports": {"targets": ["x" * 9000], "y" * 9000: 1}}, "ports", "stats: ports"),
        ([1], "", "must hold options"),
        ([], "", "must hold options"),
        (5, "", "must hold options, not 5"),
    ],
)
def test_what_is_wrong_leaves_out_what_it_belongs_to_and_is_told_once(
    fake_host: Any, agent: Any, config: Any, whose: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    right = fake_host.load("stats").collect()
    fake_host.opts["stats"] = config
    stats = fake_host.load("stats")
    for schedule in ("stats", "", "stats"):
        agent.job = {"schedule": schedule}
        sample = stats.collect()
        failed = {name for name, row in sample["collector"].items() if not row["success"]}
        assert failed == {whose} - {""}
        assert whose not in sample
        assert set(sample["collector"]) | {whose} == set(right["collector"]) | {whose}
    (told,) = [record.getMessage() for record in caplog.records]
    assert re.search(message, told)
    assert told.startswith("stats: ")
    assert "\n" not in told
    assert len(told) < 1000
    if whose:
        row = stats.explain(whose)[whose]
        assert row["on"] is False
        assert told.startswith(row["why"])
        assert stats.collectors()[whose]["on"] is False
        with pytest.raises(CommandError, match=message):
            stats.get(whose)


def test_every_fault_is_told_with_its_file_and_line(
    fake_host: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "minion"
    file.write_text("id: a\nstats:\n  collectors: {temprature: false}\n  cpu: 5\n  ports: {targets: [a]}\n")
    fake_host.opts["conf_file"] = str(file)
    fake_host.opts["stats"] = {"collectors": {"temprature": False, "ports": False}, "cpu": 5, "ports": {"x": 1}}
    sample = fake_host.load("stats").collect()
    told = [record.getMessage().removeprefix(f"{file}: line 2: stats: ") for record in caplog.records]
    assert [line.split(" ")[0] for line in told] == ["collectors", "cpu", "ports"]
    assert sample["collector"]["cpu"] == {"success": 0}
    assert "ports" not in sample["collector"], "it is switched off"


def test_a_call_with_arguments_that_there_are_not_is_refused(fake_host: Any) -> None:
    with pytest.raises(TypeError, match="collectors"):
        fake_host.load("stats").collect(collectors={"cpu": False})


def test_options_of_a_collector_whose_file_is_damaged_hurt_no_other(
    fake_host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> type[Collector]:
        if name == "disk":
            raise ImportError("a damaged file")
        return catalogue.load(name)

    monkeypatch.setattr("saltern_modules.collectors.options.load", broken)
    fake_host.opts["stats"] = {"disk": {"root": "/"}, "dsik": {}}
    sampler = Sampler(fake_host.opts)
    assert sampler.sample()["memory"]["percent"] == 50.0
    assert sampler.chosen.faults == {"disk": "stats: disk: it can't be begun: ImportError: a damaged file"}


@pytest.mark.parametrize("hours", [6, 6.0, 1])
def test_a_whole_number_will_do_for_a_fraction(fake_host: Any, hours: float) -> None:
    fake_host.opts["stats"] = {"forecast": {"window_hours": hours}, "procs": {"match": ["\ud800", "\udcff"]}}
    assert fake_host.load("stats").collect()["collector"]["forecast"]["success"] == 1


def test_sections_with_nothing_in_them_are_no_options(fake_host: Any) -> None:
    fake_host.opts["stats"] = {"collectors": None, "disk": None}
    stats = fake_host.load("stats")
    assert stats.collect()["collector"]["disk"]["success"] == 1
    assert stats.explain("disk")["disk"]["why"] == "on by itself"


def test_one_collector_alone(fake_host: Any) -> None:
    stats = fake_host.load("stats")
    found = stats.get("load")
    assert set(found) == {"load", "collector"}
    assert set(found["collector"]) == {"load"}
    with pytest.raises(CommandError, match="did you mean 'load'"):
        stats.get("laod")
    fake_host.opts["stats"] = {"collectors": {"load": False}}
    with pytest.raises(CommandError, match="is off"):
        fake_host.load("stats").get("load")


def test_a_collector_without_anything_to_measure_says_why(own_host: Path, fake_host: Any) -> None:
    shutil.rmtree(own_host / "pressure")
    stats = fake_host.load("stats")
    stats.collect()
    rows = stats.explain()
    assert rows["pressure"] == {
        "on": False,
        "why": f"this host has no {own_host}/pressure",
        "description": "share of time that work waited for cpu, memory or io (PSI)",
    }
    with pytest.raises(CommandError, match=rf"stats.get: pressure: this host has no {own_host}/pressure"):
        stats.get("pressure")


def test_a_collector_that_can_not_be_begun_hurts_no_other(
    fake_host: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(name: str) -> type[Collector]:
        if name == "swap":
            raise ImportError("a damaged file")
        return catalogue.load(name)

    monkeypatch.setattr("saltern_modules.collectors.sampler.load", broken)
    monkeypatch.setattr("saltern_modules.collectors.sampler.LOOK_EVERY_S", 0.0)
    sampler = Sampler(fake_host.opts)
    for _ in range(2):
        sample = sampler.sample()
        assert sample["memory"]["percent"] == 50.0
        assert "swap" not in sample
    assert sampler.lacking["swap"] == "it can't be begun: ImportError: a damaged file"
    assert caplog.text.count("the swap collector") == 1


def test_what_comes_later_is_taken_up(own_host: Path, fake_host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_host / "pressure").rename(own_host / "aside")
    sampler = Sampler(fake_host.opts)
    assert "pressure" not in sampler.sample()
    (own_host / "aside").rename(own_host / "pressure")
    assert "pressure" not in sampler.sample(), "it is looked for once a minute"
    monkeypatch.setattr("saltern_modules.collectors.sampler.LOOK_EVERY_S", 0.0)
    later = Sampler(fake_host.opts)
    (own_host / "pressure").rename(own_host / "aside")
    assert "pressure" not in later.sample()
    (own_host / "aside").rename(own_host / "pressure")
    assert "pressure" in later.sample()
    assert "pressure" not in later.lacking


def test_the_explanation_counts_what_was_measured(fake_host: Any) -> None:
    stats = fake_host.load("stats")
    fake_host.opts["stats"] = {"collectors": {"temperature": False, "load": True}}
    stats.collect()
    second = stats.collect()
    rows = stats.explain()
    assert set(rows) == set(stats.collectors())
    for name, row in rows.items():
        assert row["on"] == (name in second["collector"])
        assert row.get("metrics", 0) == len(leaves(second.get(name, {})))
    assert rows["temperature"]["why"] == "switched off in stats: collectors"
    assert rows["load"]["why"] == "switched on in stats: collectors"
    assert rows["memory"]["why"] == "on by itself"
    assert rows["memory"]["cost_ms"] > 0
    assert set(stats.explain("load")) == {"load"}
    assert stats.explain("load")["load"]["numbers"]["load.*"]["unit"] == "threads"
    with pytest.raises(CommandError, match="did you mean 'load'"):
        stats.explain("laod")


def test_an_explanation_before_any_sample_takes_one(fake_host: Any) -> None:
    assert fake_host.load("stats").explain()["load"]["metrics"] == 3


def test_a_failure_is_explained(own_host: Path, fake_host: Any) -> None:
    (own_host / "loadavg").write_bytes(b"nonsense")
    stats = fake_host.load("stats")
    stats.collect()
    assert "does not begin with three numbers" in stats.explain("load")["load"]["failed"]


def test_numbers_tell_kind_unit_and_meaning(fake_host: Any) -> None:
    told = fake_host.load("stats").numbers("uptime")
    assert told == {"uptime.seconds": {"kind": "gauge", "unit": "s", "help": "time since the host was booted"}}


def test_every_collector_describes_itself(fake_host: Any) -> None:
    listed = fake_host.load("stats").collectors()
    assert {"cpu", "load", "memory", "swap", "disk", "diskio", "net", "processes", "files"} <= set(listed)
    assert {"sockets", "temperature", "uptime", "agent", "pressure", "vmstat"} <= set(listed)
    for name, collector in Collector.registry.items():
        assert listed[name]["description"] == collector.description
        assert collector.__doc__


def test_another_system_is_asked_through_psutil(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here = leaves(Sampler(minion.opts).sample())
    monkeypatch.setattr(sys, "platform", "darwin")
    elsewhere = Sampler(minion.opts)
    elsewhere.sample()
    found = elsewhere.sample()
    names = leaves(found)
    assert {cost["success"] for cost in found["collector"].values()} == {1}
    assert set(found["collector"]) == set(portable.COLLECTORS)
    for path, value in names.items():
        assert all(SEGMENT.fullmatch(part) for part in path), path
        assert type(value) in (int, float), path
    for path in ((part, *rest) for part, *rest in here if part in ("load", "uptime", "agent", "disk")):
        if path[-1] not in ("minor_page_faults", "major_page_faults", "shared_bytes"):
            assert path in names
    assert names["memory", "total"] == here["memory", "total"]
    assert names["net", "lo", "rx_bytes_per_s"] >= 0
