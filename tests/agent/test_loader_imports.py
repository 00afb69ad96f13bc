"""Modules from folders import each other, packages and what is in ``_utils``; nobody else sees them."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from saltern.errors import FunctionNotFound
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader
from saltern_agent.loader import slot as slot_module

Make = Callable[[], Loader]


def put(folder: Path, name: str, text: str) -> None:
    path = folder / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def utils_dir(tmp_path: Path) -> Path:
    return tmp_path / "utils"


@pytest.fixture
def make(module_dir: Path, utils_dir: Path) -> Make:
    return lambda: Loader({"id": "host01"}, [str(module_dir)], Current(), [str(utils_dir)])


@pytest.mark.parametrize(
    "line",
    [
        "from one import a",
        "import one\na = one.a",
        "from . import one\na = one.a",
        "from .one import a",
        "from _modules import one\na = one.a",
        "from _modules.one import a",
        "import _modules.one\na = _modules.one.a",
        "from one import *",
        "import one as other\na = other.a",
        "a = __import__('one').a",
        "def a():\n    from one import a as f\n    return f()",
    ],
)
def test_one_imports_another(make: Make, module_dir: Path, line: str) -> None:
    put(module_dir, "one", "n = 0\ndef a():\n    global n\n    n += 1\n    return [n, __opts__['id']]")
    put(module_dir, "two", f"{line}\ndef b(): return a()")
    loader = make()
    assert loader.function("two.b")() == [1, "host01"]
    assert loader.function("one.a")() == [2, "host01"]  # it is the same module
    assert "two.a" not in loader.functions() or line.startswith("def")


@pytest.mark.parametrize(
    "line",
    [
        "from shared import a",
        "import shared\na = shared.a",
        "from _utils import shared\na = shared.a",
        "from _utils.shared import a",
        "import _utils.shared\na = _utils.shared.a",
        "import _utils.shared, _utils.more\na = _utils.shared.a",
        "def a(): return __utils__['shared.a']()",
    ],
)
def test_modules_use_utils(make: Make, module_dir: Path, utils_dir: Path, line: str) -> None:
    put(utils_dir, "shared", "import more\ndef a(): return [more.b(), __salt__['test.ping'](), __opts__['id']]")
    put(utils_dir, "more", "def b(): return 7")
    put(module_dir, "two", f"{line}\ndef b(): return a()")
    loader = make()
    assert loader.function("two.b")() == [7, True, "host01"]
    for name in ("shared.a", "more.b", "_utils.shared"):
        with pytest.raises(FunctionNotFound):  # callers have nothing of them
            loader.function(name)


def test_utils_by_name(make: Make, module_dir: Path, utils_dir: Path) -> None:
    put(utils_dir, "named", "__virtualname__ = 'nice'\n__func_alias__ = {'set_': 'set'}\ndef set_(): return 1")
    put(utils_dir, "bad", "import not_there")
    put(
        module_dir,
        "use",
        "def f(): return __utils__['nice.set'](), 'nice.set' in __utils__, 'bad.f' in __utils__, sorted(__utils__)",
    )
    loader = make()
    assert loader.function("use.f")() == (1, True, False, ["nice.set"])
    assert "not_there" in loader.load_errors()["_utils/bad"]


def test_a_package_is_a_module(make: Make, module_dir: Path) -> None:
    pack = module_dir / "pack"
    put(
        pack,
        "__init__",
        "from .trainer import train\nfrom . import deep\nfrom pack.deep.er import x\ndef f(): return train(), x",
    )
    put(
        pack, "trainer", "from ..one import a\nimport pack.deep.er as er\ndef train(): return a(), er.x, __opts__['id']"
    )
    put(pack / "deep", "__init__", "import os\nhere = os.listdir(os.path.dirname(__file__))")
    put(pack / "deep", "er", "x = 5")
    put(module_dir, "one", "def a(): return 1")
    put(
        module_dir,
        "two",
        "import pack.trainer\nfrom pack import trainer, deep\ndef f(): return pack.trainer is trainer, deep.er.x",
    )
    loader = make()
    assert loader.function("pack.f")() == ((1, 5, "host01"), 5)
    assert loader.function("two.f")() == (True, 5)
    put(pack, "trainer", "def train(): return 2")
    loader.forget(["pack"])
    assert loader.function("pack.f")() == (2, 5)


@pytest.mark.parametrize("name", ["logging", "yaml", "os", "json", "saltern", "zmq", "test", "typing"])
def test_nothing_is_shadowed(make: Make, module_dir: Path, name: str) -> None:
    """A name that Python knows means to everybody what it meant, and the module works under it."""
    before = {key for key in sys.modules if "saltern_ext" not in key}
    put(module_dir, name, f"import {name}\ndef f(): return {name}.__name__, {name}.__file__")
    put(module_dir, "two", f"import {name}\ndef f(): return {name}.__file__")
    loader = make()
    own, file = loader.function(f"{name}.f")()
    assert own == name
    assert not file.startswith(str(module_dir))
    assert loader.function("two.f")() == file
    code = f"import {name}; print({name}.__file__)"
    assert subprocess.check_output([sys.executable, "-P", "-c", code], text=True).strip() == file
    assert not any(str(module_dir) in path for path in sys.path)
    assert all(
        name in key or "saltern_modules" in key for key in sys.modules.keys() - before if "saltern_ext" not in key
    )


def test_nobody_else_can_import_them(make: Make, module_dir: Path) -> None:
    put(module_dir, "onlyhere", "def f(): return 1")
    assert make().function("onlyhere.f")() == 1
    with pytest.raises(ModuleNotFoundError):
        __import__("onlyhere")


def test_a_change_loads_dependants_again_and_nobody_else(make: Make, module_dir: Path, utils_dir: Path) -> None:
    count = "times = 0\ndef n():\n    global times\n    times += 1\n    return times\n"
    put(utils_dir, "base", "x = 1")
    put(module_dir, "one", f"from base import x\n{count}")
    put(module_dir, "two", f"import one\n{count}def x(): return one.x")
    put(module_dir, "other", count)
    loader = make()
    assert [loader.function(f"{name}.n")() for name in ("one", "two", "other")] == [1, 1, 1]
    put(utils_dir, "base", "x = 2")
    loader.forget(["base"])
    assert [loader.function(f"{name}.n")() for name in ("one", "two", "other")] == [1, 1, 2]
    assert loader.function("two.x")() == 2
    (utils_dir / "base.py").unlink()
    loader.forget(["base"])
    with pytest.raises(FunctionNotFound, match=r"one can't be imported: one.py: line 1: .*No module named 'base'"):
        loader.function("two.x")
    put(utils_dir, "base", "x = 3")
    loader.forget(["base"])
    assert loader.function("two.x")() == 3


def test_what_was_missing_is_taken_when_it_comes(make: Make, module_dir: Path) -> None:
    put(module_dir, "two", "try:\n    import one\nexcept ImportError:\n    one = None\ndef f(): return one is not None")
    loader = make()
    assert loader.function("two.f")() is False
    put(module_dir, "one", "x = 1")
    loader.forget(["one"])
    assert loader.function("two.f")() is True


def test_an_import_that_fails_names_the_file_and_the_line(make: Make, module_dir: Path) -> None:
    put(module_dir, "one", "x = 1\n1/0")
    put(module_dir, "two", "\nfrom one import x\ndef f(): return 1")
    put(module_dir, "three", "from two import nothing")
    put(module_dir, "four", "from .. import x")
    put(module_dir, "five", "from .six.seven import x")
    put(module_dir, "six", "")
    put(module_dir, "eight", "from ok import nothing")
    put(module_dir, "ok", "")
    loader = make()
    for name, text in {
        "two": "line 2: ImportError: one can't be imported: one.py: line 2: ZeroDivisionError",
        "three": "two can't be imported: ",
        "four": "line 1: ImportError: attempted relative import beyond top-level package",
        "five": "line 1: ModuleNotFoundError: No module named 'saltern_ext.modules.six.seven'",
        "eight": "line 1: ImportError: cannot import name 'nothing'",
    }.items():
        with pytest.raises(FunctionNotFound) as caught:
            loader.function(f"{name}.f")
        assert text in str(caught.value)


def test_what_is_missing_in_a_package_of_pythons_is_not_looked_for_here(make: Make, module_dir: Path) -> None:
    put(module_dir / "json", "__init__", "")
    put(module_dir / "json", "nothere", "x = 1")
    put(module_dir, "two", "import json.nothere\ndef f(): return 1")
    with pytest.raises(FunctionNotFound, match=r"No module named 'json\.nothere'"):
        make().function("two.f")


def test_a_circle_is_what_it_is_in_python(make: Make, module_dir: Path) -> None:
    put(module_dir, "one", "import two\nx = 1\ndef f(): return two.g()")
    put(module_dir, "two", "import one\ndef g(): return one.x")
    put(module_dir, "self", "import self\nx = 1\ndef f(): return self.x")
    put(module_dir, "early", "from late import x\ny = 1\ndef f(): return x")
    put(module_dir, "late", "from early import y\nx = 1")
    loader = make()
    assert loader.function("one.f")() == 1
    assert loader.function("self.f")() == 1
    with pytest.raises(FunctionNotFound, match="cannot import name 'y'"):
        loader.function("early.f")


def test_two_threads_in_a_circle_do_not_wait_for_each_other(
    make: Make, module_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_module, "LOCK_TIMEOUT_S", 3600.0)
    body = "__opts__['meet'].wait()\nimport {}\nx = 1\ndef f(): return {}.x"
    put(module_dir, "one", body.format("two", "two"))
    put(module_dir, "two", body.format("one", "one"))
    loader = make()
    loader._opts["meet"] = threading.Barrier(2, timeout=20)
    threads = [threading.Thread(target=loader.function, args=(f"{name}.f",)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [loader.function(f"{name}.f")() for name in ("one", "two")] == [1, 1]


def test_private_files_are_for_imports_alone(make: Make, module_dir: Path) -> None:
    put(module_dir, "_lib", "def a(): return 1")
    put(module_dir, "two", "from _lib import a\ndef f(): return a()")
    loader = make()
    assert loader.function("two.f")() == 1
    assert not [name for name in loader.functions() if name.startswith("_")]
    with pytest.raises(FunctionNotFound):
        loader.function("_lib.a")


def test_grains_and_pillar_reach_what_was_only_imported(make: Make, module_dir: Path, utils_dir: Path) -> None:
    put(utils_dir, "shared", "def a(): return __grains__, __pillar__")
    put(module_dir / "pack", "__init__", "from .sub import b\nimport shared\ndef f(): return shared.a(), b()")
    put(module_dir / "pack", "sub", "def b(): return __grains__, __pillar__")
    loader = make()
    loader.function("pack.f")
    loader.set_grains({"os": "x"})
    loader.set_pillar({"k": "v"})
    assert loader.function("pack.f")() == (({"os": "x"}, {"k": "v"}),) * 2


def test_dataclasses_pickles_and_logs_work(make: Make, module_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(
        module_dir,
        "data",
        "from __future__ import annotations\nimport dataclasses, logging, pickle\nlog = logging.getLogger(__name__)\n"
        "@dataclasses.dataclass\nclass Point:\n    x: int = 1\n"
        "def f():\n    log.warning('said')\n    return pickle.loads(pickle.dumps(Point(3))).x\n",
    )
    loader = make()
    with caplog.at_level(logging.WARNING):
        assert loader.function("data.f")() == 3
    assert caplog.records[-1].name == "saltern_ext.modules.data"
