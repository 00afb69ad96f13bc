"""The collectors raid, ext4, scsi and edac: what storage and memory say of their own failures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors import edac, ext4, raid, scsi
from saltern_modules.collectors.explained import unnamed
from support.trees import plant

WHOLE = {"active": 1, "disks_failed": 0, "disks_spare": 0, "degraded": 0, "syncing": 0}
HEAD = "Personalities : [raid1] [raid6] [raid5] [raid4]\n"
TAIL = "unused devices: <none>\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "md0 : active raid1 sdb1[1] sda1[0]\n      1046528 blocks super 1.2 [2/2] [UU]\n      \n",
            {"md0": {**WHOLE, "disks_wanted": 2, "disks_active": 2}},
        ),
        (
            "md0 : active (auto-read-only) raid1 sdb1[1](F) sda1[0] sdc1[2](S)\n"
            "      1046528 blocks super 1.2 [2/1] [U_]\n      bitmap: 1/1 pages [4KB], 65536KB chunk\n",
            {
                "md0": {
                    **WHOLE,
                    "disks_wanted": 2,
                    "disks_active": 1,
                    "disks_failed": 1,
                    "disks_spare": 1,
                    "degraded": 1,
                }
            },
        ),
        (
            "md127 : active raid5 sdd1[3] sdc1[1] sdb1[0]\n"
            "      2093056 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/2] [UU_]\n"
            "      [==>..................]  recovery = 12.6% (132096/1046528) finish=1.1min speed=13209K/sec\n",
            {
                "md127": {
                    **WHOLE,
                    "disks_wanted": 3,
                    "disks_active": 2,
                    "degraded": 1,
                    "syncing": 1,
                    "sync_percent": 12.6,
                    "sync_seconds_left": 66.0,
                    "sync_bytes_per_s": 13209 * 1024,
                }
            },
        ),
        (
            "md0 : active raid0 sdb[1] sda[0]\n      976508928 blocks super 1.2 512k chunks\n",
            {"md0": {**WHOLE, "disks_wanted": 2, "disks_active": 2}},
        ),
        (
            "md0 : inactive sdb1[1](S) sda1[0](S)\n      1046528 blocks super 1.2\n",
            {"md0": {**WHOLE, "active": 0, "disks_wanted": 0, "disks_active": 0, "disks_spare": 2}},
        ),
        (
            "md_home : active raid1 nvme0n1p3[0] nvme1n1p3[1](W)\n      9 blocks [2/2] [UU]\n        resync=DELAYED\n",
            {"md_home": {**WHOLE, "disks_wanted": 2, "disks_active": 2}},
        ),
        (
            "md127 : inactive sdb[1](S) sda[0](S)\n      6306 blocks super external:imsm\n\n"
            "md126 : active raid1 sda[1] sdb[0]\n      976759808 blocks super external:/md127/0 [2/2] [UU]\n",
            {"md126": {**WHOLE, "disks_wanted": 2, "disks_active": 2}},
        ),
        ("", {}),
    ],
    ids=["whole", "failed and spare", "recovering", "striped", "inactive", "delayed", "of a BIOS", "none"],
)
def test_arrays(text: str, expected: dict[str, Any]) -> None:
    assert raid.parse_mdstat((HEAD + text + TAIL).encode()) == expected


def test_an_array_is_told_with_what_its_last_check_found(tmp_path: Path) -> None:
    text = HEAD + "md0 : active raid1 sdb1[1] sda1[0]\n      9 blocks [2/2] [UU]\n" + TAIL
    source = plant(tmp_path, {"proc/mdstat": text, "sys/block/md0/md/mismatch_cnt": "128\n"})
    found = raid.Raid(source, {}).collect(1.0)
    assert found["md0"]["mismatches"] == 128
    assert found["md0"]["disks_active"] == 2
    recovering = raid.parse_mdstat(b"md0 : active raid1 a[0]\n  [2/1] recovery = 1.5% finish=1.1min speed=1K/sec\n")
    assert not list(unnamed("raid", {**found, **recovering}))


def test_a_host_without_arrays_has_no_raid(tmp_path: Path) -> None:
    assert raid.Raid(plant(tmp_path, {"proc/mdstat": HEAD + TAIL}), {}).collect(1.0) == {}


def test_ext4_tells_its_errors(tmp_path: Path) -> None:
    files = {
        "sys/fs/ext4/vda1/errors_count": "3\n",
        "sys/fs/ext4/vda1/warning_count": "1\n",
        "sys/fs/ext4/vda1/last_error_time": "1700000000\n",
        "sys/fs/ext4/dm-0/errors_count": "0\n",
        "sys/fs/ext4/dm-0/last_error_time": "0\n",
        "sys/fs/ext4/features/lazy_itable_init": "supported\n",
    }
    found = ext4.Ext4(plant(tmp_path, files), {}).collect(1.0)
    assert found == {
        "vda1": {"errors": 3, "warnings": 1, "last_error_time": 1700000000},
        "dm-0": {"errors": 0},
    }
    assert not list(unnamed("ext4", found))


def test_scsi_counts_are_hexadecimal(tmp_path: Path) -> None:
    files = {
        "sys/block/sda/device/ioerr_cnt": "0x1f\n",
        "sys/block/sda/device/iotmo_cnt": "0x2\n",
        "sys/block/sdb/device/ioerr_cnt": "0x0\n",
        "sys/block/vda/device/vendor": "0x1af4\n",
        "sys/block/sdc/device/ioerr_cnt": "what\n",
    }
    found = scsi.Scsi(plant(tmp_path, files), {}).collect(1.0)
    assert found == {"sda": {"errors": 31, "timeouts": 2}, "sdb": {"errors": 0}}
    assert not list(unnamed("scsi", found))


def test_a_scsi_disk_that_comes_later_is_found(tmp_path: Path) -> None:
    collector = scsi.Scsi(plant(tmp_path, {"sys/block/sda/device/ioerr_cnt": "0x0"}), {})
    assert set(collector.collect(0.0)) == {"sda"}
    plant(tmp_path, {"sys/block/sdb/device/ioerr_cnt": "0x0"})
    assert set(collector.collect(scsi.SEARCH_EVERY_S)) == {"sda", "sdb"}


def test_memory_errors_by_controller_and_module(tmp_path: Path) -> None:
    root = "sys/devices/system/edac/mc"
    files = {
        f"{root}/mc0/ce_count": "5\n",
        f"{root}/mc0/ue_count": "1\n",
        f"{root}/mc0/dimm0/dimm_ce_count": "5\n",
        f"{root}/mc0/dimm0/dimm_ue_count": "0\n",
        f"{root}/mc0/dimm10/dimm_ce_count": "0\n",
        f"{root}/mc0/power/control": "auto\n",
        f"{root}/mc1/ce_count": "0\n",
        f"{root}/mc1/rank2/dimm_ce_count": "4\n",
        f"{root}/power/control": "auto\n",
    }
    found = edac.Edac(plant(tmp_path, files), {}).collect(1.0)
    assert found == {
        "mc0": {
            "corrected": 5,
            "uncorrected": 1,
            "dimm0": {"corrected": 5, "uncorrected": 0},
            "dimm10": {"corrected": 0},
        },
        "mc1": {"corrected": 0, "rank2": {"corrected": 4}},
    }
    assert not list(unnamed("edac", found))


@given(
    data=st.binary(max_size=300)
    | st.lists(
        st.sampled_from(["md0 : active ", "raid1 ", "sda[0](F) ", "\n  ", "[2/1] ", "recovery = ", "9.5%", "\n"]),
        max_size=20,
    ).map(lambda words: "".join(words).encode())
)
def test_garbage_gives_finite_numbers_or_nothing(data: bytes) -> None:
    for numbers in raid.parse_mdstat(data).values():
        assert all(math.isfinite(value) for value in numbers.values())
    assert isinstance(scsi.parse_count(data), int | None)
