"""Secrets are struck out of what leaves the agent, in whatever form a function lets them out."""

from __future__ import annotations

import itertools
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.log import OneLine
from saltern.secret import MASK, Secret
from saltern.wire import pack, unpack
from saltern_agent.capture import MAX_PRINTED_CHARACTERS, ThreadOutput
from saltern_agent.executor import Executor
from saltern_agent.isolate import Isolated
from saltern_agent.jobs import Current, Job
from saltern_agent.loader import Loader
from saltern_agent.returns import pack_return
from saltern_agent.strikeout import Strikeout, StruckLog

PASSWORD = "correct-horse"  # the test's own
KEY = '-----BEGIN-----\nMIIEpAIBAAKCAQEA"7\\x\n-----END-----\n'

MODULE = """
import logging
log = logging.getLogger(__name__)
def whole(p): return p
def length(p): return len(p)
def within(p): return {"a": [f"user:{p}@host", 5, None], p: {"k": p.encode()}}
def odd(p):
    class Thing:
        def __repr__(self): return f"<Thing {p}>"
    return Thing(), {p}
def raises(p): raise ValueError(f"can't log in with {p!r}: no")
def leaves(p): raise SystemExit(p)
def logs(p): log.warning("used %s", p)
def logs_error(p):
    try:
        raise ValueError(p)
    except ValueError:
        log.exception("failed")
def prints(p): print("it is", p)
def prints_much(p, before): print("x" * before, p)
def prints_often(p): print(p * 1000)
def own(key): return __pillar__[key]
def shape(): return type(__pillar__["db"]["password"]).__name__
"""


class World:
    """An executor of the test's modules."""

    def __init__(self, folder: Path) -> None:
        (folder / "mod.py").write_text(MODULE)
        self.current = Current()
        self.loader = Loader({}, [str(folder)], self.current)
        self.executor = Executor(self.loader, self.current)

    def body(self, fun: Any, *arg: Any, **kwarg: Any) -> dict[str, Any]:
        job = Job("1", fun, list(arg), kwarg)
        return unpack(pack_return(job, self.executor.run(job), None, 1 << 20).frame).body


@pytest.fixture
def world(module_dir: Path) -> World:
    return World(module_dir)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """What an agent logs, the traceback after an error too, once ``capture`` is called."""
    handler = logging.FileHandler(tmp_path / "log")
    handler.setFormatter(OneLine("%(message)s", tracebacks=True))
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    yield (tmp_path / "log").read_text
    root.setLevel(level)
    root.removeHandler(handler)
    handler.close()


def capture(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    world.executor.capture_output()


# functions get the text, nobody else does


def test_functions_get_the_text_of_secret_arguments(world: World) -> None:
    assert world.body("mod.length", Secret(PASSWORD))["return"] == len(PASSWORD)
    assert world.body("mod.length", p=Secret(PASSWORD))["return"] == len(PASSWORD)
    assert world.body(["mod.length", "mod.length"], [Secret("ab")], [Secret("abc")])["return"] == {"mod.length": 3}


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize(
    ("function", "secret"),
    [
        ("whole", "pin"),
        *((function, secret) for function in ("whole", "raises", "leaves") for secret in (PASSWORD, KEY)),
    ],
)
def test_a_secret_argument_is_not_returned(world: World, function: str, secret: str, by_name: bool) -> None:
    arguments: dict[str, Any] = {"p": Secret(secret)} if by_name else {}
    body = world.body(f"mod.{function}", *([] if by_name else [Secret(secret)]), **arguments)
    assert body["fun_args"] == ([{"p": MASK, "__kwarg__": True}] if by_name else [MASK])
    assert MASK in body["return"]
    assert not any(line in repr(body) for line in secret.split("\n") if line)


def test_an_error_of_which_one_line_is_shown_ends_before_a_secret_of_several(world: World) -> None:
    answer = world.body("mod.leaves", Secret("short\nlonger line"))["return"]
    assert answer.endswith("\nSystemExit: ***\n")


def test_secrets_within_values_and_odd_ones(world: World) -> None:
    body = world.body("mod.within", Secret(PASSWORD))
    assert body["return"] == {"a": ["user:***@host", 5, None], MASK: {"k": b"***"}}
    body = world.body("mod.odd", Secret(PASSWORD))
    assert body["return"] == ["<Thing ***>", [MASK]]
    assert body["plain"] == ["$[0]: Thing", "$[1]: set"]


def test_returns_without_secrets_are_as_they_were(world: World) -> None:
    assert world.executor.run(Job("1", "mod.whole", [(1, 2)], {})).value == (1, 2)
    assert world.loader.strikeout() is world.loader.strikeout()
    assert not world.loader.strikeout()


def test_modules_get_the_text_of_the_pillars_secrets(world: World) -> None:
    world.loader.set_pillar({"db": {"password": Secret(PASSWORD)}, "port": 5432, "pin": Secret("123")})
    assert world.body("mod.shape")["return"] == "str"
    assert world.body("mod.own", "port")["return"] == 5432
    assert world.body("pillar.get", "db:password")["return"] == MASK
    assert world.body("pillar.items")["return"] == {"db": {"password": MASK}, "port": 5432, "pin": MASK}
    assert world.body("test.echo", "pin 123456")["return"] == "pin 123456"
    assert world.body("test.echo", f"typed {PASSWORD}")["return"] == "typed ***"
    world.loader.set_pillar({"db": {"password": Secret("another-one")}})
    assert world.body("test.echo", f"{PASSWORD} another-one")["return"] == "*** ***"  # a job may have begun before


# logs, and what is printed


@pytest.mark.parametrize("function", ["logs", "logs_error", "prints", "raises"])
@pytest.mark.parametrize("secret", [PASSWORD, KEY])
def test_what_a_job_logs_and_prints(
    world: World, log: Callable[[], str], monkeypatch: pytest.MonkeyPatch, function: str, secret: str
) -> None:
    capture(world, monkeypatch)
    world.body(f"mod.{function}", Secret(secret))
    assert MASK in log()
    assert not any(line.strip() in log() for line in secret.split("\n") if line.strip())


def test_the_pillars_secrets_are_logged_by_nobody(
    world: World, log: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    capture(world, monkeypatch)
    world.loader.set_pillar({"password": Secret(PASSWORD)})
    logging.getLogger("any").warning("it is %s", PASSWORD)
    assert log() == "it is ***\n"


def test_a_text_that_is_cut_within_a_secret_shows_no_part_of_it(
    world: World, log: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the beginning of what is printed is kept; the secret may lie across its end."""
    capture(world, monkeypatch)
    for before in range(MAX_PRINTED_CHARACTERS - 3, MAX_PRINTED_CHARACTERS + 2 * len(PASSWORD), 3):
        world.body("mod.prints_much", Secret(PASSWORD), before)
    world.body("mod.prints_often", Secret(PASSWORD))
    assert "mod.prints_much printed: xxx" in log()
    assert "co" not in log()


def test_logs_of_other_formats_are_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter())
    logging.getLogger().addHandler(handler)
    try:
        capture(world, monkeypatch)
        assert isinstance(sys.stdout, ThreadOutput)
        assert not isinstance(handler.formatter, StruckLog)
    finally:
        logging.getLogger().removeHandler(handler)


# jobs in processes of their own


def test_isolated_jobs(module_dir: Path, tmp_path: Path, world: World) -> None:
    opts = {
        "id": "host01",
        "module_dirs": [str(module_dir)],
        "cachedir": str(tmp_path),
        "log_level": "debug",
        "log_file": str(tmp_path / "child.log"),
        "grains": {"x": Secret("never-shown")},
    }
    isolated = Isolated(opts, 100_000)
    pillar = {"db": {"password": Secret("pillar-secret")}}

    def run(fun: str, *arg: Any) -> Any:
        return isolated.run(Job("1", fun, list(arg), {}), {}, pillar).value

    assert run("mod.length", Secret(PASSWORD)) == len(PASSWORD)
    assert run("mod.shape") == "str"
    assert run("pillar.items") == {"db": {"password": MASK}}
    assert run("mod.whole", Secret(KEY)) == MASK
    assert MASK in run("mod.raises", Secret(PASSWORD))
    run("mod.logs", Secret(PASSWORD))
    logged = (tmp_path / "child.log").read_text()
    assert "used ***" in logged
    assert PASSWORD not in logged


# a running agent


@pytest.mark.parametrize("isolate", [False, True])
def test_secret_arguments_on_a_running_agent(master: Any, agent: Any, isolate: bool) -> None:
    def send(fun: str, *arg: Any) -> dict[str, Any]:
        jid = f"{20260131235959123456 + next(jids)}"
        body = {"jid": jid, "fun": fun, "arg": list(arg), "kwarg": {}, "user": "fred", "isolate": isolate}
        master.publish_frame(pack("job", 0, body, secrets=True))
        return master.returned(jid)

    jids = itertools.count()
    echoed = send("test.echo", Secret("hunter2-hunter2"))
    assert (echoed["return"], echoed["fun_args"]) == (MASK, [MASK])
    assert send("cmd.run_stdout", ["sh", "-c", 'printf %s "$0" | wc -c', Secret("hunter2-hunter2")])["return"] == "15"
    assert "hunter2-hunter2" not in agent.logged()


def test_events_of_a_job_hold_none_of_its_secrets(master: Any, agent: Any) -> None:
    jid = "20260131235959123456"
    arg = ["mytag", {"text": Secret("hunter2-hunter2"), "note": 1}]
    body = {"jid": jid, "fun": "event.send", "arg": arg, "kwarg": {}, "user": "fred"}
    master.publish_frame(pack("job", 0, body, secrets=True))
    assert master.returned(jid)["return"] is True
    event = master.wait_for(lambda: next((m.body for m in master.messages if m.type == "event"), None))
    own = {name: value for name, value in event["data"].items() if not name.startswith("__pub_")}
    assert (event["tag"], own) == ("mytag", {"text": MASK, "note": 1})
    assert event["data"]["__pub_arg"] == ["mytag", {"text": MASK, "note": 1}]


# the mechanism


@given(st.text(min_size=4, max_size=12), st.text(max_size=20), st.text(max_size=20))
def test_no_form_of_a_secret_is_left(secret: str, before: str, after: str) -> None:
    strikeout = Strikeout([secret])
    in_json = [json.dumps(secret, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False)]
    for form in (secret, repr(secret)[1:-1], *in_json, secret.replace("\n", "\\n")):
        text = strikeout.text(f"{before}|{form}|{after}")
        assert MASK in text
        assert form not in text or form in f"{before}|" or form in f"|{after}" or form.strip() in MASK


def test_the_longer_of_two_goes_first_and_short_ones_only_as_wholes() -> None:
    strikeout = Strikeout(["abcd", "abcdefgh", "xy", ""])
    assert strikeout.text("abcdefgh abcd xyz") == "*** *** xyz"
    assert strikeout.value(["xy", "xyz", b"xy", {"xy": 1}]) == [MASK, "xyz", b"***", {MASK: 1}]
    assert strikeout.value([1, None, 2.5, True, b"\xff"]) == [1, None, 2.5, True, b"\xff"]
    assert not Strikeout([""])
    assert Strikeout(["abcd"]).also(frozenset({"efgh"})).text("abcd efgh") == "*** ***"
