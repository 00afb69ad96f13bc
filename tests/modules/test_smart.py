"""The collector smart: answers built by the published layouts, and the very commands that ask for them."""

from __future__ import annotations

import ctypes
import fcntl
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors import smart
from saltern_modules.collectors.asking.errand import Errand
from saltern_modules.collectors.explained import unnamed
from saltern_modules.collectors.reading import ata, nvme
from support.trees import plant

LONG_S = 30.0


def health_log(warning: int = 0, kelvin: int = 311, spare: int = 100, used: int = 3, **counters: int) -> bytes:
    log = bytearray(512)
    log[0] = warning
    struct.pack_into("<HBBB", log, 1, kelvin, spare, 10, used)
    for name, value in counters.items():
        at = nvme._COUNTERS[name][0]
        log[at : at + 16] = value.to_bytes(16, "little")
    return bytes(log)


def attributes(*given: tuple[int, int]) -> bytes:
    """A disk's table with these numbers and raw values."""
    data = bytearray(512)
    data[0] = 16
    for place, (number, raw) in enumerate(given):
        at = 2 + 12 * place
        data[at : at + 12] = struct.pack("<BHBB6sB", number, 0x0033, 100, 100, raw.to_bytes(6, "little"), 0)
    data[511] = -sum(data) % 256
    return bytes(data)


def sense(count: int = 0, lba_mid: int = 0, lba_high: int = 0) -> bytes:
    """Registers as T10's SAT puts them into sense data."""
    descriptor = bytes([0x09, 0x0C, 0, 0, 0, count, 0, 0, 0, lba_mid, 0, lba_high, 0, 0x50])
    return bytes([0x72, 0x01, 0x00, 0x1D, 0, 0, 0, len(descriptor)]) + descriptor


def test_an_nvme_drives_health() -> None:
    log = health_log(warning=1, kelvin=340, spare=9, used=104, bytes_written=7, power_on_hours=2**40, media_errors=5)
    assert nvme.parse_health(log) == {
        "healthy": 0,
        "critical_warning": 1,
        "temperature": 67,
        "spare_percent": 9,
        "spare_threshold_percent": 10,
        "used_percent": 104,
        "bytes_read": 0,
        "bytes_written": 7 * 512_000,
        "power_cycles": 0,
        "power_on_hours": 2**40,
        "unsafe_shutdowns": 0,
        "media_errors": 5,
        "error_log_entries": 0,
    }
    assert "temperature" not in nvme.parse_health(health_log(kelvin=0))
    assert nvme.parse_health(health_log()[:511]) == {}


def test_a_disks_attributes() -> None:
    found = ata.parse_attributes(
        attributes((5, 8), (9, 0x1234_0000_5000), (12, 77), (194, 0x0032_0015_0026), (197, 2), (199, 3), (241, 5))
    )
    assert found == {
        "reallocated_sectors": 8,
        "power_on_hours": 0x5000,
        "power_cycles": 77,
        "temperature": 0x26,
        "pending_sectors": 2,
        "cable_errors": 3,
    }


@pytest.mark.parametrize("data", [b"", bytes(512), attributes((5, 8))[:-1], attributes((5, 8))[:-1] + b"\x00"])
def test_a_damaged_answer_is_none(data: bytes) -> None:
    assert ata.parse_attributes(data) == {}


def test_registers() -> None:
    assert ata.parse_registers(sense(0xFF, 0x4F, 0xC2)) == ata.Registers(0xFF, 0x4F, 0xC2)
    assert ata.parse_registers(bytes(32)) is None
    assert ata.parse_registers(b"\x70" + sense()[1:]) is None


@given(data=st.binary(max_size=520))
def test_garbage_gives_numbers_or_nothing(data: bytes) -> None:
    for found in (nvme.parse_health(data), ata.parse_attributes(data)):
        assert all(isinstance(value, int) for value in found.values())
    ata.parse_registers(data)


class Drives:
    """Plays the kernel: answers the two commands from the bytes that each device holds."""

    def __init__(self, devices: Path) -> None:
        self.devices = devices
        self.asleep = False
        self.asked: list[str] = []

    def ioctl(self, descriptor: int, request: int, argument: bytearray) -> int:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        if request == nvme.NVME_IOCTL_ADMIN_CMD:
            return self._nvme(name, argument)
        assert request == ata.SG_IO
        fields = list(ata.HEADER.unpack(argument))
        assert chr(fields[0]) == "S"
        command = ctypes.string_at(fields[7], fields[2])
        assert len(command) == 16
        assert command[0] == 0x85
        self.asked.append({0xE5: "power", 0xB0: f"smart {command[4]:x}"}[command[14]])
        if command[14] == 0xE5:
            answer = sense(0x00 if self.asleep else 0xFF)
        elif command[4] == 0xDA:
            answer = sense(0, *(ata.FAILING if name == "sdb" else ata.GOOD))
        else:
            assert (command[10], command[12], command[6]) == (0x4F, 0xC2, 1)
            assert (fields[1], fields[5]) == (ata.FROM_DEVICE, 512)
            ctypes.memmove(fields[6], (self.devices / name).read_bytes(), 512)
            return 0
        ctypes.memmove(fields[8], answer, len(answer))
        fields[13] = ata.CHECK_CONDITION
        ata.HEADER.pack_into(argument, 0, *fields)
        return 0

    def _nvme(self, name: str, argument: bytearray) -> int:
        # struct nvme_passthru_cmd: the address is at 24, its length at 36, the log page's number at 40.
        assert len(argument) == 72
        opcode, namespace = argument[0], struct.unpack_from("=I", argument, 4)[0]
        address, length, page = (
            struct.unpack_from(form, argument, at)[0] for form, at in (("=Q", 24), ("=I", 36), ("=I", 40))
        )
        assert (opcode, namespace, length, page) == (0x02, 0xFFFFFFFF, 512, 0x02 | 127 << 16)
        content = (self.devices / name).read_bytes()
        if len(content) == 512:
            ctypes.memmove(address, content, 512)
            return 0
        return 0x2002


@pytest.fixture
def drives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drives:
    devices = tmp_path / "dev"
    devices.mkdir()
    played = Drives(devices)
    monkeypatch.setattr(smart, "DEVICES", str(devices))
    monkeypatch.setattr(fcntl, "ioctl", played.ioctl)
    go: Callable[..., bool] = Errand.go
    monkeypatch.setattr(Errand, "go", lambda self: go(self, LONG_S))
    return played


def watch(tmp_path: Path, files: dict[str, str]) -> smart.Smart:
    return smart.Smart(plant(tmp_path, files), {})


def test_every_drive_is_asked_in_its_own_way(tmp_path: Path, drives: Drives) -> None:
    for name, content in (
        ("nvme0", health_log(bytes_read=2)),
        ("nvme1", b"refuses"),
        ("sda", attributes((5, 8), (194, 30))),
        ("sdb", attributes((5, 9))),
    ):
        (drives.devices / name).write_bytes(content)
    files = {
        "sys/class/nvme/nvme0/model": "x",
        "sys/class/nvme/nvme1/model": "x",
        "sys/block/sda/device/vendor": "ATA     \n",
        "sys/block/sdb/device/vendor": "ATA     \n",
        "sys/block/sdc/device/vendor": "ATA     \n",
        "sys/block/sdd/device/vendor": "SEAGATE \n",
        "sys/block/vda/size": "5",
    }
    found = watch(tmp_path, files).collect(0.0)
    assert set(found) == {"nvme0", "nvme1", "sda", "sdb", "sdc"}
    assert (found["nvme0"]["read"], found["nvme0"]["healthy"], found["nvme0"]["bytes_read"]) == (1, 1, 1_024_000)
    assert found["nvme1"] == found["sdc"] == {"read": 0}
    assert found["sda"] == {"read": 1, "sleeping": 0, "healthy": 1, "reallocated_sectors": 8, "temperature": 30}
    assert found["sdb"] == {"read": 1, "sleeping": 0, "healthy": 0, "reallocated_sectors": 9}
    assert not list(unnamed("smart", found))


def test_a_sleeping_disk_is_let_sleep(tmp_path: Path, drives: Drives) -> None:
    (drives.devices / "sda").write_bytes(attributes((5, 8)))
    collector = watch(tmp_path, {"sys/block/sda/device/vendor": "ATA     \n"})
    awake = collector.collect(0.0)["sda"]
    drives.asked.clear()
    drives.asleep = True
    assert collector.collect(smart.ASK_EVERY_S - 1.0)["sda"] == awake
    assert drives.asked == []
    assert collector.collect(smart.ASK_EVERY_S)["sda"] == {**awake, "sleeping": 1}
    assert drives.asked == ["power"]


def test_a_drive_that_went_is_forgotten(tmp_path: Path, drives: Drives) -> None:
    (drives.devices / "nvme0").write_bytes(health_log())
    collector = watch(tmp_path, {"sys/class/nvme/nvme0/model": "x"})
    assert set(collector.collect(0.0)) == {"nvme0"}
    (tmp_path / "sys/class/nvme/nvme0/model").unlink()
    (tmp_path / "sys/class/nvme/nvme0").rmdir()
    assert collector.collect(smart.ASK_EVERY_S) == {}


def test_the_commands_have_the_kernels_sizes() -> None:
    assert nvme.COMMAND.size == 72
    assert ata.HEADER.size == (88 if struct.calcsize("P") == 8 else 64)
    assert all(len(each) == 16 for each in (ata.READ_DATA, ata.RETURN_STATUS, ata.CHECK_POWER_MODE))


def test_what_is_no_drive_refuses(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    questions: list[Callable[[str], Any]] = [smart.ask_nvme, smart.ask_ata]
    for ask in questions:
        with pytest.raises(OSError, match="ioctl"):
            ask(str(path))
