"""An override that is none leaves the next source of its name in place, and that is said once."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from saltern.errors import FunctionNotFound
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader
from saltern_agent.loader import slot as slot_module


def put(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(text)


def loaders_end() -> None:
    """Wait for the threads in which files are loaded."""
    for thread in threading.enumerate():
        if thread.name.startswith("load "):
            thread.join()


NOT_USED = {
    "takes another name": ("__virtualname__ = 'fancytest'\ndef f(): return 1", "it goes by the name fancytest"),
    "names itself otherwise": (
        "def __virtual__(): return 'fancytest'\ndef f(): return 1",
        "goes by the name fancytest",
    ),
    "takes a name that none can have": (
        "def __virtual__(): return '../x'\ndef ping(): return 2",
        "it goes by the name '../x'",
    ),
    "takes a list of names": ("__virtualname__ = ('a', 'b')\ndef ping(): return 2", "it goes by the name"),
    "declines": ("def __virtual__(): return False\ndef ping(): return 2", "__virtual__ said that it does not apply"),
    "declines with a reason": ("def __virtual__(): return (False, 'no moon')\ndef ping(): return 2", "no moon"),
    "declines by None": ("def __virtual__(): pass\ndef ping(): return 2", "does not apply"),
    "fails in virtual": ("def __virtual__(): 1/0\ndef ping(): return 2", "line 1: ZeroDivisionError"),
    "import": ("import not_there\ndef ping(): return 2", "line 1: ModuleNotFoundError: No module named 'not_there'"),
    "syntax": ("def ping(:", "line 1: SyntaxError"),
    "exits": ("import sys\nsys.exit(3)", "line 2: SystemExit: 3"),
    "null": ("\0", "null bytes"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "base": ("class Odd(BaseException): pass\nraise Odd('x')", "Odd: x"),
    "recursion": ("def f(): f()\nf()", "RecursionError"),
}


@pytest.mark.parametrize(("text", "why"), NOT_USED.values(), ids=NOT_USED.keys())
def test_the_bundled_module_stays_and_it_is_said_once(
    module_dir: Path, caplog: pytest.LogCaptureFixture, text: str, why: str
) -> None:
    caplog.set_level(logging.INFO)
    put(module_dir, "test", text)
    loader = Loader({}, [str(module_dir)], Current())
    for _ in range(3):
        assert loader.function("test.ping")() is True
    told = [record for record in caplog.records if record.levelname == "WARNING"]
    (record,) = told
    assert why in record.getMessage()
    assert record.getMessage().endswith("; the bundled one stays in place")
    assert "\n" not in record.getMessage()
    assert why in loader.passed_over()["test"]
    assert why in loader.load_errors()["test"]
    loader.forget([])  # another sync in which it did not change
    assert loader.function("test.ping")() is True
    assert [record for record in caplog.records if record.levelname == "WARNING"] == told
    assert loader.file_of("test.ping") == ""
    put(module_dir, "test", "def ping(): return 'mended'")
    loader.forget(["test"])
    assert loader.function("test.ping")() == "mended"
    assert loader.passed_over() == loader.load_errors() == {}
    assert "it is used again" in caplog.text
    assert loader.file_of("test.ping") == "test"


def test_the_new_name_works_and_tells_nothing(module_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(module_dir, "test", "__virtualname__ = 'fancytest'\ndef f(): return 1")
    loader = Loader({}, [str(module_dir)], Current())
    for _ in range(3):
        assert loader.function("fancytest.f")() == 1
        assert loader.function("test.ping")() is True
    assert len(caplog.records) == 1


def test_the_next_folder_is_tried_before_the_bundled_one(module_dir: Path, tmp_path: Path) -> None:
    put(module_dir, "test", "def ping(): return 'first'")
    put(tmp_path / "second", "test", "1/0")
    loader = Loader({}, [str(module_dir), str(tmp_path / "second")], Current())
    assert loader.function("test.ping")() == "first"
    assert loader.passed_over()["test"].endswith(f"; {module_dir}/test.py stays in place")


def test_a_function_that_an_override_lacks_is_the_next_ones(module_dir: Path) -> None:
    put(module_dir, "test", "def ping(): return 'mine'\ndef extra(): return 1")
    loader = Loader({}, [str(module_dir)], Current())
    assert loader.function("test.ping")() == "mine"
    assert loader.function("test.extra")() == 1
    assert loader.function("test.echo")("x") == "x"
    names = loader.functions()
    assert {"test.ping", "test.extra", "test.echo"} <= names.keys()
    assert names["test.ping"]() == "mine"
    assert (loader.file_of("test.ping"), loader.file_of("test.echo")) == ("test", "")


def test_a_custom_file_may_take_the_name_of_a_bundled_one(module_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(
        module_dir,
        "mytest",
        "__virtualname__ = 'test'\ndef __virtual__(): return __virtualname__\ndef ping(): return 2",
    )
    loader = Loader({}, [str(module_dir)], Current())
    assert loader.function("test.ping")() == 2
    put(module_dir, "mytest", "__virtualname__ = 'test'\ndef __virtual__(): return False, 'no'\ndef ping(): return 2")
    loader.forget(["mytest"])
    assert loader.function("test.ping")() is True
    assert loader.passed_over() == {"mytest": "not used: no; the bundled one stays in place"}
    assert sum("mytest" in record.getMessage() for record in caplog.records) == 1


def test_an_override_of_a_bundled_module_that_is_called_otherwise(module_dir: Path) -> None:
    """The bundled ``sys`` is in a file ``sysmod.py``."""
    put(module_dir, "sys", "import not_there")
    loader = Loader({}, [str(module_dir)], Current())
    assert loader.function("sys.list_modules")
    assert loader.passed_over()["sys"].endswith("; the bundled one stays in place")
    put(module_dir, "sys", "def doc(): return 'mine'")
    loader.forget(["sys"])
    assert loader.function("sys.doc")() == "mine"
    assert loader.function("sys.list_modules")
    assert loader.passed_over() == {}


def test_an_override_sees_what_it_replaces_while_it_is_loaded(
    module_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(module_dir, "test", "before = __salt__['test.ping']()\ndef ping(): return [before]")
    assert Loader({}, [str(module_dir)], Current()).function("test.ping")() == [True]
    assert not caplog.records


def test_an_override_that_hangs_costs_one_wait(module_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot_module, "LOCK_TIMEOUT_S", 0.05)
    loading, go = threading.Event(), threading.Event()
    put(module_dir, "test", "__opts__['loading'].set()\n__opts__['go'].wait()\ndef ping(): return 'late'")
    loader = Loader({"loading": loading, "go": go}, [str(module_dir)], Current())
    thread = threading.Thread(target=lambda: loader.function("test.ping"))
    thread.start()
    loading.wait()
    assert loader.function("test.ping")() is True
    monkeypatch.setattr(slot_module, "LOCK_TIMEOUT_S", 3600.0)
    assert loader.function("test.ping")() is True  # it isn't waited for again
    thread.join()
    go.set()
    loaders_end()
    assert loader.function("test.ping")() == "late"


def test_the_first_who_asks_is_not_lost_to_an_override_that_hangs(
    module_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(slot_module, "LOCK_TIMEOUT_S", 0.05)
    go = threading.Event()
    put(module_dir, "test", "__opts__['go'].wait()\ndef ping(): return 'late'")
    put(module_dir, "other", "__opts__['go'].wait()\ndef __virtual__(): return 'echoes'\ndef f(): return 1")
    loader = Loader({"go": go}, [str(module_dir)], Current())
    try:
        assert loader.function("test.ping")() is True
        assert "not used: it is still being loaded; the bundled one stays in place" in caplog.text
        assert loader.functions()["test.ping"]() is True  # as are the listings
        with pytest.raises(FunctionNotFound):
            loader.function("nosuch.f")  # any file may take any name
        monkeypatch.setattr(slot_module, "LOCK_TIMEOUT_S", 3600.0)
        assert loader.function("test.ping")() is True
        assert "other.f" not in loader.functions()
    finally:
        go.set()
        loaders_end()


def test_a_hung_override_stays_hung_for_the_one_who_comes_second(
    module_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_module, "LOCK_TIMEOUT_S", 0.5)
    go = threading.Event()
    put(module_dir, "test", "__opts__['go'].wait()\ndef ping(): return 'late'")
    loader = Loader({"go": go}, [str(module_dir)], Current())
    try:
        both = [threading.Thread(target=lambda: loader.function("test.ping")) for _ in range(2)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        monkeypatch.setattr(slot_module, "LOCK_TIMEOUT_S", 3600.0)
        assert loader.function("test.ping")() is True
    finally:
        go.set()
        loaders_end()


def test_overrides_that_call_each_other_while_they_are_loaded_wait_for_nobody(
    module_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_module, "LOCK_TIMEOUT_S", 3600.0)
    put(module_dir, "test", "one = __salt__['cmd.has_exec']('sh')\ndef ping(): return 'ours'")
    put(module_dir, "cmd", "two = __salt__['test.ping']()\ndef has_exec(name): return two")
    loader = Loader({}, [str(module_dir)], Current())
    assert loader.function("test.ping")() == "ours"


@pytest.mark.parametrize("name", ["-ds", "my mod", "a.b", "class", "None", "__init__", "ünï-x"])
def test_names_that_no_module_can_have(module_dir: Path, name: str) -> None:
    put(module_dir, name, "def f(): return 1")
    loader = Loader({}, [str(module_dir)], Current())
    with pytest.raises(FunctionNotFound):
        loader.function(f"{name}.f")


@pytest.mark.parametrize("name", ["389ds", "my-mod", "docker-swarm_2"])
def test_names_of_files_that_salt_takes_though_python_can_not_write_them(module_dir: Path, name: str) -> None:
    put(module_dir, name, "import dataclasses\ndef f(): return __salt__['test.ping']()")
    loader = Loader({}, [str(module_dir)], Current())
    assert loader.function(f"{name}.f")() is True
    assert f"{name}.f" in loader.functions()


HINTS = [
    ("napalm.cli", "'napalm.cli' is not available. There is no module napalm."),
    ("test.quux", "'test.quux' is not available. The module test has no function quux."),
    ("test.pinq", "'test.pinq' is not available. Did you mean 'test.ping'?"),
    ("test", "'test' is not available. test is a module: give a function of it, as in test.ping"),
    ("test.", "'test.' is not available. test is a module: give a function of it, as in test.ping"),
    ("tets.ping", "'tets.ping' is not available. There is no module tets: did you mean test.ping?"),
    ("tets.pign", "'tets.pign' is not available. There is no module tets: did you mean test.ping?"),
    ("sysmod.doc", "'sysmod.doc' is not available. The file sysmod goes by the name sys: did you mean sys.doc?"),
    ("sy.doc", "'sy.doc' is not available. There is no module sy: did you mean sys.doc?"),
    ("tset", "'tset' is not available. There is no module tset: did you mean test.ping?"),
    ("x" * 5000 + ".y", f"'{'x' * 5000}.y' is not available. There is no module {'x' * 5000}."),
    ("", "'' is not available."),
    (".", "'.' is not available. There is no module ."),
    ("stats.colect", "'stats.colect' is not available. Did you mean 'stats.collect'?"),
]


@pytest.mark.parametrize(("name", "text"), HINTS)
def test_what_is_suggested_is_there(name: str, text: str) -> None:
    loader = Loader({}, [], Current())
    with pytest.raises(FunctionNotFound) as caught:
        loader.function(name)
    assert str(caught.value) == text
