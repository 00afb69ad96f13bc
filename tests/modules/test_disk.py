"""The module ``disk``: what programs of other versions and hosts print, and options that aren't."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _disk_texts as texts


def test_df_of_names_with_blanks() -> None:
    text = (
        "Filesystem     1024-blocks  Used Available Capacity Mounted on\n"
        "df: /run/user/1000/doc: Operation not permitted\n"
        "/dev/sda1         1000 10   990       1% /\n"
        "//server/a b      2000 20  1980      28% /mnt/a b c\n"
        "none                 0  0     0       - /proc\n"
        "/dev/sdb1  ext4   3000 30  2970     100% /data\n"
    )
    assert texts.parse_df(text) == {
        "/": ("/dev/sda1", "1000", "10", "990", "1%"),
        "/mnt/a b c": ("//server/a b", "2000", "20", "1980", "28%"),
        "/proc": ("none", "0", "0", "0", "-"),
        "/data": ("/dev/sdb1 ext4", "3000", "30", "2970", "100%"),
    }


def test_blkid() -> None:
    text = (
        '/dev/sda1: UUID="ab-cd" BLOCK_SIZE="4096" TYPE="ext4" PARTLABEL="EFI system \\"x\\""\n'
        '/tmp/a b: LABEL="=" TYPE="swap"\nodd\n'
    )
    assert texts.parse_blkid(text) == {
        "/dev/sda1": {"UUID": "ab-cd", "BLOCK_SIZE": "4096", "TYPE": "ext4", "PARTLABEL": 'EFI system \\"x\\"'},
        "/tmp/a b": {"LABEL": "=", "TYPE": "swap"},
    }


@pytest.mark.parametrize("device", ["Device:", "Device"])
@pytest.mark.parametrize("point", [".", ","])
def test_iostat(device: str, point: str) -> None:
    report = (
        "avg-cpu:  %user   %nice %system %iowait  %steal   %idle\n"
        "           {0}.00    0.00    1.00    0.00    0.00   97.00\n"
        f"\n{device}   r/s   w/s  %util\nsda   {{0}}.00  0.50  0.01\nloop0  0.00 0.00 0.00\n\n"
    )
    text = f"Linux 6.1 (host)\n\n{report.format(1)}{report.format(2)}".replace(".", point)
    assert texts.parse_iostat(text) == {
        "sys": {"%user": 1.5, "%nice": 0.0, "%system": 1.0, "%iowait": 0.0, "%steal": 0.0, "%idle": 97.0},
        "sda": {"r/s": 1.5, "w/s": 0.5, "%util": 0.01},
        "loop0": {"r/s": 0.0, "w/s": 0.0, "%util": 0.0},
    }


HDPARM = (
    "\n/dev/sda:\n multcount     =  0 (off)\n IO_support    =  1 (32-bit)\n readonly      =  0 (off)\n"
    " geometry      = 60801/255/63, sectors = 976773168, start = 0\n HDIO_GET_NICE failed: Invalid argument\n"
    " drive state is:  standby\n Model=WDC, FwRev=01, SerialNo=\n max sectors   = 976771055/976773168, HPA is enabled\n"
    " empty =\nodd line\n"
)


def test_hdparm() -> None:
    assert texts.parse_hdparm(HDPARM, "/dev/sda") == {
        "multcount": [0, "off"],
        "io_support": [1, "32-bit"],
        "readonly": [0, "off"],
        "geometry": [60801, 255, 63, {"sectors": "976773168", "start": "0"}],
        "hdio_get_nice_failed": "Invalid argument",
        "drive_state": "standby",
        "model": ["WDC", {"FwRev": "01"}],
        "max_sectors": [976771055, 976773168, "HPA is enabled"],
    }


def test_hidden_areas() -> None:
    settings = {
        "/dev/sda": {"max_sectors": [976771055, 976773168, "HPA is enabled"]},
        "/dev/sdb": {"max_sectors": [5, 5, "HPA is disabled"]},
        "/dev/sdc": {"max_sectors": [5, 6, "HPA is disabled"]},
        "/dev/sdd": {},
        "/dev/sde": {"max_sectors": "odd"},
        "/dev/sdf": {"max_sectors": ["a", "b", "c"]},
    }
    assert texts.areas(settings) == {
        "/dev/sda": {"total": 976773168, "visible": 976771055, "hidden": 2113},
        "/dev/sdb": {"total": 5},
        "/dev/sdc": {"total": 6},
    }


SMART = (
    "smartctl 7.3\n\nID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE\n"
    "  5 Reallocated_Sector_Ct   0x0033   100   100   010    Pre-fail  Always       -       0\n"
    "194 Temperature_Celsius     0x0022   064   050   000    Old_age   Always       -       36 (Min/Max 20/50)\n"
    "240 Head_Flying_Hours       0x0000   100   253   000    Old_age   Offline      -       1 2 3\n\nother\n 7 x\n"
)


def test_smart() -> None:
    found = texts.parse_smart(SMART)
    assert list(found) == [5, 194, 240]
    assert found[5] == {
        "attribute_name": "Reallocated_Sector_Ct",
        "flag": "0x0033",
        "value": 100,
        "worst": 100,
        "thresh": 10,
        "type": "Pre-fail",
        "updated": "Always",
        "when_failed": "-",
        "raw_value": 0,
    }
    assert found[240]["raw_value"] == [1, 2, 3]
    assert texts.parse_smart(SMART, [194], ["value", "raw_value"]) == {
        194: {"value": 64, "raw_value": "36 (Min/Max 20/50)"}
    }


@given(st.text())
def test_any_output_is_parsed(text: str) -> None:
    assert all(len(row) == 5 for row in texts.parse_df(text).values())
    assert all(isinstance(tags, dict) for tags in texts.parse_blkid(text).values())
    columns = texts.parse_iostat(f"Device r/s\n{text}").values()
    assert all(isinstance(mean, float) for row in columns for mean in row.values())
    assert isinstance(texts.parse_hdparm(text, "/dev/sda"), dict)
    assert all(isinstance(number, int) for number in texts.parse_smart(f"ID# A B\n{text}"))


@pytest.fixture
def ran(minion: Any, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was to be run."""
    argvs: list[list[str]] = []

    def run_all(argv: list[str], **kwargs: Any) -> dict[str, Any]:
        argvs.append([os.path.basename(argv[0]), *argv[1:]])
        sectors = "/dev/sda:\n max sectors   = 976771055/976773168, HPA is enabled\n"
        stdout = sectors if "-N" in argv else "0\n" * 12 if "blockdev" in argv[0] else ""
        return {"retcode": 0, "stdout": stdout, "stderr": "", "pid": 1}

    minion.functions["cmd.run_all"] = run_all
    minion.functions["cmd.retcode"] = lambda argv, **kwargs: run_all(argv)["retcode"]
    return argvs


@pytest.fixture
def disk(minion: Any, monkeypatch: pytest.MonkeyPatch, ran: list[list[str]]) -> Any:
    module = minion.load("disk")
    monkeypatch.setattr(module, "needed", lambda name: f"/sbin/{name}")
    monkeypatch.setattr(module, "found", lambda name: f"/sbin/{name}")
    return module


@pytest.fixture
def devices(minion: Any, monkeypatch: pytest.MonkeyPatch, ran: list[list[str]]) -> Any:
    module = minion.load("disk_devices")
    monkeypatch.setattr(module, "needed", lambda name: f"/sbin/{name}")
    return module


@pytest.mark.parametrize(
    "call",
    [
        lambda disk, devices: disk.blkid("-g"),
        lambda disk, devices: disk.blkid(token="--help"),
        lambda disk, devices: disk.fstype("-x"),
        lambda disk, devices: disk.iostat(disks="-o JSON"),
        lambda disk, devices: disk.iostat(disks=["sda", "-j"]),
        lambda disk, devices: devices.tune("--report"),
        lambda disk, devices: devices.tune("/dev/sda", **{"read-ahead": "--setrw"}),
        lambda disk, devices: devices.wipe("-a"),
        lambda disk, devices: devices.dump("--report"),
        lambda disk, devices: devices.resize2fs("-M"),
        lambda disk, devices: devices.format_("-F"),
        lambda disk, devices: devices.format_("/dev/x", "-V"),
        lambda disk, devices: devices.hdparms("--security-erase"),
        lambda disk, devices: devices.hdparms("sda", "y"),
        lambda disk, devices: devices.hdparms("sda", "-security-erase"),
        lambda disk, devices: devices.hdparms("sda", ""),
        lambda disk, devices: devices.smart_attributes("-s off"),
    ],
)
def test_nothing_given_is_an_option(
    disk: Any, devices: Any, ran: list[list[str]], call: Callable[[Any, Any], Any]
) -> None:
    with pytest.raises(CommandError):
        call(disk, devices)
    assert ran == []


def test_what_is_run(disk: Any, devices: Any, ran: list[list[str]]) -> None:
    disk.usage("lk")
    disk.iostat(2, 3, "sda")
    disk.iostat(disks=["sda", "sdb"])
    devices.format_("/dev/x", inode_size=4096, lazy_itable_init=0, force=True, fat=32)
    devices.format_("/dev/x", "xfs", inode_size=512, force=True, lazy_itable_init=0)
    devices.format_("/dev/x", "vfat", fat=16, force=True)
    devices.hpa("sda", "5%")
    devices.hpa("sda", 100)
    devices.hpa("sda", 0)
    devices.tune("/dev/x", **{"read-ahead": 1024, "read-write": True, "__pub_jid": "1"})
    disk.fstype("/dev/x")
    assert [argv for argv in ran if argv[0] != "sync" and argv[1] != "-N"] == [
        ["df", "-P", "-lk"],
        ["iostat", "-xd", "2", "3", "sda"],
        ["iostat", "-xd", "1", "5", "sda", "sdb"],
        ["mkfs", "-t", "ext4", "-i", "4096", "-E", "lazy_itable_init=0", "-F", "/dev/x"],
        ["mkfs", "-t", "xfs", "-i", "size=512", "-f", "/dev/x"],
        ["mkfs", "-t", "vfat", "-F", "16", "/dev/x"],
        ["hdparm", "--yes-i-know-what-i-am-doing", "-Np927934509", "/dev/sda"],
        ["hdparm", "--yes-i-know-what-i-am-doing", "-Np976773068", "/dev/sda"],
        ["hdparm", "--yes-i-know-what-i-am-doing", "-Np976773168", "/dev/sda"],
        ["blockdev", "--setra", "1024", "--setrw", "/dev/x"],
        ["blockdev", *(f"--get{name}" for name in devices.DUMPED.split()), "/dev/x"],
        ["lsblk", "-o", "fstype", "--", "/dev/x"],
        ["df", "--output=fstype", "--", "/dev/x"],
    ]


def test_wrong_numbers(disk: Any, devices: Any) -> None:
    for interval, count in ((0, 1), (1, 0), ("x", 1), (1, None), (3600, 2)):
        with pytest.raises(CommandError, match=r"disk\.iostat: interval and count"):
            disk.iostat(interval, count)
    with pytest.raises(CommandError, match="sectors or a share"):
        devices.hpa("sda", "much")
    with pytest.raises(ArgumentError, match="Invalid keyword arguments: read-only=1, x=2"):
        devices.tune("/dev/x", **{"read-only": 1, "x": 2})


def test_the_numbers_of_a_device(devices: Any, minion: Any) -> None:
    numbers = "\n".join(map(str, range(12)))
    minion.functions["cmd.run_all"] = lambda argv, **kwargs: {"retcode": 0, "stdout": numbers, "stderr": ""}
    told = devices.dump("/dev/x")
    assert (len(told), told["getro"], told["getfra"]) == (12, "0", "11")
    assert devices.dump("/dev/x", ["getra"]) == {"getra": "10"}
    assert devices.tune("/dev/x", **{"read-write": True}) == {"getro": "0"}
    with pytest.raises(CommandError, match="there is no 'getx'"):
        devices.dump("/dev/x", ["getx"])
    minion.functions["cmd.run_all"] = lambda argv, **kwargs: {"retcode": 1, "stdout": "", "stderr": "no such device"}
    with pytest.raises(CommandError, match="no such device"):
        devices.smart_attributes("sda")
