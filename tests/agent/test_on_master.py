"""The program that runs runners and outputters of the operator's own, by itself, without a master."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.config.master import MASTER
from saltern.errors import ArgumentError
from saltern.own_python import python_module
from saltern.secret import Secret
from saltern.wire import pack_value, unpack_value
from saltern_agent.on_master.program import check_arguments

LENGTH = struct.Struct(">I")
JID = "20260131120000123456"


class Program:
    """One run of the program."""

    def __init__(self, folder: Path, **files: str) -> None:
        self.folder = folder
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text)
        self.process = subprocess.Popen(
            python_module("saltern_agent.on_master.program"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        packed = pack_value(message, secrets=True)
        self.process.stdin.write(LENGTH.pack(len(packed)) + packed)
        self.process.stdin.flush()
        return self.next()

    def next(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        (length,) = LENGTH.unpack(self.process.stdout.read(LENGTH.size))
        answer: dict[str, Any] = unpack_value(self.process.stdout.read(length))
        return answer

    def run(self, fun: str, *arg: Any, opts: dict[str, Any] | None = None, **kwarg: Any) -> dict[str, Any]:
        return self.ask(self.request(fun, *arg, opts=opts, **kwarg))

    def request(self, fun: str, *arg: Any, opts: dict[str, Any] | None = None, **kwarg: Any) -> dict[str, Any]:
        options = {**MASTER.defaults, "conf_file": str(self.folder / "master"), "id": "here_master", **(opts or {})}
        return {
            "do": "run",
            "fun": fun,
            "arg": list(arg),
            "kwarg": kwarg,
            "user": "fred",
            "opts": options,
            "folders": {"runners": [str(self.folder)]},
            "built_in": ["jobs.active"],
            "max_bytes": 100_000,
        }

    def end(self) -> str:
        self.process.kill()
        _, said = self.process.communicate(timeout=20)
        return said.decode()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    programs: list[Program] = []

    def start(**files: str) -> Program:
        programs.append(Program(tmp_path, **files))
        return programs[-1]

    yield start
    for program in programs:
        program.end()


def test_nothing_is_run_before_the_word_is_given(started: Any, tmp_path: Path) -> None:
    text = (
        f"def touch():\n    open({str(tmp_path / 'touched')!r}, 'w').close()\n    return __jid__, __user__, __tag__\n"
    )
    program = started(one=text)
    assert program.run("one.touch") == {"ready": True}
    assert not (tmp_path / "touched").exists()
    answer = program.ask({"jid": JID})
    assert answer == {"return": [JID, "fred", f"salt/run/{JID}"], "success": True, "printed": ""}
    assert (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("fun", "arg", "code", "text"),
    [
        ("one.missing", [], "no_function", "'one.missing' is not available."),
        ("two.f", [], "no_function", "'two.f' is not available."),
        ("off.f", [], "no_function", "not on this host"),
        ("one._private", [], "no_function", "is not available."),
        (
            "one.f",
            [1, 2],
            "arguments",
            "one.f was called wrongly: takes 1 argument at most, 2 were given: it is one.f(a)",
        ),
    ],
)
def test_what_is_not_there_is_said_before(started: Any, fun: str, arg: list[Any], code: str, text: str) -> None:
    program = started(
        one="def f(a):\n    return a\n\ndef _private():\n    return 1\n",
        off="def __virtual__():\n    return False, 'not on this host'\n\ndef f():\n    return 1\n",
    )
    answer = program.run(fun, *arg)
    assert answer["code"] == code
    assert text in answer["error"]


def test_a_file_that_ends_the_process_when_it_is_loaded_ends_this_one(started: Any) -> None:
    program = started(one="import os\nos._exit(9)\n")
    with pytest.raises(struct.error):
        program.run("one.f")
    assert program.process.wait(20) == 9


def test_it_ends_with_the_one_who_started_it(started: Any) -> None:
    program = started(one="import time\ndef f():\n    time.sleep(100)\n")
    program.run("one.f")
    packed = pack_value({"jid": JID})
    program.process.stdin.write(LENGTH.pack(len(packed)) + packed)
    program.process.stdin.flush()
    program.process.stdin.close()
    program.process.stdin = None
    assert program.process.wait(20) == -9


def test_secrets_are_texts_for_it_and_in_nothing_that_it_answers(started: Any) -> None:
    program = started(
        one="import logging\ndef f():\n    print(__opts__['events_token'])\n"
        "    logging.getLogger('x').error('see %s', __opts__['events_token'])\n"
        "    return [__opts__['events_token'] == 'hunter22 of mine', __opts__['events_token']]\n"
    )
    program.run("one.f", opts={"events_token": Secret("hunter22 of mine")})
    answer = program.ask({"jid": JID})
    assert answer["return"] == [True, "***"]
    assert answer["printed"] == "***\n"
    program.process.wait(20)
    said = program.end()
    assert "see ***" in said
    assert "hunter22" not in said


def test_what_is_too_large_is_an_error_and_events_are_cut(started: Any) -> None:
    program = started(
        one="def f():\n    __jid_event__.fire_event({'a': 'x' * 100_000}, 'big')\n"
        "    __jid_event__.fire_event({'a': {1, 2}}, 'small')\n    return 'x' * 200_000\n"
    )
    program.run("one.f")
    assert program.ask({"jid": JID}) == {"event": "big", "data": "over 65,536 bytes: not told"}
    assert program.next() == {"event": "small", "data": {"a": [1, 2]}}
    assert program.next() == {"error": "what it returned is over 100,000 bytes", "code": "command"}


def test_what_is_printed_is_bounded_and_no_program_reads_the_line(started: Any) -> None:
    program = started(
        one="import subprocess\ndef f():\n    print('x' * 1_000_000)\n"
        "    return subprocess.run(['cat'], capture_output=True).stdout\n"
    )
    program.run("one.f")
    assert program.process.stderr is not None
    # Read what it prints as the master does, or it would wait for a reader.
    import threading

    reader = threading.Thread(target=program.process.stderr.read)
    reader.start()
    answer = program.ask({"jid": JID})
    assert (answer["return"], len(answer["printed"])) == (b"", 65536)
    program.process.wait(20)
    reader.join()


def test_docs_and_what_does_not_compile(started: Any, tmp_path: Path) -> None:
    files = {"one": 'def f():\n    """Do it."""\n', "bad": "def f(:\n"}
    request = started(**files).request("x.y")
    assert started(**files).ask({**request, "do": "docs"}) == {"docs": {"one.f": "Do it."}}
    paths = [str(tmp_path / "one.py"), str(tmp_path / "bad.py")]
    refused = started(**files).ask({"do": "check", "paths": paths})["refused"]
    assert list(refused) == paths[1:]
    assert refused[paths[1]].startswith("line 1: SyntaxError")


def test_runners_see_each_other_and_the_masters(started: Any) -> None:
    program = started(
        one="from two import word\nimport two\ndef f():\n    __context__['a'] = 1\n"
        "    return [word(), __salt__['two.word'](), __salt__.two.word(), two.seen(), 'jobs.active' in __salt__,\n"
        "            'salt.cmd' in __salt__, __salt__['salt.cmd']('no.such'), 'x.y' in __salt__]\n",
        two="def word():\n    return 'w'\n\ndef seen():\n    return __context__.get('a')\n",
    )
    program.run("one.f")
    answer = program.ask({"jid": JID})
    assert answer["return"] == ["w", "w", "w", 1, True, True, "'no.such' is not available.", False]


def test_arguments_are_judged_in_the_words_of_the_masters_functions() -> None:
    def two(a: int, b: int = 2, *, c: int = 3, **more: int) -> None:
        """Take some."""

    check_arguments("m.two", two, [1, 2], {"c": 1, "d": 4})
    with pytest.raises(ArgumentError, match=r"missing a required argument: 'a': it is m\.two\(a, b=2, c=3, \*\*more\)"):
        check_arguments("m.two", two, [], {})
    with pytest.raises(ArgumentError, match="multiple values for argument 'a'"):
        check_arguments("m.two", two, [1], {"a": 1})
    with pytest.raises(ArgumentError, match="takes 2 arguments at most, 3 were given"):
        check_arguments("m.two", two, [1, 2, 3], {})
    with pytest.raises(ArgumentError, match="got an unexpected keyword argument 'x'"):
        check_arguments("m.one", lambda a=1: a, [], {"x": 1})
