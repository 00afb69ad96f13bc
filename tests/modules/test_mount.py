"""The module ``mount``: odd tables, options that aren't, failures; what Salt answers is in the scenarios."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _fstab, _rewriting
from saltern_modules._salt_errors import CommandNotFoundError
from support.strangers import needs_root

FSTAB = "# kept\n\n/dev/sda1 / ext4 defaults 0 1\n  # one two three four\n/dev/sda2 /a\\040b xfs ro"
MOUNTS = (
    "proc /proc proc rw,nosuid 0 0\n"
    "/dev/sda1 / ext4 rw,relatime 0 0\n"
    "//server/a\\040b /mnt/a\\040b cifs rw,uid=root,gid=0,user=a\\040b 0 0\n"
    "tmpfs / tmpfs rw 0 0\n"
    "odd\n"
)
INFO = (
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
    "25 22 0:22 / /mnt/a\\040b rw,nosuid master:1 propagate_from:2 - cifs //server/a\\040b rw,uid=0,gid=root\n"
    "odd line - x\n"
)


@pytest.fixture
def mount(minion: Any, tmp_path: Path) -> Any:
    own = tmp_path / "proc/self"
    own.mkdir(parents=True)
    (own / "mounts").write_text(MOUNTS)
    (own / "mountinfo").write_text(INFO)
    (tmp_path / "proc/swaps").write_text(
        "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/sda2  partition\t1048572\t0\t-2\n/a\\040b file 4 0 -3\n"
    )
    minion.opts["proc_root"] = str(tmp_path / "proc")
    return minion.load("mount")


@pytest.fixture
def ran(minion: Any) -> list[list[str]]:
    """What was to be run."""
    argvs: list[list[str]] = []

    def run_all(argv: list[str], **kwargs: Any) -> dict[str, Any]:
        argvs.append([os.path.basename(argv[0]), *argv[1:]])
        return {"retcode": 0, "stdout": "", "stderr": "", "pid": 1}

    minion.functions["cmd.run_all"] = run_all
    minion.functions["cmd.run"] = lambda argv, **kwargs: run_all(argv)["stdout"]
    return argvs


def test_blanks_in_mount_points(mount: Any) -> None:
    assert mount.active() == {
        "/proc": {"device": "proc", "alt_device": "proc", "fstype": "proc", "opts": ["rw", "nosuid"]},
        "/": {"device": "tmpfs", "alt_device": "tmpfs", "fstype": "tmpfs", "opts": ["rw"]},
        "/mnt/a\\040b": {
            "device": "//server/a\\040b",
            "alt_device": "//server/a b",
            "fstype": "cifs",
            "opts": ["rw", "uid=0", "gid=0", "user=a\\ b"],
        },
    }
    assert [mount.is_mounted(name) for name in ("/mnt/a b", "/mnt/a\\040b", "/mnt/a")] == [True, True, False]


def test_all_that_the_kernel_tells_of_a_mount(mount: Any, minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mount, "found", lambda name: "/sbin/blkid")
    minion.functions["disk.blkid"] = lambda: {"/dev/sda1": {"UUID": "AB-CD", "LABEL": "root"}, "//server/a b": {}}
    found = mount.active(extended=True)
    assert found["/"] == {
        "mountid": "22",
        "parentid": "1",
        "major": "8",
        "minor": "1",
        "root": "/",
        "opts": ["rw", "relatime"],
        "fstype": "ext4",
        "device": "/dev/sda1",
        "alt_device": "/dev/sda1",
        "device_uuid": "ab-cd",
        "superopts": ["rw", "errors=remount-ro"],
        "device_label": "root",
    }
    assert found["/mnt/a\\040b"]["device"] == "//server/a\\ b"
    assert found["/mnt/a\\040b"]["superopts"] == ["rw", "uid=0", "gid=0"]
    monkeypatch.setattr(mount, "found", lambda name: None)
    assert mount.active(extended=True)["/"]["device_uuid"] is None


def test_swaps(mount: Any, ran: list[list[str]]) -> None:
    assert mount.swaps() == {
        "/dev/sda2": {"type": "partition", "size": "1048572", "used": "0", "priority": "-2"},
        "/a\\040b": {"type": "file", "size": "4", "used": "0", "priority": "-3"},
    }
    assert mount.swapon("/dev/sda2") == {"stats": mount.swaps()["/dev/sda2"], "new": False}
    assert mount.swapoff("/dev/sda2") is False
    assert mount.swapon("/dev/sda3", 5) == {}
    assert ran == [["swapoff", "--", "/dev/sda2"], ["swapon", "-p", "5", "--", "/dev/sda3"]]


@pytest.mark.parametrize(
    "call",
    [
        lambda mount: mount.mount("-a"),
        lambda mount: mount.mount("/mnt", "-a"),
        lambda mount: mount.mount("/mnt", "x", fstype="-a"),
        lambda mount: mount.mount(""),
        lambda mount: mount.remount("--all", "tmpfs"),
        lambda mount: mount.umount("/", "-a"),
        lambda mount: mount.swapon("-a"),
    ],
)
def test_nothing_given_is_an_option(mount: Any, ran: list[list[str]], call: Callable[[Any], Any]) -> None:
    with pytest.raises(CommandError, match="is no "):
        call(mount)
    assert ran == []


def test_what_is_run(mount: Any, ran: list[list[str]]) -> None:
    assert mount.mount("/mnt/x", "/dev/sdb1", fstype="ext4", opts="ro,noexec") is True
    assert mount.mount("/mnt/x", opts="ro") is True
    assert mount.mount("/mnt/x", "/dev/sdb1", opts=None) is True
    assert mount.remount("/mnt/a b", "//server/a b", opts=["rw"]) is True
    assert mount.umount("/mnt/a b", lazy=True) is True
    assert ran == [
        ["mount", "-o", "ro,noexec", "-t", "ext4", "--", "/dev/sdb1", "/mnt/x"],
        ["mount", "--", "/mnt/x"],
        ["mount", "--", "/dev/sdb1", "/mnt/x"],
        ["mount", "-o", "rw,remount", "--", "//server/a b", "/mnt/a b"],
        ["umount", "-l", "--", "/mnt/a b"],
    ]


@needs_root
def test_a_mount_point_with_blanks_is_mounted_and_unmounted(minion: Any, tmp_path: Path) -> None:
    minion.functions["cmd.run_all"] = minion.load("cmd").run_all
    mount = minion.load("mount")
    point = str(tmp_path / "a b\tc/d")
    said = mount.mount(point, "tmpfs", mkmnt=True, fstype="tmpfs", opts="size=64k")
    if "permission denied" in str(said):
        pytest.skip("mounting is not permitted here")
    assert said is True
    try:
        assert mount.is_mounted(point)
        assert mount.get_mount_from_path(f"{point}/x") == point
        assert mount.get_device_from_path(point) == "tmpfs"
        assert mount.remount(point, "tmpfs", fstype="tmpfs", opts="ro") is True
        assert "ro" in mount.active()[point.replace(" ", "\\040").replace("\t", "\\011")]["opts"]
    finally:
        assert mount.umount(point) is True
    assert not mount.is_mounted(point)


@pytest.fixture
def fstab(tmp_path: Path) -> Path:
    path = tmp_path / "fstab"
    path.write_text(FSTAB)
    return path


def test_blanks_in_fstab(minion: Any, fstab: Path) -> None:
    tables = minion.load("mount_tables")
    config = str(fstab)
    assert list(tables.fstab(config)) == ["/", "/a\\040b"]
    assert tables.set_fstab("/c d", "//server/c d\te", "cifs", "user=a b", config=config) == "new"
    assert tables.set_fstab("/c d", "//server/c d\te", "cifs", "user=a\\ b", config=config) == "present"
    new = "//server/c\\040d\\011e\t\t/c\\040d\tcifs\tuser=a\\040b\t0 0\n"
    assert fstab.read_text() == f"{FSTAB}\n{new}", "all else is as it was; the last line was given an end"
    assert tables.rm_fstab("/c d", "//server/c d\te", config) is True
    assert tables.rm_fstab("/a\\040b", None, config) is True
    assert fstab.read_text() == FSTAB.rpartition("\n")[0] + "\n"


@pytest.mark.parametrize(
    "given",
    [
        {"name": "", "device": "/dev/sda1", "fstype": "ext4"},
        {"name": "/x", "device": "", "fstype": "ext4"},
        {"name": "/x", "device": "#/dev/sda1", "fstype": "ext4"},
        {"name": "/x", "device": "/dev/sda1", "fstype": "ext4", "opts": ""},
        {"name": "/x", "device": "/dev/sda1", "fstype": "ext4", "pass_num": None},
    ],
)
def test_no_entry_is_half_of_one(minion: Any, fstab: Path, given: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        minion.load("mount_tables").set_fstab(**given, config=str(fstab))
    assert fstab.read_text() == FSTAB


def test_a_newline_makes_no_line(minion: Any, fstab: Path) -> None:
    minion.load("mount_tables").set_fstab("/x\n/dev/evil / ext4", "a\nb", "ext4", config=str(fstab))
    assert fstab.read_text().splitlines()[-1] == "a\\012b\t\t/x\\012/dev/evil\\040/\\040ext4\text4\tdefaults\t0 0"


def test_keys_that_there_are_not(minion: Any, fstab: Path) -> None:
    tables = minion.load("mount_tables")
    with pytest.raises(CommandError, match='Unrecognized keys in match_on: "pass"'):
        tables.set_fstab("/x", "/dev/sda1", "ext4", match_on=["name", "pass"], config=str(fstab))


def test_a_full_disk_leaves_the_old_table(minion: Any, fstab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_rewriting, "write_all", full)
    tables = minion.load("mount_tables")
    config = str(fstab)
    with pytest.raises(CommandError, match=f"File not writable {config}"):
        tables.set_fstab("/x", "/dev/sdb1", "ext4", config=config)
    with pytest.raises(CommandError, match=f"Couldn't write to {config}"):
        tables.rm_fstab("/", "/dev/sda1", config)
    assert fstab.read_text() == FSTAB


def test_a_new_map_is_named_in_the_master_map(minion: Any, tmp_path: Path, ran: list[list[str]]) -> None:
    tables = minion.load("mount_tables")
    tables.AUTO_MASTER = str(tmp_path / "auto_master")
    config = str(tmp_path / "auto_salt")
    assert tables.set_automaster("/share", "/export", "nfs", config=config, test=True) == "new"
    assert not os.path.exists(config)
    for result in ("new", "present"):
        assert tables.set_automaster("/share", "/export", "nfs", "rw", config) == result
    assert Path(tables.AUTO_MASTER).read_text() == f"/-\t\t\t{config}\n"
    assert Path(config).read_text() == "/../share\t-fstype=nfs,rw\tnfs:/export\n"
    assert tables.set_automaster("/moved", "/export", "nfs", "rw", config, not_change=True) == "present"
    with pytest.raises(ArgumentError, match="blanks"):
        tables.set_automaster("/a b", "/export", "nfs", config=config)
    assert tables.rm_automaster("/share", "/other", config) is True
    assert tables.automaster(config)
    assert tables.rm_automaster("/share", "/export", config) is True
    assert Path(config).read_text() == ""


def test_a_cache_that_is_nonsense_is_empty(minion: Any) -> None:
    tables = minion.load("mount_tables")
    folder = Path(minion.opts["cachedir"])
    folder.mkdir()
    for text in ("[", "[1]", "mounts: 5", "mounts: {/x: 5}"):
        (folder / "mounts").write_text(text)
        assert tables.read_mount_cache("/x") == {}
    assert tables.write_mount_cache("/ü", "/dev/sdb1", False, "ext4", []) is True
    assert tables.read_mount_cache("/ü")["device"] == "/dev/sdb1"


def test_linked_to_libfuse(mount: Any, minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    minion.functions["cmd.run"] = lambda argv, **kwargs: "\tlibfuse3.so.3 => /lib/libfuse3.so.3 (0x0)"
    assert mount.is_fuse_exec("ls") is True
    monkeypatch.setattr(mount, "found", lambda name: None if name == "ldd" else f"/bin/{name}")
    with pytest.raises(CommandNotFoundError, match="ldd"):
        mount.is_fuse_exec("ls")


FIELD = st.text(min_size=1, max_size=8).filter(lambda text: not text.startswith("#"))


@given(FIELD, FIELD, st.text())
def test_whatever_is_written_is_read(device: str, name: str, before: str) -> None:
    entry = {"device": device, "name": name, "fstype": "ext4", "opts": "ro", "dump": "0", "pass_num": "0"}
    written = {key: _fstab.encoded(value) for key, value in entry.items()}
    text, state = _fstab.with_entry(before, written, ["name"], not_change=False)
    if state == "new":
        found = _fstab.parse_fstab(text)
        assert any(
            row["device"] == written["device"] and point.startswith(written["name"]) for point, row in found.items()
        )
        assert _fstab.without_entry(text, {"name": written["name"]}) in (before, f"{before}\n")
    if "\\" not in name:
        assert _fstab.decoded(_fstab.encoded(name)) == name


@given(st.text())
def test_any_table_is_parsed(text: str) -> None:
    for parse in (
        _fstab.parse_fstab,
        _fstab.parse_active,
        _fstab.parse_active_info,
        _fstab.parse_swaps,
        _fstab.parse_automaster,
        _fstab.decoded,
        _fstab.encoded,
    ):
        parse(text)  # type: ignore[operator]
    assert _fstab.with_automount(text, "/..x", "-fstype=y", "y:z", not_change=False)[1] == "new"
