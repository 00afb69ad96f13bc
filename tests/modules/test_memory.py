"""Memory as old kernels, containers and file systems with a cache of their own tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern_modules.collectors.memory import KIB, Memory, parse_arcstats, parse_huge_pages
from saltern_modules.collectors.source import Source

ARCSTATS = """13 1 0x01 147 39984 8093514262 139414853245
name                            type data
hits                            4    5218
c                               4    16106127360
c_min                           4    1073741824
c_max                           4    17179869184
size                            4    11811160064
compressed_size                 4    9999
"""


def host(root: Path, meminfo: dict[str, int], arcstats: str = "") -> Memory:
    """Return the collector of a host with these fields (kB; huge pages are counted) and this ARC."""
    pages = ("HugePages_Total", "HugePages_Free", "HugePages_Rsvd")
    lines = [f"{name}: {value:>12}{'' if name in pages else ' kB'}\n" for name, value in meminfo.items()]
    (root / "meminfo").write_text("".join(lines))
    if arcstats:
        (root / "spl/kstat/zfs").mkdir(parents=True)
        (root / "spl/kstat/zfs/arcstats").write_text(arcstats)
    return Memory(Source(str(root)), {})


@pytest.mark.parametrize(
    ("meminfo", "available_kib"),
    [
        # A kernel before 3.14: reclaimable slab is to be had, what tmpfs holds is not (psutil#685).
        (
            {
                "MemTotal": 49285836,
                "MemFree": 327392,
                "Buffers": 364,
                "Cached": 3790796,
                "Shmem": 33552,
                "SReclaimable": 43000000,
            },
            327392 + 364 + 3790796 - 33552 + 43000000,
        ),
        # tmpfs may hold more than the files of a moment ago; nothing is below nothing.
        ({"MemTotal": 1000, "MemFree": 0, "Cached": 100, "Shmem": 150}, 0),
        # A kernel whose own figure is 0 (psutil#1915), one in a container whose figure is the host's (glances#3358).
        ({"MemTotal": 2034872, "MemFree": 1404800, "MemAvailable": 0, "Cached": 337820, "Shmem": 13528}, 1729092),
        ({"MemTotal": 524288, "MemFree": 300000, "MemAvailable": 8000000, "Cached": 100000}, 400000),
        # A container's own free and cached may add up to more than it has (lxcfs#84).
        ({"MemTotal": 998384, "MemFree": 987608, "MemAvailable": 1000000, "Cached": 119540}, 998384),
        # The kernel's figure is taken wherever it can be one.
        ({"MemTotal": 2034872, "MemFree": 1404800, "MemAvailable": 8844, "Cached": 337820}, 8844),
        ({"MemTotal": 1000, "MemFree": 900, "MemAvailable": 1000}, 1000),
    ],
)
def test_what_programs_can_have(tmp_path: Path, meminfo: dict[str, int], available_kib: int) -> None:
    metrics = host(tmp_path, meminfo).collect(0.0)
    total = meminfo["MemTotal"]
    assert metrics["available"] == available_kib * KIB
    assert metrics["used"] == (total - available_kib) * KIB
    assert metrics["percent"] == round(100.0 * (total - available_kib) / total, 2)


def test_the_cache_of_zfs_is_available_down_to_its_minimum(tmp_path: Path) -> None:
    """netdata#12843, telegraf#15663; its minimum stays, and the whole is all memory (netdata#7871)."""
    gib = 1 << 20
    metrics = host(tmp_path, {"MemTotal": 31 * gib, "MemFree": 4 * gib, "MemAvailable": 8 * gib}, ARCSTATS).collect(0.0)
    assert metrics["zfs_arc"] == 11811160064  # 11 GiB, of which 1 stays
    assert metrics["available"] == 18 * gib * KIB
    assert metrics["used"] == 13 * gib * KIB
    assert metrics["percent"] == round(100 * 13 / 31, 2)


def test_a_cache_below_its_minimum_gives_nothing_and_none_is_not_told(tmp_path: Path) -> None:
    small = ARCSTATS.replace("11811160064", "1000000000")
    memory = {"MemTotal": 1 << 22, "MemFree": 1 << 20, "MemAvailable": 1 << 21}
    with_arc = host(tmp_path, memory, small).collect(0.0)
    assert (with_arc["zfs_arc"], with_arc["available"]) == (1000000000, (1 << 21) * KIB)
    (tmp_path / "spl/kstat/zfs/arcstats").write_text("something else\n")
    assert "zfs_arc" not in Memory(Source(str(tmp_path)), {}).collect(0.0)


@pytest.mark.parametrize("data", [b"", b"size 4\n", b"size 4 x\nc_min 4 y\n", b"sizes 4 5\n", b"size 4 -5\n"])
def test_what_is_no_account_of_the_cache(data: bytes) -> None:
    assert parse_arcstats(data) is None


def test_huge_pages_that_are_set_aside_are_told(tmp_path: Path) -> None:
    """To ordinary programs they are gone; how many of them are free says why (netdata#22867, collectd#2914)."""
    metrics = host(
        tmp_path,
        {
            "MemTotal": 263976912,
            "MemAvailable": 20000000,
            "HugePages_Total": 115200,
            "HugePages_Free": 5200,
            "HugePages_Rsvd": 200,
            "Hugepagesize": 2048,
        },
    ).collect(0.0)
    page = 2 << 20
    assert metrics["huge_total"] == 115200 * page
    assert metrics["huge_free"] == 5200 * page
    assert metrics["huge_reserved"] == 200 * page
    assert metrics["used"] == (263976912 - 20000000) * KIB


@pytest.mark.parametrize("data", [b"", b"HugePages_Total:  0\nHugepagesize: 2048 kB\n", b"HugePages_Total:  9\n"])
def test_a_host_without_huge_pages_has_no_numbers_of_them(data: bytes) -> None:
    assert parse_huge_pages(data) == {}
