"""Crontabs: their form, and what calls against the real Salt can't show."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _accounts, _crontab

TAG = _crontab.TAG
ODD = (
    "# mine\n\n* * * * *  /bin/a  %x\r\n\tTAB=1\n\x0b \x85 \u2028\n"
    f"{TAG}\n"
    "A = 1\n"
    "B='x  y'\n"
    "##  kept as it is SALT_CRON_IDENTIFIER:one\n"
    "1 2 3 4 5 /bin/one   two\n"
    "*\t*\t*\t*\t*\t/bin/tabs\n"
    "@daily  /bin/d   e\n"
    "# of nothing\n"
)


class Program:
    """A ``crontab`` of one user."""

    def __init__(self, tab: str | None = None) -> None:
        self.tab = tab
        self.calls: list[list[str]] = []
        self.options: list[dict[str, Any]] = []
        self.unreadable = ""
        self.refusal = ""

    def run_all(self, argv: list[str], **options: Any) -> dict[str, Any]:
        self.calls.append(argv)
        self.options.append(options)
        retcode, stdout, stderr = 0, "", ""
        if argv[-1] == "-l":
            if self.unreadable or self.tab is None:
                retcode, stderr = 1, self.unreadable or "no crontab for fred\n"
            else:
                stdout = self.tab
        elif self.refusal:
            retcode, stderr = 1, self.refusal
        else:
            self.tab = options["stdin"]
        return {"pid": 1, "retcode": retcode, "stdout": stdout, "stderr": stderr}


@pytest.fixture
def program(minion: Any, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setattr(_accounts, "found_program", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = Program()
    minion.functions["cmd.run_all"] = found.run_all
    return found


@pytest.fixture
def cron(minion: Any, program: Program) -> Any:
    return minion.load("cron")


def test_what_is_not_changed_stays(cron: Any, program: Program) -> None:
    """Byte for byte above the managed part; in it no line is lost, and those of its form keep their order."""
    program.tab = ODD
    assert cron.set_job("fred", 0, 0, 1, 1, 0, "/bin/new", identifier="new") == "new"
    assert program.tab == (
        ODD.partition(TAG)[0] + f"{TAG}\n"
        "B='x  y'\n"
        "##  kept as it is SALT_CRON_IDENTIFIER:one\n"
        "1 2 3 4 5 /bin/one   two\n"
        "# SALT_CRON_IDENTIFIER:new\n"
        "0 0 1 1 0 /bin/new\n"
        "@daily  /bin/d   e\n"
        "A = 1\n"
        "*\t*\t*\t*\t*\t/bin/tabs\n"
        "# of nothing\n"
    )
    assert cron.rm_job("fred", "x", identifier="new") == "removed"
    assert sorted(program.tab.split("\n")) == sorted(ODD.split("\n"))


LINES = st.sampled_from(
    [
        TAG,
        "",
        "#",
        "# a",
        "# SALT_CRON_IDENTIFIER:x",
        "#DISABLED#* * * * * x",
        "@daily x",
        "@",
        "A=b",
        "=",
        "1 2 3 4 5 x",
        "x",
    ]
)


@given(st.lists(LINES | st.text(max_size=20)).map("\n".join) | st.text())
def test_any_text_is_read_and_nothing_lost(text: str) -> None:
    tab = _crontab.parse(text)
    again = tab.text()
    lost = [line for line in _crontab.lines_of(text) if line.strip() and line != TAG]
    assert sorted(line for line in again.split("\n") if line.strip() and line != TAG) == sorted(lost)
    assert _crontab.parse(again).shown() == tab.shown()


@given(
    st.text(max_size=9), st.none() | st.text(max_size=9), st.none() | st.text(max_size=9), st.booleans(), st.booleans()
)
def test_what_is_written_is_read_again(
    cmd: str, comment: str | None, identifier: str | None, commented: bool, special: bool
) -> None:
    when = {"spec": "@daily"} if special else dict.fromkeys(_crontab.TIMES, "1")
    values = {**when, "cmd": f"x{cmd}", "comment": comment, "identifier": identifier, "commented": commented}
    try:
        entry = _crontab.entry_of(values)
    except ArgumentError:
        assert "\n" in f"{cmd}{identifier}" or "\0" in f"{cmd}{identifier}"
        return
    found = _crontab.parse("\n".join([TAG, *entry.lines, ""]))
    jobs = found.special if special else found.crons
    assert [job.values["commented"] for job in jobs] == [commented]
    if not special:
        assert jobs[0].values["cmd"] == f"x{cmd}"


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("set_job", ("*", "*", "*", "*", "*", "a\n* * * * * b")),
        ("set_job", ("*\n", "*", "*", "*", "*", "a")),
        ("set_job", ("*", "*", "*", "*", "*", "a", False, None, "x\ny")),
        ("set_special", ("@daily\n", "a")),
        ("set_special", ("@daily", "a\0")),
        ("set_env", ("A\nB", "1")),
        ("set_env", ("A", "1\n* * * * * b")),
        ("set_job", ("1:x", "*", "*", "*", "*", "a")),
    ],
)
def test_a_value_is_one_line(cron: Any, program: Program, function: str, args: tuple[Any, ...]) -> None:
    program.tab = ODD
    with pytest.raises(ArgumentError, match=r"can't have a line's end|two numbers"):
        getattr(cron, function)("fred", *args)
    assert program.tab == ODD


def changing(cron: Any) -> list[Callable[[], str]]:
    return [
        lambda: cron.set_job("fred", 1, 1, 1, 1, 1, "x"),
        lambda: cron.set_special("fred", "@daily", "x"),
        lambda: cron.set_env("fred", "A", "x"),
        lambda: cron.rm_special("fred", "x"),
        lambda: cron.rm_env("fred", "A"),
    ]


def test_what_can_not_be_read_is_not_written_over(cron: Any, program: Program) -> None:
    program.unreadable = "crontab: can't open your crontab file.\n"
    for change in changing(cron):
        assert change() == "crontab: can't open your crontab file."
    assert cron.rm_job("fred", "x") == "absent"
    assert {call[-1] for call in program.calls} == {"-l"}


@pytest.mark.parametrize(
    "said",
    [
        "no crontab for fred\n",
        "crontab: can't open 'fred': No such file or directory\n",
        "user fred has no fcrontab.\n",
    ],
)
def test_who_has_none_gets_one(cron: Any, program: Program, said: str) -> None:
    program.unreadable = said
    assert cron.set_env("fred", "A", "x") == "new"
    assert program.tab == f"{TAG}\nA=x\n"


def test_what_is_not_utf8_is_not_written_over(cron: Any, program: Program) -> None:
    program.tab = b"# gr\xfcezi\n".decode(errors="replace")
    for change in changing(cron):
        with pytest.raises(CommandError, match="isn't UTF-8"):
            change()
    assert {call[-1] for call in program.calls} == {"-l"}


def test_what_is_cut_is_not_written_over(cron: Any, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cron, "LARGEST_BYTES", 1 << 20)
    program.tab = "#" * (1 << 20)
    with pytest.raises(CommandError, match="is over 1 MiB"):
        cron.set_env("fred", "A", "x")
    assert {call[-1] for call in program.calls} == {"-l"}
    assert all(options["output_limit"] == 1 << 20 for options in program.options)


def test_what_crontab_refuses_is_told(cron: Any, program: Program) -> None:
    program.refusal = '"-":3: bad minute\nerrors in crontab file, can\'t install.\n'
    assert [change() for change in changing(cron)] == [program.refusal.rstrip()] * 5


def test_many_at_once(cron: Any, program: Program) -> None:
    threads = [threading.Thread(target=cron.set_env, args=("fred", f"A{n}", "1")) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one["name"] for one in cron.list_tab("fred")["env"]} == {f"A{n}" for n in range(20)}


def test_whose_it_is(cron: Any, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    own = _accounts.User("me", "x", 1234, 1, "", "/", "")
    monkeypatch.setattr(_accounts, "user", lambda name: own if name == "me" else None)
    cron.raw_cron("-u x")
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    cron.raw_cron("me")
    cron.raw_cron("fred")
    assert program.calls == [["/usr/bin/crontab", "-u", "-u x", "-l"], *[["/usr/bin/crontab", "-l"]] * 2]
    assert [options.get("runas") for options in program.options] == [None, None, "fred"]
    for nobody in ("", None, 5):
        with pytest.raises(ArgumentError, match="the name of a user is wanted"):
            cron.raw_cron(nobody)


def test_a_path_is_no_option(cron: Any, program: Program) -> None:
    program.refusal = "no"
    assert cron.write_cron_file("fred", "-r") is False
    assert cron.write_cron_file_verbose("fred", "/x")["retcode"] == 1
    assert [call[-1] for call in program.calls] == ["./-r", "/x"]


def test_old_headers_are_left_out(cron: Any, program: Program) -> None:
    program.tab = "# DO NOT EDIT THIS FILE - edit the master and reinstall.\n# (x)\n# (y)\nA=1\n"
    assert cron.raw_cron("fred") == "A=1\n"
    assert cron.list_tab("fred")["pre"] == ["A=1"]


@pytest.mark.parametrize(("month", "last"), [("1", 31), ("4", 30), ("2", 28), ("*", 28)])
def test_random_days_are_in_the_month(monkeypatch: pytest.MonkeyPatch, month: str, last: int) -> None:
    monkeypatch.setattr(_crontab, "_between", lambda least, most: most)
    wanted = {"minute": "random", "hour": "RANDOM", "daymonth": "random", "month": month, "dayweek": "9:10"}
    found = {"minute": "59", "hour": "23", "daymonth": str(last), "month": month, "dayweek": "10"}
    assert _crontab.times_of(wanted) == found


def test_what_is_random_is_in_its_range() -> None:
    wanted = dict.fromkeys(_crontab.TIMES, "random")
    found = [_crontab.times_of(wanted) for _ in range(400)]
    for name, (least, most) in _crontab.RANGES.items():
        assert {int(one[name]) for one in found} <= set(range(least, most + 1))
        assert len({one[name] for one in found}) > 5


def test_without_the_program(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_accounts, "found_program", lambda name: None)
    assert minion.load("cron").__virtual__() == (False, "Cannot load cron module: crontab command not found")


def test_one_variable_twice(cron: Any, program: Program) -> None:
    program.tab = f"{TAG}\nA=1\nA=2\n"
    assert cron.set_env("fred", "A", "1") == "present"
    assert cron.set_env("fred", "A", "3") == "updated"
    assert program.tab == f"{TAG}\nA=3\n"
