"""The module ``sysctl`` on a tree of sample files; what the kernel itself answers is in the scenarios."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _rewriting
from saltern_modules import _sysctl_tree as tree


@pytest.fixture
def proc(tmp_path: Path, minion: Any) -> Path:
    root = tmp_path / "proc"
    for name, value in {
        "kernel/ostype": "Linux\n",
        "kernel/empty": "\n",
        "kernel/several": "one\ntwo\n",
        "net/ipv4/tcp_rmem": "4096\t131072\t6291456\n",
        "net/ipv4/conf/eth0.7/forwarding": "1\n",
        "net/ipv4/neigh/lo/base_reachable_time": "30\n",
    }.items():
        path = root / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)
    (root / "sys/kernel/write_only").touch(0o200)
    minion.opts["proc_root"] = str(root)
    return root


def test_all_parameters_have_the_names_that_sysctl_gives(minion: Any, proc: Path) -> None:
    assert minion.load("linux_sysctl").show() == {
        "kernel.ostype": "Linux",
        "kernel.empty": "",
        "kernel.several": "two",
        "net.ipv4.tcp_rmem": "4096\t131072\t6291456",
        "net.ipv4.conf.eth0/7.forwarding": "1",
    }


def test_names_with_dots_and_slashes(minion: Any, proc: Path) -> None:
    sysctl = minion.load("linux_sysctl")
    assert sysctl.get("net.ipv4.conf.eth0/7.forwarding") == sysctl.get("net/ipv4/conf/eth0.7/forwarding") == "1"
    assert sysctl.get("kernel.several") == "one\ntwo"
    assert sysctl.get("kernel") == "\nLinux\none\ntwo"
    assert sysctl.assign("net.ipv4.conf.eth0/7.forwarding", 0) == {"net.ipv4.conf.eth0/7.forwarding": "0"}
    assert (proc / "sys/net/ipv4/conf/eth0.7/forwarding").read_text()[:1] == "0"


@pytest.mark.parametrize(
    "name", ["//.//.secret", "/../../secret", "../../secret", "a/../../../secret", "", ".", "a..b"]
)
def test_no_name_leads_out_of_the_tree(minion: Any, proc: Path, name: str) -> None:
    for place in (proc / "secret", proc.parent / "secret"):
        place.write_text("kept")
    sysctl = minion.load("linux_sysctl")
    with pytest.raises(CommandError, match="does not exist"):
        sysctl.assign(name, "lost")
    assert sysctl.get(name).startswith("sysctl: ")
    assert (proc / "secret").read_text() == (proc.parent / "secret").read_text() == "kept"


def test_what_the_kernel_refuses_is_said_as_sysctl_says_it(
    minion: Any, proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sysctl = minion.load("linux_sysctl")
    for number, text in {
        errno.EINVAL: 'sysctl: setting key "kernel.ostype": Invalid argument',
        errno.EROFS: 'sysctl: setting key "kernel.ostype", ignoring: Read-only file system',
        errno.EACCES: "sysctl: permission denied on key 'kernel.ostype'",
    }.items():

        def refused(path: str, value: str, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(tree, "write", refused)
        with pytest.raises(CommandError) as raised:
            sysctl.assign("kernel.ostype", 1)
        assert str(raised.value) == f"sysctl -w failed: {text}"


@pytest.mark.parametrize(
    ("name", "value"),
    [("a\nb", "1"), ("a=b", "1"), ("#a", "1"), ("kernel.ostype", "1\nkernel.core_pattern=|/x"), ("a\0", "1")],
)
def test_no_value_makes_a_line_of_its_own(minion: Any, proc: Path, tmp_path: Path, name: str, value: str) -> None:
    config = tmp_path / "sysctl.conf"
    config.write_text("# kept\n")
    with pytest.raises(ArgumentError):
        minion.load("linux_sysctl").persist(name, value, str(config))
    assert config.read_text() == "# kept\n"


def test_persist(minion: Any, proc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sysctl = minion.load("linux_sysctl")
    config = tmp_path / "d/sysctl.conf"
    value = proc / "sys/kernel/ostype"
    assert sysctl.persist("kernel.ostype", "BSD", str(config)) == "Updated"
    assert config.read_text() == "#\n# Kernel sysctl configuration\n#\nkernel.ostype = BSD\n"
    assert value.read_text().startswith("BSD\n")
    value.write_text("BSD\n")
    assert sysctl.persist("kernel.ostype", "BSD", str(config)) == "Already set"
    value.write_text("Linux\n")
    assert sysctl.persist("kernel.ostype", "BSD", str(config)) == "Updated", "it was lost since it booted"
    assert value.read_text().startswith("BSD")
    config.write_text("; mine\nkernel.ostype=1\n\n# old\nkernel.ostype = 2")
    config.chmod(0o600)
    assert sysctl.persist("kernel.ostype", "GNU", str(config)) == "Updated"
    assert config.read_text() == "; mine\nkernel.ostype = GNU\n\n# old\nkernel.ostype = GNU\n"
    assert config.stat().st_mode & 0o777 == 0o600
    config.write_text("a = 1")
    assert sysctl.persist("kernel.ostype", "Hurd", str(config)) == "Updated"
    assert config.read_text() == "a = 1\nkernel.ostype = Hurd\n", "a last line without an end gets one"

    def full(fd: int, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_rewriting, "write_all", full)
    with pytest.raises(CommandError, match="Could not write to file: "):
        sysctl.persist("kernel.ostype", "Plan9", str(config))
    assert "Hurd" in config.read_text()


def test_the_file_that_is_written_by_default(minion: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sysctl = minion.load("linux_sysctl")
    monkeypatch.setattr(sysctl, "BOOTED_BY_SYSTEMD", str(tmp_path))
    assert sysctl.default_config() == "/etc/sysctl.d/99-salt.conf"
    monkeypatch.setattr(sysctl, "BOOTED_BY_SYSTEMD", str(tmp_path / "no"))
    assert sysctl.default_config() == "/etc/sysctl.conf"


@given(st.text(), st.text(min_size=1))
def test_any_file_is_parsed(text: str, value: str) -> None:
    tree.parse_config(text)
    tree.path_of(text)
    if "\n" not in value and "\r" not in value:
        assert "x.y = 1\n" in tree.with_value(text, "x.y", "1")
