"""Sensors as users of other collectors have met them: slow, dead, twice there, in the places of old kernels."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern_modules.collectors import temperature
from saltern_modules.collectors.source import Source
from saltern_modules.collectors.temperature import SEARCH_EVERY_S, SLOW_S, Temperature, find_sensors


def chip(root: Path, folder: str, **files: str) -> Path:
    """Write a chip's files (``temp1_input='40000'``) below ``class/hwmon`` and return its folder."""
    place = root / "class/hwmon" / folder
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (place / name).write_text(f"{text}\n")
    return place


def collector(root: Path, **options: list[str]) -> Temperature:
    return Temperature(Source(str(root), str(root)), options)


def chips(sensors: Temperature, now: float) -> dict[str, float]:
    """Return the first sensor of each chip, by the beginning of its name."""
    return {name.replace("-", "_").partition("_")[0]: degrees for name, degrees in sensors.collect(now).items()}


def test_an_old_kernels_sensors_are_in_the_devices_folder(tmp_path: Path) -> None:
    """Before Linux 3.13 a chip's files, its name too, were in ``device`` (psutil#1108, psutil#1245)."""
    chip(tmp_path, "hwmon0/device", name="coretemp", temp2_input="51000", temp2_label="Core 0")
    ((name, degrees),) = collector(tmp_path).collect(0.0).items()
    assert (name.startswith("coretemp"), "Core_0" in name, degrees) == (True, True, 51.0)


def test_a_sensor_that_is_in_both_places_is_one(tmp_path: Path) -> None:
    """A chip whose ``device`` holds another chip's files must not show them again (node_exporter#406)."""
    ambient = chip(tmp_path, "hwmon4", name="dell_smm", temp1_input="30000", temp1_label="Ambient")
    fans = chip(tmp_path, "hwmon5", name="dell_fans", fan1_input="900")
    (fans / "device").symlink_to(ambient)
    ((name, degrees),) = collector(tmp_path).collect(0.0).items()
    assert ("Ambient" in name, degrees) == (True, 30.0)


def test_what_is_no_temperature_is_left_out(tmp_path: Path) -> None:
    """psutil#1323 (an empty file), psutil#2960 (0 K stands for nothing), a switched-off radio (psutil#1104)."""
    chip(tmp_path, "hwmon0", name="asus", temp1_input="", temp2_input="-273150", temp3_input="45500")
    radio = chip(tmp_path, "hwmon1", name="iwlwifi", temp1_input="0")
    (radio / "temp1_input").unlink()
    (radio / "temp1_input").mkdir()  # reading it fails, as EIO does
    assert list(collector(tmp_path).collect(0.0).values()) == [45.5]


def test_a_chip_that_leaves_during_the_search_takes_no_other_along(tmp_path: Path) -> None:
    (tmp_path / "class/hwmon").mkdir(parents=True)
    (tmp_path / "class/hwmon/hwmon0").symlink_to(tmp_path / "gone")
    chip(tmp_path, "hwmon1", name="cpu", temp1_input="40000")
    assert list(find_sensors(str(tmp_path)).values()) == [f"{tmp_path}/class/hwmon/hwmon1/temp1_input"]


def test_sensors_on_a_wire_are_left_to_those_who_ask_for_them(tmp_path: Path) -> None:
    """Reading one takes a second and disturbs whoever else reads it (psutil#2451)."""
    chip(tmp_path, "hwmon0", name="w1_slave_temp", temp1_input="21000")
    chip(tmp_path, "hwmon1", name="cpu", temp1_input="40000")
    assert chips(collector(tmp_path), 0.0) == {"cpu": 40.0}
    assert chips(collector(tmp_path, exclude=[]), 0.0) == {"cpu": 40.0, "w1": 21.0}
    assert chips(collector(tmp_path, exclude=["cpu*"]), 0.0) == {"w1": 21.0}


class Clock:
    """A clock that only the sensors move, each by what reading it takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **takes_s: float) -> None:
        self.now, self.takes_s = 0.0, takes_s
        self.read: list[str] = []
        monkeypatch.setattr(temperature, "read_once", self._read_once)
        monkeypatch.setattr(temperature, "perf_counter", lambda: self.now)

    def _read_once(self, path: str, size: int) -> bytes:
        name = (Path(path).parent / "name").read_text().strip()
        if path.endswith("_input"):
            self.read.append(name)
            self.now += self.takes_s[name]
        return Path(path).read_bytes()[:size]


def test_zones_of_a_host_without_chips_can_be_left_out_too(tmp_path: Path) -> None:
    for number, (kind, text) in enumerate((("battery", "30000"), ("soc", "52000"))):
        zone = tmp_path / f"class/thermal/thermal_zone{number}"
        zone.mkdir(parents=True)
        (zone / "type").write_text(f"{kind}\n")
        (zone / "temp").write_text(f"{text}\n")
    assert chips(collector(tmp_path), 0.0) == {"battery": 30.0, "soc": 52.0}
    assert chips(collector(tmp_path, exclude=["batt*"]), 0.0) == {"soc": 52.0}


def test_a_slow_sensor_is_left_out_until_the_next_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chip(tmp_path, "hwmon0", name="slow", temp1_input="21000")
    chip(tmp_path, "hwmon1", name="quick", temp1_input="40000")
    clock = Clock(monkeypatch, slow=2 * SLOW_S, quick=SLOW_S / 2)
    sensors = collector(tmp_path)
    for _ in range(2):
        assert set(chips(sensors, 0.0)) == {"slow", "quick"}
    for now in (15.0, 30.0, SEARCH_EVERY_S - 1):
        assert set(chips(sensors, now)) == {"quick"}
    for _ in range(2):
        assert set(chips(sensors, SEARCH_EVERY_S)) == {"slow", "quick"}
    assert clock.read.count("slow") == 4


def test_a_sensor_that_was_slow_now_and_then_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chip(tmp_path, "hwmon0", name="cpu", temp1_input="40000")
    clock = Clock(monkeypatch, cpu=0.0)
    sensors = collector(tmp_path)
    for number in range(9):
        clock.takes_s["cpu"] = 9.0 if number % 2 else 0.0
        assert set(chips(sensors, float(number))) == {"cpu"}
