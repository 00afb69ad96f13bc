"""Returners beside the master: whatever they do, the master has the return, and nothing else is delayed."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import FunctionNotFound
from saltern.secret import Secret
from saltern.wire import pack
from saltern_agent.jobs import Current, read_job
from saltern_agent.loader import Loader
from saltern_agent.return_to import NOWHERE, ReturnTo, return_to
from saltern_agent.returners import HUNG_S, MAX_HUNG, Returners, ret_of
from saltern_agent.schedule import parse

WAIT_S = 40.0
JID = "20260131235959123456"


def frame(number: int = 0, size: int = 0) -> bytes:
    return pack("ret", 0, {"jid": f"{JID[:-4]}{number:04}", "fun": "test.ping", "return": "x" * size})


class Here:
    """Returners by name, and what they were given."""

    def __init__(self, **more: Any) -> None:
        self.now_s = 0.0
        self.given: list[dict[str, Any]] = []
        self.gate = threading.Event()
        self.came = threading.Condition()
        self.returners = Returners("host01", self.find, clock=lambda: self.now_s, **more)

    def find(self, name: str) -> Callable[..., Any]:
        found = {"good": self.good, "bad": self.bad, "exits": self.exits, "hangs": self.hangs}
        if name not in found:
            raise FunctionNotFound(f"'{name}.returner' is not available.")
        return found[name]

    def good(self, ret: dict[str, Any]) -> None:
        with self.came:
            self.given.append(ret)
            ret.clear()  # what one does to it is none of the next one's
            ret["seen"] = True
            self.came.notify_all()

    def bad(self, ret: dict[str, Any]) -> None:
        raise ValueError("no disk\nsecond line")

    def exits(self, ret: dict[str, Any]) -> None:
        raise SystemExit(3)

    def hangs(self, ret: dict[str, Any]) -> None:
        with self.came:
            self.given.append({"hung": True})
            self.came.notify_all()
        assert self.gate.wait(WAIT_S)

    def wait(self, number: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.given) >= number, WAIT_S), self.given


def to(*names: str) -> ReturnTo:
    return return_to(list(names))


def test_what_fails_is_logged_and_keeps_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    here = Here()
    with caplog.at_level(logging.ERROR):
        here.returners.offer(frame(), to("bad", "exits", "missing", "good"))
        here.returners.offer(frame(1), to("good"))
        here.wait(2)
    assert (here.returners.failed, here.returners.dropped, here.returners.waiting) == (3, 0, 0)
    assert [record.getMessage() for record in caplog.records] == [
        "the returner bad did not store a return: ValueError: no disk",
        "the returner exits did not store a return: SystemExit: 3",
        "the returner missing did not store a return: 'missing.returner' is not available.",
    ]


def test_one_that_hangs_is_left_behind_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    here = Here()
    try:
        for number in range(MAX_HUNG + 1):
            here.returners.offer(frame(number), to("hangs"))
            here.wait(number + 1)
            here.returners.offer(frame(number), to("good"))
            assert len(here.given) == number + 1  # it waits for the one that has only just begun
            here.now_s += HUNG_S
            if number < MAX_HUNG:
                here.returners.offer(frame(number), to())  # nothing to do, nothing begun
                with caplog.at_level(logging.WARNING):
                    here.returners.offer(frame(number), to("good"))
                here.wait(number + 3)
                here.given[:] = [{}] * (number + 1)
        assert "is left behind: hangs, for job " in caplog.text
        here.returners.offer(frame(), to("good"))
        assert here.returners.dropped == 1
    finally:
        here.gate.set()


def test_what_waits_is_bounded_by_number_and_bytes() -> None:
    here = Here(max_waiting=2, max_bytes=3000)
    try:
        here.returners.offer(frame(), to("hangs"))
        here.wait(1)
        here.returners.offer(frame(1), to("good"))
        here.returners.offer(frame(2, 5000), to("good"))
        assert here.returners.dropped == 1
        here.returners.offer(frame(3), to("good"))
        here.returners.offer(frame(4), to("good"))
        assert (here.returners.dropped, here.returners.waiting) == (2, 2)
    finally:
        here.gate.set()
    here.wait(3)
    assert here.returners.waiting == 0


def test_what_a_returner_is_given() -> None:
    asked = return_to("a, b,a", "other", {"file": "x", "pass": Secret("hunter2")})
    assert asked.names == ("a", "b")
    ret = ret_of({"jid": JID, "return": 1}, "host01", asked, "a")
    assert ret == {
        "jid": JID,
        "return": 1,
        "id": "host01",
        "ret": "a,b",
        "ret_config": "other",
        "ret_kwargs": {"file": "x", "pass": "hunter2"},
    }
    assert ret_of({}, "host01", to("a"), "a") == {"id": "host01", "ret": "a"}


def test_what_the_minion_is_configured_with_gets_no_options_of_a_jobs() -> None:
    """Else who is granted one returner has another one send what it has, and its password, to a place of his."""
    both = return_to("a", "other", {"host": "elsewhere"}).also(("b", "a", "b"))
    assert both.names == ("a", "b")
    assert ret_of({}, "host01", both, "b") == {"id": "host01", "ret": "a,b"}
    assert ret_of({}, "host01", both, "a")["ret_kwargs"] == {"host": "elsewhere"}


@pytest.mark.parametrize("names", [None, "", [], 5, "../x", ["a", 3], "a,,b", ",".join("abcdefghijklmnopqrstuvwxyz")])
def test_names_that_make_no_sense_name_nobody(names: Any) -> None:
    assert return_to(names, {}, 5) == NOWHERE
    assert read_job({"jid": JID, "fun": "test.ping", "ret": names}).ret == NOWHERE


def test_a_schedule_names_returners() -> None:
    job = {"function": "test.ping", "seconds": 5, "returner": ["a"], "return_kwargs": {"x": 1}, "return_job": "nocache"}
    definition = parse("x", job)
    assert definition.ret == return_to("a", "", {"x": 1})
    assert not definition.return_job
    described = definition.described()
    assert described["returner"] == "a"
    assert parse("x", described) == definition
    assert "returner" not in parse("x", {"function": "test.ping", "seconds": 5}).described()


CUSTOM = """
import logging
import salt.returners
import salt.utils.jid
from salt.exceptions import CommandExecutionError
from salt.utils import json

__virtualname__ = "mine"

def __virtual__():
    return __virtualname__

def returner(ret):
    options = salt.returners.get_returner_options(
        __virtualname__, ret, {"file": "file"}, __salt__=__salt__, __opts__=__opts__, defaults={"file": "/nowhere"})
    if ret["fun"] == "test.fail":
        raise CommandExecutionError("no")
    with open(options["file"], "a") as stream:
        ret["from"] = [__grains__["id"], __pillar__.get("x"), __opts__["id"], sorted(__context__), __utils__["u.f"]()]
        stream.write(json.dumps(ret) + chr(10))
"""


def test_a_custom_one_has_salts_interface(tmp_path: Path) -> None:
    for name, text in (("returners/mine_return", CUSTOM), ("utils/u", "def f(): return 'util'")):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir()
        path.write_text(text)
    opts = {"id": "host01", "mine.file": str(tmp_path / "out")}
    loader = Loader(opts, [], Current(), [str(tmp_path / "utils")], returners=[str(tmp_path / "returners")])
    loader.set_grains({"id": "host01"})
    loader.set_pillar({"x": 1})
    loader.returner("mine")({"fun": "test.ping", "return": True})
    assert json.loads((tmp_path / "out").read_text())["from"] == ["host01", 1, "host01", [], "util"]
    with pytest.raises(Exception, match=r"^no$") as caught:
        loader.returner("mine")({"fun": "test.fail"})
    assert type(caught.value).__name__ in ("CommandExecutionError", "CommandError")
    with pytest.raises(FunctionNotFound, match=r"'nothing\.returner' is not available"):
        loader.returner("nothing")
    assert "mine.returner" not in loader.functions()
    with pytest.raises(FunctionNotFound):
        loader.function("mine.returner")


def test_a_part_of_salt_that_is_not_here_is_said(tmp_path: Path) -> None:
    (tmp_path / "wants.py").write_text("import salt.states.file\n")
    loader = Loader({}, [], Current(), returners=[str(tmp_path)])
    with pytest.raises(FunctionNotFound, match=r"salt\.states isn't here: "):
        loader.returner("wants")


def test_modules_find_what_they_expect_of_salts_options(tmp_path: Path) -> None:
    (tmp_path / "dry.py").write_text("def run(): return [__opts__['test'], __opts__['saltenv'], __opts__['__role']]\n")
    assert Loader({}, [str(tmp_path)], Current()).function("dry.run")() == [False, None, "minion"]
    assert Loader({"test": True}, [str(tmp_path)], Current()).function("dry.run")()[0] is True


def test_secrets_of_the_configuration_are_revealed_to_modules_and_struck_out() -> None:
    loader = Loader({"id": "host01", "db.pass": Secret("hunter2")}, [], Current())
    assert loader.function("config.get")("db.pass") == "hunter2"
    assert loader.strikeout().text("it is hunter2") == "it is ***"
    loader.set_pillar({"x": Secret("other")})
    assert loader.strikeout().text("hunter2 other") == "*** ***"


def test_a_job_and_a_schedule_with_returners_on_a_running_agent(
    master: Any, make_agent: Callable[..., Any], tmp_path: Path
) -> None:
    """The master has every return though one returner hangs; the schedule's and the option's are used too."""
    hangs = "import time\ndef returner(ret): time.sleep(600)\n"
    master.files = {"_returners/mine_return.py": CUSTOM.encode(), "_returners/hangs.py": hangs.encode()}
    master.files["_utils/u.py"] = b"def f(): return 'util'"
    out = tmp_path / "out"
    agent = make_agent(**{"mine.file": str(out), "return": "mine"})
    master.schedule = {"tick": {"function": "test.echo", "args": ["tock"], "seconds": 1, "returner": "mine"}}
    agent.start()
    assert {"modules", "utils", "returners"} <= set(master.run("saltutil.sync_all")["return"])
    assert master.run("test.echo", "plain")["return"] == "plain"
    special = tmp_path / "special"
    told = {"ret": "rawfile_json", "ret_kwargs": {"filename": str(special)}}
    assert master.run("test.echo", "told", **told)["return"] == "told"
    assert master.run("test.echo", "hung", ret="hangs")["return"] == "hung"
    assert master.run("test.echo", "after")["return"] == "after"
    master.wait_for(lambda: out.exists() and {"plain", "tock", "told"} <= returned(out))
    assert returned(special) == {"told"}
    line = json.loads(special.read_text().splitlines()[0])
    assert (line["id"], line["fun"], line["retcode"], line["ret"]) == ("host01", "test.echo", 0, "rawfile_json,mine")


def returned(path: Path) -> set[Any]:
    values = [json.loads(line)["return"] for line in path.read_text().splitlines() if line.endswith("}")]
    return {value for value in values if isinstance(value, str)}
