"""Halting, the clock, the host's name: with stand-ins for every program, for none of them may be run here."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _accounts


class Programs:
    """Stand-ins: *retcodes* by the program's name, else 0."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.retcodes: dict[str, int] = {}
        self.stdout = ""

    def run_all(self, argv: list[str], **options: Any) -> dict[str, Any]:
        assert options["python_shell"] is False
        assert options["timeout"] > 0
        self.calls.append(argv)
        retcode = self.retcodes.get(os.path.basename(argv[0]), 0)
        return {"pid": 1, "retcode": retcode, "stdout": self.stdout, "stderr": "no" if retcode else ""}

    def run(self, argv: list[str], **options: Any) -> str:
        return str(self.run_all(argv, **options)["stdout"])


@pytest.fixture
def programs(minion: Any, monkeypatch: pytest.MonkeyPatch) -> Programs:
    found = Programs()
    minion.functions.update({"cmd.run_all": found.run_all, "cmd.run": found.run})
    monkeypatch.setattr(_accounts, "found_program", lambda name: f"/x/{name}")
    return found


@pytest.fixture
def system(minion: Any, programs: Programs) -> Any:
    return minion.load("system")


@pytest.fixture
def clock(minion: Any, programs: Programs) -> Any:
    return minion.load("system_clock")


@pytest.mark.parametrize(
    ("function", "args", "argv"),
    [
        ("halt", (), ["halt"]),
        ("poweroff", (), ["poweroff"]),
        ("init", (3,), ["init", "3"]),
        ("init", ("S",), ["init", "S"]),
        ("reboot", (), ["shutdown", "-r", "now"]),
        ("reboot", (5,), ["shutdown", "-r", "5"]),
        ("reboot", ("+5",), ["shutdown", "-r", "+5"]),
        ("shutdown", (), ["shutdown", "-h", "now"]),
        ("shutdown", ("23:30",), ["shutdown", "-h", "23:30"]),
        ("shutdown", ("now",), ["shutdown", "-h", "now"]),
    ],
)
def test_what_is_run(system: Any, programs: Programs, function: str, args: tuple[Any, ...], argv: list[str]) -> None:
    programs.stdout = "said"
    assert getattr(system, function)(*args) == "said"
    assert programs.calls == [argv]


@pytest.mark.parametrize(
    ("function", "value"),
    [("init", "-x"), ("init", "10"), ("init", ""), ("init", None), ("init", "3\n"), ("reboot", "-c"), ("reboot", "5\n")]
    + [("shutdown", value) for value in ("--help", "5 x", "tomorrow", "1:2:3", [1])],
)
def test_what_is_no_time_and_no_runlevel(system: Any, programs: Programs, function: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"system.{function}: "):
        getattr(system, function)(value)
    assert programs.calls == []


class TestClock:
    def test_it_is_set_with_the_hosts_own(self, clock: Any, programs: Programs) -> None:
        assert clock.set_system_date_time(2026, 5, 12, 11, 37, 53) is True
        assert programs.calls == [
            ["date", "051211372026.53"],
            ["/x/hwclock", "--test", "--systohc"],
            ["hwclock", "--systohc"],
        ]

    def test_of_another_zone(self, clock: Any, programs: Programs) -> None:
        programs.retcodes["hwclock"] = 1
        assert clock.set_system_date_time(2026, 5, 12, 22, 37, 53, "-0500") is True
        assert clock.set_system_time("11:20 PM", "+0000") is True
        assert clock.set_system_date("12/31/26", "+0000") is True
        calls = [call for call in programs.calls if call[0] == "date"]
        assert calls[0] == ["date", "-u", "051303372026.53"]
        assert calls[1][2][4:8] == "2320"
        assert calls[1][2].endswith(".00")
        assert calls[2][2].startswith("1231")
        assert calls[2][2][8:12] == "2026"

    @pytest.mark.parametrize(
        ("text", "digits"),
        [("11:20:30 AM", "1120"), ("12:00 AM", "0000"), ("23:59:59", "2359"), ("07:08", "0708")],
    )
    def test_forms_of_times(self, clock: Any, programs: Programs, text: str, digits: str) -> None:
        assert clock.set_system_time(text) is True
        assert programs.calls[0][1][4:8] == digits

    @pytest.mark.parametrize("text", ["2026-03-28", "03-28-2026", "03-28-26", "03/28/2026", "03/28/26", "2026/03/28"])
    def test_forms_of_days(self, clock: Any, programs: Programs, text: str) -> None:
        assert clock.set_system_date(text) is True
        assert programs.calls[0][1][:4] == "0328"
        assert programs.calls[0][1][8:12] == "2026"

    def test_a_date_that_knows_no_seconds(self, clock: Any, programs: Programs) -> None:
        programs.retcodes["date"] = 1
        with pytest.raises(CommandError, match="date failed: no"):
            clock.set_system_date_time(2026, 5, 12, 11, 37, 53)
        assert programs.calls == [["date", "051211372026.53"], ["date", "051211372026"]]

    @pytest.mark.parametrize("given", [{"months": 13}, {"days": 32}, {"hours": 24}, {"seconds": -1}, {"years": 0}])
    def test_a_time_that_there_is_not(self, clock: Any, programs: Programs, given: dict[str, int]) -> None:
        with pytest.raises(ArgumentError, match=r"must be in|is out of range"):
            clock.set_system_date_time(**given)
        assert programs.calls == []

    def test_without_a_clock_of_its_own(self, clock: Any, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_accounts, "found_program", lambda name: None)
        assert clock.has_settable_hwclock() is False
        assert programs.calls == []

    def test_offsets_that_are_none(self, clock: Any) -> None:
        for offset in (5, "+2400", "+0000\n", "+٠٠٠٠"):
            with pytest.raises(ArgumentError, match="Invalid UTC offset"):
                clock.get_system_time(offset)


class TestNames:
    @pytest.fixture
    def info(self, system: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(_accounts, "found_program", lambda name: None)
        monkeypatch.setattr(system, "MACHINE_INFO", str(tmp_path / "machine-info"))
        return tmp_path / "machine-info"

    def test_by_the_file(self, system: Any, info: Path) -> None:
        assert system.get_computer_desc() is False
        assert system.set_computer_desc('A "b"\n\tc') is True
        assert info.read_text() == 'PRETTY_HOSTNAME="A \\"b\\"\\n\\tc"\n'
        assert system.get_computer_desc() == 'A "b"\n\tc'
        info.write_text("ICON=x\n PRETTY_HOSTNAME=one\nA=b")
        info.chmod(0o600)
        assert system.set_computer_desc("two") is True
        assert info.read_text() == 'ICON=x\nPRETTY_HOSTNAME="two"\nA=b\n'
        assert info.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize(
        ("line", "desc"), [("PRETTY_HOSTNAME=", ""), ("PRETTY_HOSTNAME='", "'"), ("PRETTY_HOSTNAME='a b' ", "a b")]
    )
    def test_forms_of_a_line(self, system: Any, info: Path, line: str, desc: str) -> None:
        info.write_text(line)
        assert system.get_computer_desc() == desc

    def test_a_full_disk(self, system: Any, info: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        info.write_text("PRETTY_HOSTNAME=one\n")

        def full(*args: Any, **kwargs: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "replace", full)
        assert system.set_computer_desc("two") is False
        assert info.read_text() == "PRETTY_HOSTNAME=one\n"

    def test_by_hostnamectl(self, system: Any, programs: Programs) -> None:
        programs.stdout = r"a\"b"
        assert system.get_computer_desc() == 'a"b'
        assert system.set_computer_desc("--help") is True
        assert programs.calls == [
            ["/x/hostnamectl", "status", "--pretty"],
            ["/x/hostnamectl", "set-hostname", "--pretty", "--", "--help"],
        ]

    def test_names_are_the_networks(self, minion: Any, system: Any) -> None:
        minion.functions.update({"network.get_hostname": lambda: "a", "network.mod_hostname": lambda name: name == "b"})
        assert (system.get_computer_name(), system.set_computer_name("b")) == ("a", True)


def test_that_the_host_has_to_start_anew(system: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "REBOOT_WITNESS", str(tmp_path / "a/b/seen"))
    assert system.get_reboot_required_witnessed() is False
    assert system.set_reboot_required_witnessed() is True
    assert system.set_reboot_required_witnessed() is True
    assert system.get_reboot_required_witnessed() is True
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(system, "REBOOT_WITNESS", str(tmp_path / "file/b/seen"))
    with pytest.raises(ArgumentError, match=r"Error creating .*: "):
        system.set_reboot_required_witnessed()
