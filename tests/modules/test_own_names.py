"""Disks, interfaces and sensors have names of their own, which nothing else on the host changes."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors.diskio import DiskIO
from saltern_modules.collectors.net import Net
from saltern_modules.collectors.numbers import WRAP, Rates, per_second
from saltern_modules.collectors.source import Source
from saltern_modules.collectors.temperature import address, find_sensors
from support.hosts.texts import diskstats, net_dev


class Host:
    """A ``/proc`` and a ``/sys`` whose files change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = Source(str(folder / "proc"), str(folder / "sys"))
        self.now = 0.0

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def sample(self, collector: Any, elapsed: float = 10.0) -> dict[str, Any]:
        self.source.begin()
        self.now += elapsed
        found: dict[str, Any] = collector.collect(self.now)
        return found


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_interfaces_that_differ_have_names_that_do(host: Host) -> None:
    names = ["eth0", "eth0.1", "eth0_1", "eth0:1", "br-0a", "Дом"]
    host.write("proc/net/dev", net_dev(**dict.fromkeys(names, (1, 1, 1, 1))))
    together = set(Net(host.source, {}).collect(0.0))
    assert len(together) == len(names)
    alone = set()
    for name in names:
        host.write("proc/net/dev", net_dev(**{name: (1, 1, 1, 1)}))
        host.source.begin()
        alone |= set(Net(host.source, {}).collect(0.0))
    assert alone == together


def test_interfaces_that_swap_names_have_no_rates_once(host: Host) -> None:
    net = Net(host.source, {})

    def write(eth0: int, eth1: int, first: int) -> None:
        host.write("proc/net/dev", net_dev(lo=(1, 1, 1, 1), eth0=(eth0, 1, 1, 1), eth1=(eth1, 1, 1, 1)))
        for name, index in (("eth0", first), ("eth1", 5 - first), ("lo", 1)):
            host.write(f"sys/class/net/{name}/ifindex", f"{index}\n")

    write(1000, 9_000_000, 2)
    host.sample(net)
    write(2000, 9_000_100, 2)
    assert host.sample(net)["eth0"]["rx_bytes_per_s"] == 100.0
    write(9_000_200, 3000, 3)
    found = host.sample(net)
    assert "rx_bytes_per_s" not in found["eth0"], "it would be 900 kB/s"
    assert "rx_bytes_per_s" not in found["eth1"]
    assert found["lo"]["rx_bytes_per_s"] == 0.0
    write(9_000_300, 4000, 3)
    assert host.sample(net)["eth0"]["rx_bytes_per_s"] == 10.0


def test_an_interface_that_comes_back_has_no_rate_at_first(host: Host) -> None:
    net = Net(host.source, {})
    for interfaces in ({"eth0": (1000, 1, 1, 1)}, {"lo": (1, 1, 1, 1)}, {"eth0": (5000, 9, 9, 9)}):
        host.write("proc/net/dev", net_dev(**interfaces))
        found = host.sample(net)
    assert "rx_bytes_per_s" not in found["eth0"]


def test_counters_of_32_bits_begin_again() -> None:
    names = {"bytes": "bytes/s", "packets": "packets/s"}
    near = {"bytes": WRAP - 500, "packets": 10}
    assert per_second({"bytes": 500, "packets": 11}, near, 10.0, names) == {"bytes/s": 100.0, "packets/s": 0.1}
    # All of them fell: it is another device, or the driver was loaded anew.
    assert per_second({"bytes": 500, "packets": 1}, near, 10.0, names) == {}
    # Nothing else went on, or it was not near the end: a reset of that one.
    assert per_second({"bytes": 500, "packets": 10}, near, 10.0, names) == {"packets/s": 0.0}
    assert per_second({"bytes": 5, "packets": 11}, {"bytes": 900, "packets": 10}, 10.0, names) == {"packets/s": 0.1}
    assert per_second({"bytes": 0, "packets": 11}, {"bytes": WRAP * 3, "packets": 10}, 10.0, names) == {
        "packets/s": 0.1
    }


COUNTERS = st.fixed_dictionaries({name: st.integers(0, 2**64) for name in "abc"})


@given(now=COUNTERS, before=COUNTERS)
def test_a_rate_is_never_negative_and_a_wrapped_one_is_below_half_the_range(
    now: dict[str, float], before: dict[str, float]
) -> None:
    rates = per_second(now, before, 1.0, {name: name for name in "abc"})
    for name, rate in rates.items():
        assert rate >= 0
        assert now[name] >= before[name] or rate < WRAP // 2


def test_what_is_forgotten_begins_anew() -> None:
    rates = Rates(("a",))
    rates.update(0.0, {"x": {"a": 1}, "y": {"a": 1}})
    assert rates.fell({"x": {"a": 0}})
    assert not rates.fell({"x": {"a": 1}, "z": {"a": 0}})
    rates.forget("x")
    assert rates.update(1.0, {"x": {"a": 2}, "y": {"a": 2}}) == {"y": {"a_per_s": 1.0}}


def test_disks_of_the_device_mapper_have_the_names_that_they_were_made_under(host: Host) -> None:
    host.write("proc/diskstats", diskstats({"sda": (1, 1, 1, 1, 1), "dm-0": (5, 1, 1, 1, 1), "dm-1": (7, 1, 1, 1, 1)}))
    for name in ("sda", "dm-0", "dm-1"):
        host.write(f"sys/block/{name}/size", "1")
    host.write("sys/block/dm-0/dm/name", "sda\n")
    disks = DiskIO(host.source, {})
    found = host.sample(disks)
    assert {name: row["reads"] for name, row in found.items()} == {"sda": 1, "mapper_sda": 5, "dm-1": 7}
    for pattern, left in (("dm-*", {"sda"}), ("mapper/*", {"sda", "dm-1"}), ("sda", {"dm-1"})):
        assert set(host.sample(DiskIO(host.source, {"exclude": [pattern]}))) == left


def test_a_volume_whose_number_was_another_s_has_no_rate(host: Host) -> None:
    disks = DiskIO(host.source, {})
    for reads, name in ((1000, "old"), (5000, "new"), (5010, "new")):
        host.write("proc/diskstats", diskstats({"dm-0": (reads, 1, 1, 1, 1)}))
        host.write("sys/block/dm-0/dm/name", f"{name}\n")
        found = host.sample(disks, 100.0)
        assert set(found) == {f"mapper_{name}"}
        assert ("reads_per_s" in found[f"mapper_{name}"]) == (reads == 5010)


@pytest.mark.parametrize("written", ["cciss!c0d0", "cciss/c0d0"])
def test_a_slash_in_a_disk_s_name(host: Host, written: str) -> None:
    host.write("proc/diskstats", diskstats({written: (1, 1, 1, 1, 1)}))
    host.write("sys/block/cciss!c0d0/size", "1")
    assert set(host.sample(DiskIO(host.source, {}))) == {"cciss_c0d0"}


@pytest.mark.parametrize(
    ("bus", "device", "wanted"),
    [
        ("platform", "coretemp.1", "isa-0001"),
        ("platform", "soc:thermal", "isa-soc-thermal"),
        ("pci", "0000:00:18.3", "pci-00c3"),
        ("pci", "0000:04:00.0", "pci-0400"),
        ("pci", "0001:04:00.0", "pci-10400"),
        ("i2c", "0-0018", "i2c-0-18"),
        ("scsi", "2:0:0:0", "scsi-2-0-0-0"),
        ("acpi", "PNP0C0A:00", "acpi-PNP0C0A-00"),
    ],
)
def test_places_are_told_as_lm_sensors_does(bus: str, device: str, wanted: str) -> None:
    assert address(bus, device) == wanted


def chip(root: Path, number: int, device: str, label: str, value: int) -> None:
    folder = root / f"class/hwmon/hwmon{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text("coretemp\n")
    (folder / "temp1_label").write_text(f"{label}\n")
    (folder / "temp1_input").write_text(f"{value}\n")
    place = root / f"devices/platform/{device}"
    place.mkdir(parents=True, exist_ok=True)
    (root / "bus/platform").mkdir(parents=True, exist_ok=True)
    if not (place / "subsystem").exists():
        (place / "subsystem").symlink_to(root / "bus/platform")
    (folder / "device").symlink_to(place)


def test_two_chips_of_one_driver_in_any_order(tmp_path: Path) -> None:
    found = []
    for at, order in enumerate(itertools.permutations([("coretemp.0", 50), ("coretemp.1", 60)])):
        root = tmp_path / str(at)
        for number, (device, value) in enumerate(order):
            chip(root, number, device, "Core 0", value)
        found.append({name: int(Path(path).read_text()) for name, path in find_sensors(str(root)).items()})
    assert found[0] == found[1] == {"coretemp-isa-0000_Core_0": 50, "coretemp-isa-0001_Core_0": 60}
    chip(tmp_path / "alone", 0, "coretemp.1", "Core 0", 60)
    assert set(find_sensors(str(tmp_path / "alone"))) == {"coretemp-isa-0001_Core_0"}


def test_two_sensors_of_one_label_on_a_chip(tmp_path: Path) -> None:
    chip(tmp_path, 0, "nct.656", "SYSTIN", 30)
    folder = tmp_path / "class/hwmon/hwmon0"
    (folder / "temp2_label").write_text("SYSTIN\n")
    (folder / "temp2_input").write_text("31\n")
    (folder / "temp10_input").write_text("32\n")
    names = set(find_sensors(str(tmp_path)))
    assert names == {
        "coretemp-isa-0290_SYSTIN_temp1",
        "coretemp-isa-0290_SYSTIN_temp2",
        "coretemp-isa-0290_temp10",
    }
