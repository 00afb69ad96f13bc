"""Every target of every dashboard, asked of a running stack, draws something."""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from saltern_master.up.stack import Stack
from saltern_modules.collectors.catalogue import listed, load
from saltern_modules.collectors.sampler import Sampler
from support import control_groups

GRAFANA = Path(__file__).parents[2] / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
DASHBOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in FILES}

pytestmark = pytest.mark.timeout(240)

UP_WITHIN_S = 60.0
DRAWN_WITHIN_S = 120.0
"""From the start: Carbon's own metrics come every ten seconds, and a rate takes two points."""

MASTER = """
schedule: {stats: {function: stats.collect, seconds: 2, target: "*", metrics: true}}
self_metrics_interval: 1
alerts_interval: 1
"""
DEVICE = "dash-switch"
SCHEMAS = """[stats]
pattern = [.]stats[.]
retentions = 2s:1h
[everything]
pattern = .*
retentions = 1s:1h
"""


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the panels that draw something."""
    for panel in dashboard["panels"]:
        yield from (one for one in (panel, *panel.get("panels", [])) if one["type"] != "row")


def _container_numbers() -> set[str]:
    """Return the names of what the collector container tells of this test's own control group."""
    sampler = Sampler({})
    sampler.sample("container")
    sample = sampler.sample("container").get("container", {})
    return {f"{part}.{name}" for part, numbers in sample.items() for name in numbers}


def _asked_of_container(panel: dict[str, Any]) -> set[str]:
    """Return the names of the container's numbers in a panel's targets."""
    targets = " ".join(target["target"] for target in panel["targets"])
    found = re.findall(r"container\.(\w+)\.(\{[^}]*\}\w*|\w+)", targets)
    return {f"{part}.{name}" for part, names in found for name in _choices(names)}


def _choices(names: str) -> list[str]:
    """Return what ``{read,write}_bytes`` stands for."""
    inner, _, rest = names.removeprefix("{").partition("}")
    return [f"{choice}{rest}" for choice in inner.split(",")]


CONTAINED = _container_numbers()
_DISKS = [path for path in glob("/sys/block/*") if not re.match(r"(loop|ram|zram|dm-|md)", Path(path).name)]
LACKING = {
    ("host", "Temperatures"): (
        "no temperature sensors",
        not glob("/sys/class/hwmon/*/temp*_input") and not glob("/sys/class/thermal/thermal_zone*/temp"),
    ),
    ("host", "Swap in use"): ("no swap", Path("/proc/swaps").read_text().count("\n") < 2),
    **{
        panel: ("a kernel without pressure stall information", not os.access("/proc/pressure/cpu", os.R_OK))
        for panel in [
            ("host", "Waiting (pressure)"),
            ("fleet", "Waiting for memory"),
            ("fleet", "Waiting for disks"),
        ]
    },
    **dict.fromkeys(
        [("fleet", "Disk traffic"), ("host", "Disk traffic"), ("host", "Disk operations"), ("host", "Disk busy")],
        ("no disk that is a block device", not _DISKS),
    ),
    **{
        ("host", panel): (f"no {what}", not glob(path))
        for panel, what, path in [
            (
                "Firewall's table",
                "firewall that keeps track of connections",
                "/proc/sys/net/netfilter/nf_conntrack_max",
            ),
            ("Firewall's drops", "firewall that keeps track of connections", "/proc/net/stat/nf_conntrack"),
            ("Errors of memory chips", "memory controller that counts errors", "/sys/devices/system/edac/mc/mc0"),
            ("File systems: errors, and no answer", "ext4", "/sys/fs/ext4/*/errors_count"),
            ("Errors of drives", "drive that speaks SCSI", "/sys/block/*/device/ioerr_cnt"),
            ("RAID", "software RAID", "/sys/block/md*"),
            ("ZFS", "ZFS", "/proc/spl/kstat/zfs/*/state"),
        ]
    },
    ("host", "Full in"): ("nothing that fills steadily for half an hour", True),
    ("fleet", "Full soonest"): ("nothing that fills steadily for half an hour", True),
    ("devices", "Traffic of its interfaces"): ("no device with interfaces", True),
    **{
        ("services", panel): ("no control groups with such an account", not control_groups.accounted(controller))
        for panel, controller in {
            "Tasks of services": "",
            "Processor of services": "cpu",
            "Memory of services": "memory",
            "Services killed for memory": "memory",
            "Disk traffic of services": "io",
        }.items()
    },
    **{
        ("container", panel["title"]): (
            "no control group with this account",
            not CONTAINED & _asked_of_container(panel),
        )
        for panel in panels(DASHBOARDS["container"])
    },
    **{
        panel: ("no network interface but the loopback", len(glob("/sys/class/net/*")) < 2)
        for panel in [("fleet", "Network received"), ("fleet", "Network sent")]
    },
}
"""(dashboard, panel): what a machine may lack so that the panel stays empty, and whether this one does."""


class Drawn(NamedTuple):
    """One target of one panel."""

    dashboard: str
    panel: str
    target: str


TARGETS = {
    f"{name}/{panel['title']}/{panel['id']}{target['refId']}": Drawn(name, panel["title"], target["target"])
    for name, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
    for target in panel["targets"]
}


class RunningStack(NamedTuple):
    """``saltern-up`` as a process of its own."""

    started: float
    http: str
    minions: list[str]

    def render(self, target: str) -> list[dict[str, Any]]:
        """Return the series that Grafana gets for *target*, asking as its panels do: named with the query's letter."""
        named = f'aliasSub({target}, "(^.*$)", "\\1 A")'
        form = {"target": named, "from": "-10min", "until": "now", "format": "json", "maxDataPoints": "500"}
        answer = httpx.post(f"{self.http}/render", data=form, timeout=30)
        assert answer.status_code == 200, f"{target}: {answer.text}"
        series: list[dict[str, Any]] = answer.json()
        assert all(one["target"].endswith(" A") for one in series)
        return series


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What a minion's option ``stats`` names: a unit, a program, a port, a certificate and a log, all there."""
    folder = tmp_path_factory.mktemp("named")
    certificate = folder / "web.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-subj", "/CN=localhost", "-days", "90", "-keyout", str(folder / "key"), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True, timeout=30)
    (folder / "app.log").write_text("")
    unit = f"saltern-dashboards-{os.getpid()}.service"
    with contextlib.ExitStack() as held:
        if control_groups.MAY_MAKE:
            held.enter_context(control_groups.unit(unit))
        server = held.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = server.getsockname()[1]
        yield {
            "services": {"units": [unit]},
            "procs": {"match": ["agents=*saltern_agent*"]},
            "ports": {"targets": [f"here=127.0.0.1:{port}"]},
            "certificates": {"targets": [f"web={certificate}"]},
            "logs": {"files": {f"app={folder / 'app.log'}": ["ERROR"]}},
        }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, named: dict[str, Any]) -> Iterator[RunningStack]:
    root = tmp_path_factory.mktemp("stack")
    (own, _) = Stack(str(root), 2, demo=False, usual_ports={}).minion_ids
    device = {"proxy": {DEVICE: {"proxytype": "dummy", "numbers": 3}}}
    files = {
        "etc/master": f"{MASTER}pillar_roots: {{base: [{root}/pillar]}}\n",
        "graphite/conf/storage-schemas.conf": SCHEMAS,
        "pillar/top.sls": yaml.safe_dump({"base": {own: ["devices"]}}),
        "pillar/devices.sls": yaml.safe_dump(device),
    }
    for path, text in {**files, f"etc/minions/{own}/minion": yaml.safe_dump({"stats": named})}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    argv = [sys.executable, "-m", "saltern_master.up", "--root", str(root), "--minions", "2", "--plain"]
    with open(root / "up.log", "w") as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        started = time.monotonic()
        endpoints = root / "run" / "endpoints.json"
        try:
            while not endpoints.exists():
                assert process.poll() is None, (root / "up.log").read_text()
                assert time.monotonic() - started < UP_WITHIN_S, (root / "up.log").read_text()
                time.sleep(0.05)
            told = json.loads(endpoints.read_text())
            yield RunningStack(started, told["http"], told["minions"])
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(40) == 0


@pytest.mark.parametrize("drawn", TARGETS.values(), ids=TARGETS)
def test_a_target_draws_a_series(stack: RunningStack, drawn: Drawn) -> None:
    shown = {"fleet": "*", "devices": DEVICE}.get(drawn.dashboard, stack.minions[0])
    target = drawn.target.replace("$minion", shown)
    reason, lacking = LACKING.get((drawn.dashboard, drawn.panel), ("", False))
    if lacking:
        stack.render(target)
        pytest.skip(f"this machine has {reason}")
    while True:
        series = stack.render(target)
        if any(value is not None for one in series for value, _ in one["datapoints"]):
            break
        assert time.monotonic() - stack.started < DRAWN_WITHIN_S, f"{target}: {len(series)} series, all empty"
        time.sleep(0.2)
    assert not [one["target"] for one in series if "saltern.*" in one["target"]], "a legend is a pattern"


@pytest.mark.parametrize("name", ["fleet", "host", "services", "container", "devices"])
def test_the_minion_variable_lists_the_minions(stack: RunningStack, name: str) -> None:
    (variable,) = [one for one in DASHBOARDS[name]["templating"]["list"] if one["name"] == "minion"]
    regex = re.compile(variable["regex"].strip("/"))
    while True:
        nodes = httpx.post(f"{stack.http}/metrics/find", data={"query": variable["query"]}, timeout=30).json()
        listed = [node["text"] for node in nodes if regex.search(node["text"])]
        if len(listed) > len(stack.minions):  # and a device
            break
        assert time.monotonic() - stack.started < DRAWN_WITHIN_S, nodes
        time.sleep(0.2)
    assert sorted(listed) == sorted(minion.replace(".", "_") for minion in (*stack.minions, DEVICE))
    assert "master" in [node["text"] for node in nodes]


def test_no_dashboard_is_missing() -> None:
    assert set(DASHBOARDS) == {"container", "devices", "fleet", "host", "pipeline", "services"}


def test_uids_are_unique_and_stable() -> None:
    assert {name: dashboard["uid"] for name, dashboard in DASHBOARDS.items()} == {
        "container": "saltern-container",
        "devices": "saltern-devices",
        "fleet": "saltern-fleet",
        "host": "saltern-host",
        "pipeline": "saltern-pipeline",
        "services": "saltern-services",
    }


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_whole(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert dashboard["title"]
    assert dashboard["refresh"] == "15s"
    assert dashboard["schemaVersion"] >= 39
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in panels(dashboard):
        assert panel["title"]
        assert panel["targets"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == {"type": "graphite", "uid": "${DS_GRAPHITE}"}
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs), panel["title"]
        for target in panel["targets"]:
            assert target["target"].count("(") == target["target"].count(")")
            assert re.search(r"\b(alias|aliasByNode|groupByNode)\(", target["target"]), "a legend must be short"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap(name: str) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARDS[name]["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken.get((x, y))}"
                taken[x, y] = panel["title"]


STATS = re.compile(r"[.]stats[.]((?:[\w*-]|\{[^}]*\})+(?:[.](?:[\w*-]|\{[^}]*\})+)+)")


def spelled_out(path: str) -> list[str]:
    """Return the names that *path* with its ``{a,b}`` stands for."""
    found = re.search(r"\{([^}]*)\}", path)
    if not found:
        return [path]
    choices = (path[: found.start()] + choice + path[found.end() :] for choice in found[1].split(","))
    return [name for choice in choices for name in spelled_out(choice)]


def is_described(collector: str, wanted: list[str]) -> bool:
    """Return whether the collector describes such a number, or none at all."""
    described = [number.split(".") for number in load(collector).described()]
    fitting = (number for number in described if len(number) == len(wanted))
    pairs = (list(zip(number, wanted, strict=True)) for number in fitting)
    # Either may have the "*": the description for every mount, the target for all of what is there.
    both_ways = (all(fnmatch.fnmatchcase(*pair[::way]) for pair in each) for each in pairs for way in (1, -1))
    return not described or any(both_ways)


@pytest.mark.parametrize("drawn", [each for each in TARGETS.values() if ".stats." in each.target], ids=str)
def test_what_a_target_asks_for_is_a_number_that_is_described(drawn: Drawn) -> None:
    for name in (name for path in STATS.findall(drawn.target) for name in spelled_out(path)):
        collector, *wanted = name.split(".")
        if collector in listed():
            assert is_described(collector, wanted), name


def test_every_lack_is_a_panel() -> None:
    assert set(LACKING) <= {(drawn.dashboard, drawn.panel) for drawn in TARGETS.values()}


def test_provisioning_gives_the_data_source_that_the_dashboards_take() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/saltern.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/saltern.yaml").read_text())["providers"]
    assert (source["type"], source["uid"]) == ("graphite", "saltern")
    assert provider["options"]["path"]
    for dashboard in DASHBOARDS.values():
        (variable,) = [one for one in dashboard["templating"]["list"] if one["name"] == "DS_GRAPHITE"]
        assert variable["current"]["value"] == source["uid"]
