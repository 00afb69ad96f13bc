"""The collector zfs, over built kstats."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors import zfs
from saltern_modules.collectors.explained import unnamed
from support.trees import plant

ARC = (
    "12 1 0x01 98 26656 5279000000 99990000000\nname                            type data\n"
    "hits                            4    {hits}\nmisses                          4    {misses}\n"
    "size                            4    1000\nc                               4    2000\n"
    "c_max                           4    4000\nl2_size                         4    0\n"
)


def test_pools_and_cache(tmp_path: Path) -> None:
    files = {
        "proc/spl/kstat/zfs/arcstats": ARC.format(hits=100, misses=10),
        "proc/spl/kstat/zfs/tank/state": "ONLINE\n",
        "proc/spl/kstat/zfs/my.pool/state": "DEGRADED\n",
        "proc/spl/kstat/zfs/old/io": "x",
    }
    collector = zfs.Zfs(plant(tmp_path, files), {})
    first = collector.collect(1.0)
    assert first["pools"] == {"tank": {"state": 1, "online": 1}, "my_pool": {"state": 2, "online": 0}}
    cache = {"hits": 100, "misses": 10, "size_bytes": 1000, "target_bytes": 2000, "max_bytes": 4000, "l2_size_bytes": 0}
    assert first["arc"] == cache
    collector.files = plant(tmp_path, {"proc/spl/kstat/zfs/arcstats": ARC.format(hits=175, misses=35)})
    second = collector.collect(11.0)
    assert second["arc"]["hit_percent"] == 75.0
    assert not list(unnamed("zfs", second))


@pytest.mark.parametrize(
    ("data", "state"), [(b"ONLINE\n", 1), (b"SUSPENDED", 7), (b"degraded\n", 2), (b"NEW WORD\n", 0), (b"", 0)]
)
def test_states(data: bytes, state: int) -> None:
    assert zfs.parse_state(data) == state


@given(data=st.binary(max_size=200) | st.text(alphabet="hits 4\n9", max_size=60).map(str.encode))
def test_garbage_gives_whole_numbers_or_nothing(data: bytes) -> None:
    assert all(isinstance(value, int) for value in zfs.parse_arc(data).values())
