"""Every collector on every kind of host: exact numbers, before and after its counters went on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from saltern_modules.collectors import explained, portable
from saltern_modules.collectors.catalogue import listed
from saltern_modules.collectors.sampler import Sampler
from support.hosts.kinds import KINDS
from support.hosts.tree import Tree

START_S = 5000.0


def number(metrics: Any, name: str) -> Any:
    """Return the number, or the part, called *name*, None where there is none."""
    for key in name.split("."):
        metrics = metrics.get(key) if isinstance(metrics, dict) else None
    return metrics


@pytest.fixture(params=KINDS)
def tree(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    tree = Tree(tmp_path, KINDS[request.param])
    monkeypatch.setattr("saltern_modules.collectors.disk.asked", tree.statvfs())
    return tree


@pytest.fixture
def samples(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], dict[str, Any]]:
    now = [START_S]
    clock = SimpleNamespace(monotonic=lambda: now[0], perf_counter=lambda: now[0])
    monkeypatch.setattr("saltern_modules.collectors.sampler.time", clock)
    sampler = Sampler(tree.opts)
    first = sampler.sample()
    tree.write(tree.kind.later)
    now[0] += tree.kind.seconds
    return first, sampler.sample()


def test_a_host_is_measured_right(tree: Tree, samples: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for sample, wanted in zip(samples, (tree.kind.first, tree.kind.second), strict=True):
        assert {name: number(sample, name) for name in wanted} == wanted
        failed = [name for name, cost in sample["collector"].items() if not cost["success"]]
        assert not failed
    found = [name for name in tree.kind.absent for sample in samples[1:] if number(sample, name) is not None]
    assert not found


def test_every_number_is_described(samples: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for sample in samples:
        for name in listed():
            assert not list(explained.unnamed(name, sample.get(name, {})))


def test_shares_are_shares(samples: tuple[dict[str, Any], dict[str, Any]]) -> None:
    described = {name: key for each in listed() for name, key in explained.numbers(each).items()}
    percents = {tuple(name.split(".")) for name, told in described.items() if told["unit"] == "%"}
    assert percents

    def check(path: tuple[str, ...], value: Any) -> None:
        if isinstance(value, dict):
            for key, below in value.items():
                check((*path, key), below)
        elif any(
            len(path) == len(name) and all(a in ("*", b) for a, b in zip(name, path, strict=True)) for name in percents
        ):
            assert 0 <= value <= 100, path
        else:
            assert value >= 0 or path[0] == "temperature", path

    for sample in samples:
        check((), sample)


def test_every_number_of_this_host_is_described(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = Sampler(minion.opts)
    sampler.sample()
    sample = sampler.sample()
    for name in listed():
        assert not list(explained.unnamed(name, sample.get(name, {})))
    monkeypatch.setattr("sys.platform", "darwin")
    elsewhere = Sampler(minion.opts)
    elsewhere.sample()
    sample = elsewhere.sample()
    assert set(sample["collector"]) == set(portable.COLLECTORS)
    for name in portable.COLLECTORS:
        assert not list(explained.unnamed(name, sample.get(name, {})))


def test_what_is_described_has_a_unit_that_exists() -> None:
    units = {told["unit"] for name in listed() for told in explained.numbers(name).values()}
    bases = {unit.removesuffix("/s") for unit in units}
    known = {
        *("", "%", "s", "ms", "µs", "h", "d", "1/min", "B", "KiB", "°C", "W", "ppm", "bits", "times", "units"),
        *("processors", "threads", "processes", "files", "inodes", "sockets", "connections", "neighbours", "entries"),
        *("requests", "commands", "reads", "packets", "segments", "datagrams", "switches", "interrupts", "faults"),
        *("periods", "disks", "sectors", "starts", "restarts", "errors", "warnings", "timeouts", "lines"),
        *("calls", "devices"),
    }
    assert bases <= known
