"""The last lines of logs: times in all forms, files from their end, rotated ones, the journal, and what isn't read."""

from __future__ import annotations

import gzip
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _log_files
from saltern_modules._log_times import instant, stamp_of

NOW = 1795969361.0  # 2026-11-29T16:22:41Z, a Sunday


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("2026-11-29T16:22:41Z x", NOW),
        ("2026-11-29T16:22:41.250Z x", NOW + 0.25),
        ("2026-11-29T16:22:41.250123456789+00:00 x", NOW + 0.250123456),
        ("2026-11-29T17:22:41+0100 x", NOW),
        ("2026-11-29T11:52:41-04:30 x", NOW),
        ("2026-11-29 17:22:41,500 [main] INFO x", NOW + 0.5),
        ("[2026-11-29 17:22:41] x", NOW),
        ("<34>1 2026-11-29T16:22:41.250Z host su - ID47 - x", NOW + 0.25),
        ("Nov 29 17:22:41 host sshd[1]: x", NOW),
        ("<13>Nov 29 17:22:41 host x", NOW),
        ("Nov 30 17:00:00 host x", NOW + 86400 - 1361),  # its clock is ahead: within a day it is this year's
        ("Dec  1 17:22:41 host x", NOW + 2 * 86400 - 365 * 86400),
        ("Feb 29 12:00:00 host x", 1709204400.0),  # 2024
        ("1795969361 x", NOW),
        ("1795969361.25 x", NOW + 0.25),
        ("[1795969361] EXTERNAL COMMAND", NOW),
        ("1795969361250 x", NOW + 0.25),
        ("2026/11/29 17:22:41 [error] 1#1: *1 open() failed", NOW),
        ("[Sun Nov 29 17:22:41.250000 2026] [core:error] x", NOW + 0.25),
        ("[Sun Nov 29 17:22:41 2026] [error] x", NOW),
        ('10.0.0.1 - - [29/Nov/2026:16:22:41 +0000] "GET / HTTP/1.1" 200 1', NOW),
        ('::1 - fred [29/Nov/2026:17:22:41 +0100] "GET / HTTP/1.1" 200 1', NOW),
        ('{"level": "info", "time": "2026-11-29T16:22:41Z", "msg": "x"}', NOW),
        ('{"ts":1795969361.25,"msg":"x"}', NOW + 0.25),
        ('{"@timestamp": "2026-11-29T16:22:41.000Z"}', NOW),
        ('{"time": "later"}', None),
        ("Traceback (most recent call last):", None),
        ('  File "x", line 2026-11-29T16:22:41Z', None),
        ("", None),
        ("Nov 31 10:00:00 host x", None),
        ("2026-13-01T00:00:00Z x", None),
        ("2026-02-29T00:00:00Z x", None),
        ("2026-11-29T24:00:00Z x", None),
        ("12345 x", None),
        ("17959693612 x", None),
    ],
)
def test_when_a_line_was_written(line: str, at: float | None) -> None:
    found = stamp_of(line, NOW)
    assert found == at if at is None else found == pytest.approx(at, abs=1e-6)


@given(st.text(max_size=100) | st.from_regex(r"[<\[{]?\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d.*", fullmatch=True))
def test_no_line_is_too_odd(line: str) -> None:
    found = stamp_of(line, NOW)
    assert found is None or isinstance(found, float)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("10m", NOW - 600),
        ("2h ago", NOW - 7200),
        ("1.5d", NOW - 1.5 * 86400),
        ("now", NOW),
        ("today", NOW - 17 * 3600 - 22 * 60 - 41),
        ("yesterday", NOW - 17 * 3600 - 22 * 60 - 41 - 86400),
        ("2026-11-29", NOW - 17 * 3600 - 22 * 60 - 41),
        ("2026-11-29 17:22", NOW - 41),
        ("2026-11-29T16:22:41Z", NOW),
        ("@1795969361", NOW),
        (1795969361, NOW),
        ("Nov 29 17:22:41", NOW),
    ],
)
def test_instants_that_people_write(text: Any, at: float) -> None:
    assert instant(text, NOW) == pytest.approx(at)


@pytest.mark.parametrize("text", ["soon", "", "10x", "2026-13-01", "1e3", True])
def test_instants_that_are_none(text: Any) -> None:
    with pytest.raises(ValueError, match="is no time"):
        instant(text, NOW)


@given(
    st.lists(st.binary(max_size=30).map(lambda data: data.replace(b"\n", b"")), max_size=40),
    st.booleans(),
    st.integers(1, 9),
)
def test_backwards_is_forwards_the_other_way_round(lines: list[bytes], ended: bool, block: int) -> None:
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    expected = data.removesuffix(b"\n").split(b"\n") if data else []
    file = os.memfd_create("log")
    before, _log_files.BLOCK_BYTES = _log_files.BLOCK_BYTES, block
    try:
        os.write(file, data)
        assert list(_log_files.backwards(file)) == expected[::-1]
    finally:
        _log_files.BLOCK_BYTES = before
        os.close(file)


def test_a_line_without_an_end_is_held_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_log_files, "MAX_HELD_BYTES", 100_000)
    file = os.memfd_create("log")
    try:
        os.write(file, b"first\n" + b"x" * 1_000_000)
        pieces = list(_log_files.backwards(file))
        assert pieces[-1] == b"first"
        assert b"".join(pieces[:-1]) == b"x" * 1_000_000
        assert max(map(len, pieces)) < 200_000
    finally:
        os.close(file)


class Logs:
    """The module on a folder of logs."""

    def __init__(self, minion: Any, folder: Path) -> None:
        self.folder = folder
        minion.opts["log_paths"] = [str(folder)]
        self.module = minion.load("logs")

    def tail(self, name: str, **kwargs: Any) -> Any:
        return self.module.tail(str(self.folder / name), **kwargs)


@pytest.fixture
def logs(minion: Any, tmp_path: Path) -> Logs:
    (tmp_path / "log").mkdir()
    return Logs(minion, tmp_path / "log")


def at(second: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW + second))


def test_the_last_lines_by_number_time_and_text(logs: Logs) -> None:
    lines = [f"{at(n)} line {n} {'odd' if n % 2 else 'even'}" for n in range(100)]
    (logs.folder / "a.log").write_text("\n".join(lines) + "\n")
    assert logs.tail("a.log", lines=3) == lines[-3:]
    assert logs.tail("a.log") == lines
    assert logs.tail("a.log", since=NOW + 90, until=at(94)) == lines[90:95]
    assert logs.tail("a.log", match="LINE*ODD", ignore_case=True, lines=2) == [lines[97], lines[99]]
    assert logs.tail("a.log", match="line*nothing") == []
    assert logs.tail("a.log", match="line*line") == []  # one behind the other
    assert logs.tail("a.log", match="[a-z]+") == []  # it is no expression that could take for ever
    assert logs.tail("a.log", lines=1, stamped=True) == {"lines": [[NOW + 99, lines[99]]], "cut": ""}
    assert logs.tail("a.log", max_bytes=100, stamped=True)["cut"] == "over 100 bytes"
    assert len(logs.tail("a.log", max_bytes=100)) == 2


def test_what_follows_a_line_has_its_time(logs: Logs) -> None:
    text = f"{at(0)} a\n{at(10)} failed\nTraceback\n  File x\n{at(20)} b\n"
    (logs.folder / "a.log").write_text(text)
    found = logs.tail("a.log", since=NOW + 5, until=NOW + 15, stamped=True)["lines"]
    assert found == [[NOW + 10, f"{at(10)} failed"], [NOW + 10, "Traceback"], [NOW + 10, "  File x"]]
    (logs.folder / "long.log").write_text(f"{at(0)} failed\n" + "  at\n" * 50 + "last\n")
    assert logs.tail("long.log", lines=2, stamped=True)["lines"] == [[NOW, "  at"], [NOW, "last"]]
    (logs.folder / "no.log").write_text("one\ntwo\nthree\n")
    assert logs.tail("no.log", lines=2, stamped=True)["lines"] == [[None, "two"], [None, "three"]]
    assert logs.tail("no.log", since=0) == []
    (logs.folder / "empty.log").write_text("")
    assert logs.tail("empty.log") == []
    (logs.folder / "bytes.log").write_bytes(b"\xff\xfe\x1b[31m\n")
    assert logs.tail("bytes.log") == ["\ufffd\ufffd\x1b[31m"]


@given(
    st.lists(st.sampled_from(["{at} Ab x", "{at} b", "  cont a", "ab", "{at} \u00fc ab"]), max_size=30),
    st.sampled_from(["a*b", "\u00fc", "x", "b"]),
    st.booleans(),
    st.integers(1, 10),
)
def test_lines_that_nobody_needs_make_no_difference(lines: list[str], match: str, ignore_case: bool, most: int) -> None:
    raw = [line.format(at=at(n)).encode() for n, line in enumerate(["{at} first", *lines])]
    found = []
    for since in (None, 0.0):  # with a time all are looked at
        parts = _log_files.parts_of(match, ignore_case)
        tail = _log_files.Tail(_log_files.Wanted(most, 10_000, since, None, parts, ignore_case), NOW)
        for line in reversed(raw):
            if not tail.full:
                tail.take(line)
        tail.flush()
        found.append(tail.lines())
    assert found[0] == found[1]


def test_much_is_not_read_for_little(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(logs.folder / "big.log", "wb") as file:
        for n in range(20_000):
            file.write(f"{at(n)} {'x' * 80}\n".encode())
    seen = 0
    real = _log_files.stamp_of

    def counted(line: str, now: float) -> float | None:
        nonlocal seen
        seen += 1
        return real(line, now)

    monkeypatch.setattr(_log_files, "stamp_of", counted)
    assert len(logs.tail("big.log", since=NOW + 19_990, lines=1000)) == 10
    assert seen < 300
    monkeypatch.setattr(_log_files, "MAX_SCANNED_BYTES", 100_000)
    found = logs.tail("big.log", match="nothing", stamped=True)
    assert found == {"lines": [], "cut": "100,000 bytes were looked at"}


def test_rotated_files_are_read_on(logs: Logs) -> None:
    lines = [f"{at(n)} line {n}" for n in range(40)]
    (logs.folder / "a.log").write_text("\n".join(lines[30:]) + "\n")
    (logs.folder / "a.log.1").write_text("\n".join(lines[20:30]) + "\n")
    for number, start in ((2, 10), (10, 0)):
        with gzip.open(logs.folder / f"a.log.{number}.gz", "wt") as file:
            file.write("\n".join(lines[start : start + 10]) + "\n")
    (logs.folder / "a.log.3.gz").write_bytes(b"no gzip")
    (logs.folder / "a.log.swp").write_text(f"{at(0)} no log\n")
    (logs.folder / "a.log.bak").write_text(f"{at(0)} no log\n")
    assert logs.tail("a.log", rotated=True) == lines
    assert logs.tail("a.log", rotated=True, lines=15) == lines[-15:]
    assert logs.tail("a.log", lines=15) == lines[30:]
    assert logs.tail("a.log", rotated=True, since=NOW + 5, until=NOW + 12) == lines[5:13]
    names = ["b-20261127", "b-20261128.gz", "b-20261126.xz", "b.1", "b", "bc.1", "b-2026"]
    assert _log_files.rotated("/x/b", random.sample(names, len(names))) == [
        "/x/b.1",
        "/x/b-20261128.gz",
        "/x/b-20261127",
        "/x/b-20261126.xz",
    ]


def test_no_other_file_is_read(logs: Logs, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    os.symlink(secret, logs.folder / "link.log")
    os.symlink(tmp_path, logs.folder / "folder")
    (logs.folder / "a.log").write_text("a\n")
    os.symlink(secret, logs.folder / "a.log.1")
    (tmp_path / "logger").mkdir()
    (tmp_path / "logger/x").write_text("secret\n")
    os.mkfifo(logs.folder / "fifo")
    for path in ("link.log", "folder/secret", "../secret", "../logger/x", "./../secret", "../log/../secret"):
        with pytest.raises(CommandError, match="isn't a file below"):
            logs.tail(path)
    with pytest.raises(CommandError, match="isn't a file below"):
        logs.module.tail("/etc/shadow")
    with pytest.raises(CommandError, match="isn't a file below"):
        logs.module.tail("/etc/nothing/there")  # nobody learns what there is
    with pytest.raises(CommandError, match="no regular file"):
        logs.tail("fifo")
    assert logs.tail("a.log", rotated=True) == ["a"]
    with pytest.raises(CommandError, match="No such file"):
        logs.tail("none.log")
    (logs.folder / "own").mkdir()
    os.symlink("../a.log", logs.folder / "own/link")
    assert logs.tail("own/link") == ["a"]


@pytest.mark.skipif(os.geteuid() != 0, reason="links of another user's need root")
def test_no_strangers_link_is_followed(logs: Logs) -> None:
    (logs.folder / "auth.log").write_text("secret\n")
    (logs.folder / "app").mkdir()
    os.symlink("../auth.log", logs.folder / "app/a.log")
    os.lchown(logs.folder / "app/a.log", 12345, 12345)
    with pytest.raises(CommandError, match="a link of another user's"):
        logs.tail("app/a.log")


@pytest.mark.parametrize(
    ("kwargs", "why"),
    [
        ({"path": "relative"}, "by its whole path"),
        ({"path": ""}, "by its whole path"),
        ({"path": "/var/log/x", "lines": 0}, "lines must be 1 to 10,000"),
        ({"path": "/var/log/x", "lines": "5"}, "lines must be 1 to 10,000"),
        ({"path": "/var/log/x", "max_bytes": 1 << 30}, "max_bytes must be"),
        ({"path": "/var/log/x", "since": "soon"}, "'soon' is no time"),
        ({"path": "/var/log/x", "unit": "ssh"}, "name a file or a unit"),
        ({"unit": "--output=cat"}, "is no unit"),
        ({"unit": "a b"}, "is no unit"),
        ({"unit": "-x"}, "is no unit"),
    ],
)
def test_what_makes_no_sense_is_said(minion: Any, kwargs: dict[str, Any], why: str) -> None:
    minion.functions["cmd.has_exec"] = lambda name: True
    with pytest.raises(ArgumentError, match=why):
        minion.load("logs").tail(**kwargs)


JOURNAL = """1795969363.500000 web1 app[7]: third
    of two lines
1795969362.000000 web1 sshd[2]: second
-- Boot 0123 --
1795969361.000000 web1 sshd[1]: first
"""


def test_the_journal(minion: Any) -> None:
    asked: list[Any] = []

    def run_all(argv: list[str], **kwargs: Any) -> dict[str, Any]:
        asked.append(argv)
        return {"retcode": 0, "stdout": JOURNAL, "stderr": ""}

    minion.functions["cmd.run_all"] = run_all
    minion.functions["cmd.has_exec"] = lambda name: name == "journalctl"
    logs = minion.load("logs")
    found = logs.tail(unit="ssh", since=NOW - 5, lines=50, stamped=True)["lines"]
    assert found == [
        [NOW, "2026-11-29T17:22:41.000000+01:00 web1 sshd[1]: first"],
        [NOW + 1, "2026-11-29T17:22:42.000000+01:00 web1 sshd[2]: second"],
        [NOW + 2.5, "2026-11-29T17:22:43.500000+01:00 web1 app[7]: third"],
        [NOW + 2.5, "    of two lines"],
    ]
    assert asked[0][:2] == ["journalctl", "--no-pager"]
    assert {"--unit=ssh", "--lines=50", f"--since=@{NOW - 5:.6f}"} <= set(asked[0])
    assert [line[-5:] for line in logs.tail("journal", match="sshd")] == ["first", "econd"]
    assert "--lines=20000" in asked[1]
    minion.functions["cmd.run_all"] = lambda argv, **_: {"retcode": 1, "stdout": "", "stderr": "No journal files\n"}
    with pytest.raises(CommandError, match="journalctl failed: No journal files"):
        logs.tail("journal")
    minion.functions["cmd.has_exec"] = lambda name: False
    with pytest.raises(CommandError, match="no journalctl on this host"):
        logs.tail(unit="ssh")
