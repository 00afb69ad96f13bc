"""Which mounts are file systems of their own, from the kernel's tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors import disk, mounts
from saltern_modules.collectors.disk import Disk
from saltern_modules.collectors.mounts import Mount, choose, parse_mountinfo, parse_mounts
from saltern_modules.collectors.source import Source
from support.mounts import tmpfs

DEVICES = frozenset({"ext4", "xfs", "vfat", "btrfs"})
ROOT = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"


def points(text: str, **more: Any) -> list[str]:
    found = choose(parse_mountinfo((ROOT + text).encode()), DEVICES, [], [], **more)
    return [mount.point for mount in found.values() if mount.point != "/"]


def by_text(text: str) -> list[str]:
    return [mount.point for mount in choose(parse_mounts(text.encode()), DEVICES, [], []).values()]


def test_a_line_of_mountinfo() -> None:
    line = rb"36 35 98:0 /a\040b /mnt/x\011y rw,noatime master:1 shared:2 - ext3 /dev/root ro,errors=continue"
    assert parse_mountinfo(line) == [Mount("/dev/root", "/mnt/x\ty", "ext3", True, "98:0", "/a b", 36, 35)]
    assert parse_mountinfo(b"36 35 98:0 / /mnt ro - ext3 /dev/root rw")[0].readonly
    assert not parse_mountinfo(b"36 35 98:0 / /mnt rw - ext3 /dev/root rw")[0].readonly


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # Two overlays have one source and two devices.
        ("30 20 0:40 / /a rw - overlay overlay rw\n31 20 0:41 / /b rw - overlay overlay rw\n", ["/a", "/b"]),
        # Mounted twice, and a folder of it elsewhere: the first that shows all of it, shorter paths or not.
        (
            "30 20 8:2 /sub /s rw - ext4 /dev/sdb rw\n31 20 8:2 / /mnt/data rw - ext4 /dev/sdb rw\n"
            "32 20 8:2 / /d rw - ext4 /dev/sdb rw\n",
            ["/mnt/data"],
        ),
        # A file system of which only folders are mounted is told once.
        ("30 20 8:2 /x /data/x rw - ext4 /dev/sdb rw\n31 20 8:2 /y /data/y rw - ext4 /dev/sdb rw\n", ["/data/x"]),
        # Subvolumes are one file system, datasets are many.
        ("30 20 0:30 /@ /b rw - btrfs /dev/sdc rw\n31 20 0:30 /@home /b/home rw - btrfs /dev/sdc rw\n", ["/b"]),
        ("30 20 0:30 /@ /b rw - btrfs /dev/sdc rw\n31 20 0:30 / /top rw - btrfs /dev/sdc rw\n", ["/b"]),
        ("30 20 0:30 / /t rw - zfs tank rw\n31 30 0:31 / /t/home rw - zfs tank/home rw\n", ["/t", "/t/home"]),
        # Covered at its own place, and from above.
        ("30 20 8:2 / /a rw - ext4 /dev/sdb rw\n31 30 8:3 / /a rw - ext4 /dev/sdc rw\n", ["/a"]),
        (
            "30 20 8:2 / /a rw - ext4 /dev/sdb rw\n31 30 8:3 / /a rw - ext4 /dev/sdc rw\n"
            "32 31 8:4 / /a rw - tmpfs tmpfs rw\n",
            [],
        ),
        ("30 20 8:2 / /a/b rw - ext4 /dev/sdb rw\n31 20 8:3 / /a rw - ext4 /dev/sdc rw\n", ["/a"]),
        # Mounted below what covers it: seen.
        (
            "30 20 8:2 / /a/b rw - ext4 /dev/sdb rw\n31 20 8:3 / /a rw - ext4 /dev/sdc rw\n"
            "32 31 8:4 / /a/b rw - ext4 /dev/sdd rw\n",
            ["/a", "/a/b"],
        ),
        # A trigger of autofs is nothing; what it mounted is.
        ("30 20 0:50 / /auto rw - autofs systemd-1 rw\n", []),
        ("30 20 0:50 / /boot rw - autofs systemd-1 rw\n31 30 8:2 / /boot rw - vfat /dev/sdb1 rw\n", ["/boot"]),
        # Nothing that is stored nowhere, or elsewhere.
        ("30 20 0:60 / /tmp rw - tmpfs tmpfs rw\n31 20 0:61 / /n rw - nfs4 nas:/x rw\n", []),
        # Odd names of sources.
        ("30 20 8:2 / /a rw - ext4 /dev/root rw\n31 20 8:3 / /b rw - ext4 /dev/root rw\n", ["/a", "/b"]),
    ],
)
def test_file_systems_of_their_own(text: str, wanted: list[str]) -> None:
    assert points(text) == wanted


def test_the_mount_that_covers_is_the_one_that_is_told() -> None:
    table = f"{ROOT}30 20 8:2 / /a rw - ext4 /dev/sdb rw\n31 30 8:3 / /a ro - ext4 /dev/sdc ro\n"
    assert choose(parse_mountinfo(table.encode()), DEVICES, [], [])["a"].device == "/dev/sdc"


def test_a_root_over_the_first_root() -> None:
    table = "1 1 0:2 / / rw - rootfs rootfs rw\n20 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 20 8:2 / /a rw - ext4 x rw\n"
    assert list(choose(parse_mountinfo(table.encode()), DEVICES, [], [])) == ["root", "a"]
    assert choose(parse_mountinfo(table.encode()), DEVICES, [], [])["root"].device == "/dev/sda1"


def test_a_mounted_file_is_no_file_system() -> None:
    text = "30 20 8:9 /h /etc/hosts rw - ext4 /dev/sdx rw\n31 20 8:9 /v /data rw - ext4 /dev/sdx rw\n"
    assert points(text, is_file=lambda mount: mount.point.startswith("/etc")) == ["/data"]
    assert points(text, is_file=lambda mount: True) == []


def test_patterns_include_what_is_left_out() -> None:
    text = (
        "30 20 0:60 / /tmp rw - tmpfs tmpfs rw\n31 20 0:61 / /n rw - nfs4 nas:/x rw\n32 20 0:5 / /a rw - autofs s rw\n"
    )
    assert points(text, include_fstype=["tmpfs"]) == ["/tmp"]
    assert points(text, include_fstype=["nfs*", "autofs"]) == ["/n"]
    assert points(text, include_mount=["/*"]) == ["/tmp", "/n"]
    assert points(text, include_mount=["/*"], never_fstype=["tmpfs"]) == ["/n"]
    assert points(text, include_fstype=["*"], never_mount=["/n"]) == ["/tmp"]


def test_without_device_numbers_sources_must_do() -> None:
    assert by_text("overlay /a overlay rw 0 0\noverlay /b overlay rw 0 0\n") == ["/a", "/b"]
    assert by_text("/dev/v /mnt/data ext4 rw 0 0\n/dev/v /etc/h ext4 rw 0 0\n") == ["/mnt/data"]
    assert by_text("/dev/v /etc/h ext4 rw 0 0\n/dev/v / ext4 rw 0 0\n") == ["/"]
    assert by_text("/dev/v /a ext4 rw 0 0\n/dev/w /a ext4 rw 0 0\n") == ["/a"]
    assert by_text("/dev/v /a/b ext4 rw 0 0\n/dev/w /a ext4 rw 0 0\n") == ["/a"]
    assert by_text("proc /proc proc rw 0 0\n/dev/x /boot ext4 rw 0 0\n/dev/v / ext4 rw 0 0\n") == ["/boot", "/"]


def test_names_depend_on_nothing_else() -> None:
    lines = {
        point: f"/dev/{number} {point} ext4 rw 0 0\n"
        for number, point in enumerate(["/mnt/Дом", "/mnt/日本", "/mnt/x/y", "/mnt/x_y", "/", "/root"])
    }
    together = {
        mount.point: name
        for name, mount in choose(parse_mounts("".join(lines.values()).encode()), DEVICES, [], []).items()
    }
    alone = {point: next(iter(choose(parse_mounts(line.encode()), DEVICES, [], []))) for point, line in lines.items()}
    assert together == alone
    assert len(set(alone.values())) == len(lines)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "self").mkdir()
    (tmp_path / "filesystems").write_text("nodev\ttmpfs\n\text4\n")
    return tmp_path / "self/mountinfo"


def test_what_a_user_excludes_himself_stays_out(table: Path) -> None:
    table.write_text(ROOT + "30 20 0:60 / /dev/shm rw - tmpfs tmpfs rw\n31 20 0:61 / /tmp rw - tmpfs tmpfs rw\n")

    def chosen(**settings: list[str]) -> set[str]:
        return set(Disk(Source(str(table.parents[1])), settings).chosen())

    assert chosen() == {"root"}
    assert chosen(include_fstype=["tmpfs"]) == {"root", "dev_shm", "tmp"}, "the lists of the defaults yield"
    assert chosen(include_fstype=["tmpfs"], exclude_mount=["/dev/*"]) == {"root", "tmp"}
    assert chosen(include_mount=["/dev/shm"]) == {"root", "dev_shm"}


def test_only_what_never_hangs_is_asked_without_a_thread(table: Path) -> None:
    table.write_text(
        ROOT + "30 20 0:60 / /n rw - nfs4 nas:/x rw\n31 30 8:2 / /n/local rw - ext4 /dev/sdb rw\n"
        "32 20 8:3 / /f rw - fuseblk /dev/sdc rw\n33 20 8:4 / /l rw - ext4 /dev/sdd rw\n"
    )
    collector = Disk(Source(str(table.parents[1])), {"include_fstype": ["nfs4", "fuseblk"]})
    assert set(collector.chosen()) == {"root", "n", "n_local", "f", "l"}
    assert collector._at_once == {"root", "l"}, "the way to n_local leads over a server"


def test_the_hosts_table_is_that_of_its_first_process(table: Path, tmp_path: Path) -> None:
    table.write_text("20 1 8:1 / / rw - overlay overlay rw\n30 20 0:60 / /own rw - ext4 /dev/x rw\n")
    (tmp_path / "1").mkdir()
    (tmp_path / "1/mountinfo").write_text(ROOT)
    (tmp_path / "1/root").symlink_to("/")
    collector = Disk(Source(str(tmp_path)), {})
    assert set(collector.chosen()) == {"root"}
    assert collector.chosen()["root"].device == "/dev/sda1"


def test_below_another_root_a_mount_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    """A bind mount of the host's root without what is mounted on it shows empty folders, of another device."""
    (tmp_path / "root/proc").mkdir(parents=True)
    (tmp_path / "1").mkdir()
    device = os.stat(tmp_path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    (tmp_path / "1/mountinfo").write_text(f"20 1 {number} / / rw - ext4 a rw\n30 20 250:250 / /proc rw - ext4 b rw\n")
    collector = Disk(Source(str(tmp_path)), {"root": f"{tmp_path}/root/", "exclude_mount": []})
    (tmp_path / "filesystems").write_text("\text4\n")
    assert set(collector.chosen()) == {"root", "proc"}
    assert set(collector.collect(0.0)) == {"root"}
    nowhere = Disk(Source(str(tmp_path)), {"root": f"{tmp_path}/nowhere"})
    with pytest.raises(disk.NoReading, match="set stats: disk: root"):
        nowhere.collect(0.0)


def test_a_real_mount_and_a_file_bound_from_it(tmp_path: Path) -> None:
    import subprocess

    with tmpfs(tmp_path / "real"):
        (tmp_path / "real/file").touch()
        (tmp_path / "bound").touch()
        subprocess.run(["mount", "--bind", tmp_path / "real/file", tmp_path / "bound"], check=True)
        try:
            collector = Disk(Source(), {"include_mount": [f"{tmp_path}/*"]})
            ours = {mount.point for mount in collector.chosen().values() if mount.point.startswith(str(tmp_path))}
            assert ours == {f"{tmp_path}/real"}
            only = Disk(Source(), {"include_mount": [f"{tmp_path}/bound"]})
            assert not [mount for mount in only.chosen().values() if mount.point.startswith(str(tmp_path))]
            name = next(name for name, mount in collector.chosen().items() if mount.point == f"{tmp_path}/real")
            assert collector.collect(0.0)[name]["total"] == 4 << 20
        finally:
            subprocess.run(["umount", tmp_path / "bound"], check=True)


def test_an_ill_file_system_is_hung_and_one_that_is_gone_is_not_there() -> None:
    mount = Mount("x", "/x", "ext4", False)
    assert disk.told(mount, OSError(107, "Transport endpoint is not connected")) == {"hung": 1}
    assert disk.told(mount, OSError(116, "Stale file handle")) == {"hung": 1}
    assert disk.told(mount, None) == {"hung": 1}
    assert disk.told(mount, FileNotFoundError(2, "gone")) == {}
    assert disk.told(mount, PermissionError(13, "not for us")) == {}


WORDS = st.sampled_from(
    ["1", "20", "30", "8:1", "0:5", "/", "/a", "/a/b", "rw", "-", "ext4", "overlay", "x", "\\040", "²"]
)


@given(text=st.lists(st.lists(WORDS, max_size=12).map(" ".join), max_size=8).map("\n".join))
def test_any_table_gives_each_file_system_once(text: str) -> None:
    for found in (parse_mountinfo(text.encode()), parse_mounts(text.encode())):
        chosen = choose(found, DEVICES, [], [])
        assert len({mount.same() for mount in chosen.values()}) == len(chosen)
        assert {mount.point for mount in mounts.seen(found)} <= {mount.point for mount in found}
