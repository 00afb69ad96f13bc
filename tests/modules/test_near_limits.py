"""The collectors that tell how near a limit of the kernel's is: conntrack, entropy, neighbours, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from saltern_modules.collectors import conntrack, entropy, limits, neighbours
from saltern_modules.collectors.explained import unnamed
from saltern_modules.collectors.sampler import Sampler
from support.trees import options, plant

CONNTRACK = (
    "entries  clashres found new invalid ignore delete delete_list insert insert_failed drop early_drop\n"
    "0000002a  00000000 00000000 00000000 00000003 00000005 0 0 0 00000001 00000010 00000002\n"
    "0000002a  00000000 00000000 00000000 00000003 00000005 0 0 0 00000001 00000001 00000000\n"
)
ARP = (
    "entries  allocs   destroys table_fulls\n00000300 00000000 00000000 00000001\n00000300 00000002 00000000 00000004\n"
)


def test_the_firewalls_table(tmp_path: Path) -> None:
    files = {
        "proc/1/net/stat/nf_conntrack": CONNTRACK,
        "proc/sys/net/netfilter/nf_conntrack_count": "7\n",
        "proc/sys/net/netfilter/nf_conntrack_max": "84\n",
    }
    collector = conntrack.Conntrack(plant(tmp_path, files), {})
    found = collector.collect(1.0)
    assert found == {"count": 42, "insert_failed": 2, "dropped": 17, "early_dropped": 2, "max": 84, "percent": 50.0}
    assert not list(unnamed("conntrack", found))
    collector.files = plant(tmp_path, {"proc/sys/net/netfilter/nf_conntrack_max": "168\n"})
    assert collector.collect(1.0 + conntrack.LIMIT_EVERY_S)["percent"] == 25.0


def test_a_firewall_without_its_statistics_still_tells_its_count(tmp_path: Path) -> None:
    files = {"proc/sys/net/netfilter/nf_conntrack_count": "7\n", "proc/sys/net/netfilter/nf_conntrack_max": "70\n"}
    assert conntrack.Conntrack(plant(tmp_path, files), {}).collect(1.0) == {"count": 7, "max": 70, "percent": 10.0}


@pytest.mark.parametrize(
    ("available", "pool", "expected"),
    [
        (b"256\n", b"256\n", {"available": 256, "pool": 256, "percent": 100.0}),
        (b"128\n", b"4096\n", {"available": 128, "pool": 4096, "percent": 3.12}),
        (b"128\n", b"", {"available": 128}),
        (b"128\n", b"0", {"available": 128}),
        (b"x", b"4096", {}),
    ],
)
def test_entropy(available: bytes, pool: bytes, expected: dict[str, Any]) -> None:
    found = entropy.parse_entropy(available, pool)
    assert found == expected
    assert not list(unnamed("entropy", found))


def test_the_neighbours_of_both_families(tmp_path: Path) -> None:
    files = {
        "proc/net/stat/arp_cache": ARP,
        "proc/net/stat/ndisc_cache": "entries  allocs\n00000004 00000000\n",
        "proc/sys/net/ipv4/neigh/default/gc_thresh3": "1024\n",
        "proc/sys/net/ipv6/neigh/default/gc_thresh3": "1024\n",
    }
    found = neighbours.Neighbours(plant(tmp_path, files), {}).collect(1.0)
    assert found["ipv4"] == {"entries": 768, "overflows": 5, "max": 1024, "percent": 75.0}
    assert found["ipv6"] == {"entries": 4, "max": 1024, "percent": 0.39}
    assert not list(unnamed("neighbours", found))


def test_a_container_that_can_not_see_the_limit_tells_the_count(tmp_path: Path) -> None:
    found = neighbours.Neighbours(plant(tmp_path, {"proc/net/stat/arp_cache": ARP}), {}).collect(1.0)
    assert found == {"ipv4": {"entries": 768, "overflows": 5}}


def test_the_lower_of_two_limits_counts(tmp_path: Path) -> None:
    files = {
        "proc/loadavg": "0.29 0.10 0.02 3/8192 4242\n",
        "proc/sys/kernel/pid_max": "32768\n",
        "proc/sys/kernel/threads-max": "385000\n",
        "proc/sys/fs/aio-nr": "65536\n",
        "proc/sys/fs/aio-max-nr": "65536\n",
    }
    found = limits.Limits(plant(tmp_path, files), {}).collect(1.0)
    assert (found["threads"], found["threads_max"], found["threads_percent"]) == (8192, 32768, 25.0)
    assert (found["aio_requests"], found["aio_requests_percent"]) == (65536, 100.0)
    assert not list(unnamed("limits", found))
    assert limits.of_limit("threads", None, [1]) == limits.of_limit("threads", 1, [None, 0]) == {}


def test_what_hardly_moves_is_told_at_every_sample_and_measured_once_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"proc/sys/kernel/random/entropy_avail": "256", "proc/sys/kernel/random/poolsize": "256"}
    plant(tmp_path, files)
    at = [1000.0]
    monkeypatch.setattr("saltern_modules.collectors.sampler.time.monotonic", lambda: at[0])
    sampler = Sampler(options(tmp_path))
    sampler.sample()
    plant(tmp_path, {"proc/sys/kernel/random/entropy_avail": "64"})
    at[0] += 59.0
    resting = sampler.sample()
    assert resting["entropy"]["available"] == 256
    assert resting["collector"]["entropy"]["success"] == 1
    at[0] += 1.0
    assert sampler.sample()["entropy"]["available"] == 64


def test_what_failed_is_tried_again_at_the_next_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, {"proc/sys/kernel/random/entropy_avail": "256"})
    sampler = Sampler(options(tmp_path))
    with monkeypatch.context() as broken:
        broken.setattr(entropy, "parse_entropy", lambda *_: 1 / 0)
        assert sampler.sample()["collector"]["entropy"]["success"] == 0
    assert sampler.sample()["entropy"] == {"available": 256}
