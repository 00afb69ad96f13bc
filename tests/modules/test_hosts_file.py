"""The module ``hosts``: what recorded answers of Salt don't show."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _rewriting
from saltern_modules._hosts_file import Line, parse_hosts, parse_line, with_last, with_names, without_name
from support.strangers import folder_of_a_stranger, link_of_a_stranger, needs_root

TEXT = (
    "# our hosts\n"
    "\n"
    "127.0.0.1   localhost  # ourselves\n"
    "  # further in # twice\n"
    "10.0.0.7 web1\twww # the # web\n"
    "\n"
    "10.0.0.8 db1\n"
)


@pytest.fixture
def file(tmp_path: Path, minion: Any) -> Path:
    path = tmp_path / "hosts"
    path.write_text(TEXT)
    minion.functions["config.option"] = {"hosts.file": str(path)}.__getitem__
    return path


def test_lines_that_a_change_is_not_about_stay(minion: Any, file: Path) -> None:
    hosts = minion.load("hosts")
    file.chmod(0o640)
    assert hosts.add_host("10.0.0.8", "db2")
    assert hosts.add_host("10.0.0.9", "new")
    assert hosts.set_comment("127.0.0.1", "me")
    assert hosts.rm_host("10.0.0.7", "www")
    assert file.read_text() == (
        "# our hosts\n"
        "\n"
        "127.0.0.1\t\tlocalhost\t\t# me\n"
        "  # further in # twice\n"
        "10.0.0.7\t\tweb1 # the # web\n"
        "\n"
        "10.0.0.8\t\tdb1 db2\n"
        "10.0.0.9\t\tnew\n"
    )
    assert file.stat().st_mode & 0o777 == 0o640
    assert hosts.rm_host("10.0.0.9", "new")
    assert "10.0.0.9" not in file.read_text()


def test_bytes_that_are_no_text_stay(minion: Any, file: Path) -> None:
    file.write_bytes(b"10.0.0.1 one # \xe4\xff\n")
    hosts = minion.load("hosts")
    assert hosts.get_ip("one") == "10.0.0.1"
    assert hosts.add_host("10.0.0.2", "two")
    assert file.read_bytes() == b"10.0.0.1 one # \xe4\xff\n10.0.0.2\t\ttwo\n"


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("add_host", ("10.0.0.1", "a\n6.6.6.6 bank")),
        ("add_host", ("10.0.0.1\n6.6.6.6", "a")),
        ("add_host", ("10.0.0.1 x", "a")),
        ("add_host", ("", "a")),
        ("add_host", ("#", "a")),
        ("add_host", ("10.0.0.1", "a#b")),
        ("set_host", ("10.0.0.1", "a", "b\n6.6.6.6 bank")),
        ("set_host", ("10.0.0.1", "a\r6.6.6.6 bank")),
        ("set_comment", ("10.0.0.7", "x\n6.6.6.6 bank")),
    ],
)
def test_no_argument_makes_a_line_of_its_own(minion: Any, file: Path, function: str, args: tuple[str, ...]) -> None:
    with pytest.raises(ArgumentError):
        getattr(minion.load("hosts"), function)(*args)
    assert file.read_text() == TEXT


def test_a_full_disk_leaves_the_old_file(minion: Any, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> None:
        os.write(fd, data[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_rewriting, "write_all", full)
    with pytest.raises(CommandError, match=r"can't write .*hosts: No space left"):
        minion.load("hosts").add_host("10.0.0.1", "one")
    assert file.read_text() == TEXT
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".saltern")] == []


@needs_root
def test_a_strangers_link_leads_nowhere(minion: Any, file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "shadow"
    secret.write_text("root\n")
    folder = folder_of_a_stranger(tmp_path / "theirs")
    minion.functions["config.option"] = lambda name: str(link_of_a_stranger(folder / "hosts", secret))
    with pytest.raises(CommandError, match="another user's"):
        minion.load("hosts").add_host("10.0.0.1", "one")
    assert secret.read_text() == "root\n"


def test_a_file_that_can_not_be_read_is_one_line(minion: Any, file: Path) -> None:
    file.unlink()
    file.mkdir()
    with pytest.raises(CommandError, match=r"can't read .*hosts: Is a directory"):
        minion.load("hosts").list_hosts()


LINES = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(["10.0.0.1 a b", "10.0.0.1 c # d", "# e", "", "f", "10.0.0.2 x\x0b10.0.0.1 a"]),
    )
)


@given(LINES, st.booleans())
def test_any_text_is_changed_only_where_it_is_meant(lines: list[str], ended: bool) -> None:
    text = "\n".join(lines) + ("\n" if ended else "")
    parse_hosts(text)
    others = [line for line in text.split("\n") if (said := parse_line(line)) is None or said.ip != "10.0.0.1"]

    def kept(changed: str) -> bool:
        rest = changed.split("\n")
        return all(rest.count(line) >= others.count(line) for line in others if line.strip())

    def named(line: Line) -> Line:
        return line._replace(names=[*line.names, "new"])

    added = with_last(text, "10.0.0.1", named)
    assert kept(added)
    assert "new" in parse_hosts(added)["10.0.0.1"]["aliases"]
    replaced = with_names(text, "10.0.0.1", "x y", None)
    assert parse_hosts(replaced)["10.0.0.1"] == {"aliases": ["x", "y"]}
    assert "a" not in parse_hosts(without_name(text, "10.0.0.1", "a")).get("10.0.0.1", {"aliases": []})["aliases"]
