"""Mounts as users of other agents have reported them, made for real: needs root, a loop device and mkfs.ext4."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern_modules.collectors.sampler import Sampler
from support import mounts

EVERYWHERE = {"stats": {"disk": {"exclude_mount": ["/dev/*", "/proc/*", "/sys/*"]}}}
"""Temporary folders may be where nobody measures by default."""


@pytest.fixture
def sampler() -> Sampler:
    return Sampler(EVERYWHERE)


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[mounts.Mount]:
    """Yield a small file system, of a size that no other one has."""
    with mounts.ext4(tmp_path / "volume", tmp_path / "image", 11) as mount:
        yield mount


def disks(sampler: Sampler) -> dict[str, Any]:
    metrics = sampler.sample("disk")
    assert metrics["collector"]["disk"]["success"] == 1
    found = metrics["disk"]
    assert isinstance(found, dict)
    return found


def test_what_was_mounted_since_the_start_comes_and_what_was_unmounted_goes(tmp_path: Path, sampler: Sampler) -> None:
    """node_exporter#1339 and node_exporter#1381, node_exporter#327: restarts were needed for both."""
    before = disks(sampler)
    with mounts.ext4(tmp_path / "volume", tmp_path / "image", 11):
        (name,) = disks(sampler).keys() - before.keys()
        assert name.endswith("volume")
    assert disks(sampler).keys() == before.keys()


def test_read_only_is_told_and_has_numbers(volume: mounts.Mount, sampler: Sampler) -> None:
    """netdata#1606 (what became read-only was no longer measured), netdata#12628 (nobody was told)."""

    def own() -> list[int]:
        return [values["readonly"] for name, values in disks(sampler).items() if name.endswith("volume")]

    assert own() == [0]
    volume.remount("ro")
    assert own() == [1]
    volume.remount("rw")
    assert own() == [0]


def test_a_mount_on_itself_is_one(volume: mounts.Mount, sampler: Sampler) -> None:
    """node_exporter#3261 (/nix/store, bound onto itself read-only), collectd#231 (a tmpfs below an ext4)."""
    path = str(volume.path)
    before = disks(sampler)
    subprocess.run(["mount", "--bind", path, path], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", path], check=True)
        after = disks(sampler)
        assert after.keys() == before.keys()
        assert [values["readonly"] for name, values in after.items() if name.endswith("volume")] == [1]
    finally:
        subprocess.run(["umount", path], check=True)


def test_numbers_are_those_of_df(volume: mounts.Mount, sampler: Sampler) -> None:
    """netdata#605, node_exporter#2106: those of the file system around it, when the wrong path was asked."""
    volume.fill()
    (found,) = [values for name, values in disks(sampler).items() if name.endswith("volume")]
    command = ["df", "--block-size=1", "--output=size,used,avail", str(volume.path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1]
    assert [found["total"], found["used"], found["available"]] == [int(number) for number in printed.split()]
    assert found["percent"] == 100.0
