"""Modules by Salt's contract; a bad one hurts no other."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import FunctionNotFound
from saltern_agent.jobs import Current, Job
from saltern_agent.loader import Loader
from saltern_agent.loader import slot as slot_module


@pytest.fixture
def loader(module_dir: Path) -> Loader:
    made = Loader({"id": "host01"}, [str(module_dir)], Current())
    made.set_grains({"os": "Debian"})
    made.set_pillar({"secret": 7})
    return made


def put(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.py").write_text(text)


def test_bundled_functions_are_there(loader: Loader) -> None:
    assert loader.function("test.ping")() is True


def test_a_module_calls_another(loader: Loader, module_dir: Path) -> None:
    put(module_dir, "pkg", "def install(name): return 'installed ' + name")
    put(module_dir, "mypkg", "def myinstall(name):\n    return __salt__['pkg.install'](name)")
    loader.forget()
    assert loader.function("mypkg.myinstall")("vim") == "installed vim"


def test_what_a_module_is_given(loader: Loader, module_dir: Path) -> None:
    put(
        module_dir,
        "given",
        "at_import = __grains__['os']\n"
        "def all_(): return __grains__, __pillar__, __opts__['id'], at_import\n"
        "def count():\n    __context__['n'] = __context__.get('n', 0) + 1\n    return __context__['n']\n"
        "def has(): return 'test.ping' in __salt__, 'no.such' in __salt__, __salt__.get('no.such'), len(__salt__) > 5",
    )
    loader.forget()
    assert loader.function("given.all_")() == ({"os": "Debian"}, {"secret": 7}, "host01", "Debian")
    assert [loader.function("given.count")() for _ in range(3)] == [1, 2, 3]
    assert loader.function("given.has")() == (True, False, None, True)
    loader.set_grains({"os": "other"})
    loader.set_pillar({})
    assert loader.function("given.all_")()[:2] == ({"os": "other"}, {})


def test_to_ask_whether_a_function_is_there_looks_for_no_other(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    from saltern_agent.loader import hints

    monkeypatch.setattr(hints, "hint", lambda *_: pytest.fail("nobody mistyped"))
    assert "debconf.set_file" not in loader.salt
    assert "test.pong" not in loader.salt
    assert "test" not in loader.salt
    assert loader.salt.get("testt.ping") is None
    assert not any(slot.module for slot in loader._modules.slots["config"])


def test_to_list_the_functions_of_some_modules_loads_no_others(loader: Loader) -> None:
    found = loader.functions(["test", "file"])
    assert {name.partition(".")[0] for name in found} == {"test", "file"}
    assert not any(slot.module for slot in loader._modules.slots["config"])
    every = loader.functions()
    assert found == {name: function for name, function in every.items() if name.startswith(("test.", "file."))}


def test_only_its_own_public_functions(loader: Loader, module_dir: Path) -> None:
    put(
        module_dir,
        "mod",
        "from os.path import join\nimport os\n__func_alias__ = {'list_': 'list'}\n"
        "class Thing: pass\ndef _private(): pass\ndef list_(): return 1\ndef public(): pass\nother = public\nx = 3",
    )
    put(module_dir, "limited", "__load__ = ['a']\ndef a(): pass\ndef b(): pass")
    loader.forget()
    names = [name for name in loader.functions() if name.startswith(("mod.", "limited."))]
    assert names == ["limited.a", "mod.list", "mod.other", "mod.public"]
    for hidden in ("mod.join", "mod.Thing", "mod._private", "mod.list_", "mod.x", "mod.__salt__", "mod.os.system", ""):
        with pytest.raises(FunctionNotFound):
            loader.function(hidden)


def test_virtual_names(loader: Loader, module_dir: Path) -> None:
    put(
        module_dir,
        "aptpkg",
        "__virtualname__ = 'pkg'\ndef __virtual__(): return __virtualname__\ndef v(): return 'apt'",
    )
    put(module_dir, "yumpkg", "__virtualname__ = 'pkg'\ndef __virtual__(): return (False, 'no yum')\ndef v(): return 0")
    put(module_dir, "named", "__virtualname__ = 'other'\ndef __virtual__(): return True\ndef f(): return 1")
    put(module_dir, "no", "def __virtual__(): return False\ndef f(): return 1")
    put(module_dir, "fine", "def __virtual__(): return True\ndef f(): return 1")
    loader.forget()
    assert loader.function("pkg.v")() == "apt"
    assert loader.function("other.f")() == 1
    assert loader.function("fine.f")() == 1
    with pytest.raises(FunctionNotFound):
        loader.function("named.f")
    with pytest.raises(FunctionNotFound, match=r"'no.f' is not available. The module no is not loaded: .*apply"):
        loader.function("no.f")
    assert loader.load_errors()["yumpkg"] == "no yum"
    assert loader.file_of("pkg.v") == "aptpkg"


BAD = {
    "syntax": ("def f(:\n", "line 1: SyntaxError: "),
    "missing": ("x = 1\nimport no_such_thing", "line 2: ModuleNotFoundError: No module named 'no_such_thing'"),
    "exits": ("import sys\nsys.exit(3)", "line 2: SystemExit: 3"),
    "base": ("class Odd(BaseException): pass\nraise Odd('a\\nb')", "line 2: Odd: a"),
    "virtual": ("def __virtual__(): 1/0", "line 1: ZeroDivisionError: division by zero"),
    "null": ("\0", "null bytes"),
    "interrupt": ("raise KeyboardInterrupt", "line 1: KeyboardInterrupt"),
}


def test_bad_modules_are_named_and_hurt_no_other(
    loader: Loader, module_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, (text, _) in BAD.items():
        put(module_dir, name, text)
    (module_dir / "binary.py").write_bytes(b"\xff\xfe\x00")
    (module_dir / "not a-name.py").write_text("1/0")
    (module_dir / "_private.py").write_text("1/0")
    put(module_dir, "good", "def f(): return 1")
    loader.forget()
    assert "good.f" in loader.functions()
    errors = loader.load_errors()
    for name, (_, reason) in BAD.items():
        assert reason in errors[name]
        assert "\n" not in errors[name]
        assert sum(f"module {name} is not loaded" in record.getMessage() for record in caplog.records) == 1
    assert "binary" in errors
    assert not {"not a-name", "_private"} & set(errors)
    with pytest.raises(FunctionNotFound, match="The module exits is not loaded: line 2: SystemExit: 3"):
        loader.function("exits.f")


def test_hints(loader: Loader) -> None:
    with pytest.raises(FunctionNotFound, match=r"'test.pinq' is not available. Did you mean 'test.ping'"):
        loader.function("test.pinq")
    with pytest.raises(FunctionNotFound, match="There is no module tets: did you mean test"):
        loader.function("tets.ping")
    with pytest.raises(FunctionNotFound, match="'nodot' is not available"):
        loader.function("nodot")


def test_later_folders_override(module_dir: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    put(module_dir, "test", "def ping(): return 'first'")
    put(second, "test", "def ping(): return 'second'")
    assert Loader({}, [str(module_dir)], Current()).function("test.ping")() == "first"
    loader = Loader({}, [str(module_dir), str(second)], Current())
    assert loader.function("test.ping")() == "second"
    (second / "test.py").unlink()
    loader.forget(["test"])
    assert loader.function("test.ping")() == "first"


def test_only_changed_modules_are_forgotten(loader: Loader, module_dir: Path) -> None:
    put(module_dir, "a", "def n():\n    __context__['n'] = __context__.get('n', 0) + 1\n    return __context__['n']")
    put(module_dir, "b", "def v(): return 1")
    loader.forget()
    assert (loader.function("a.n")(), loader.function("b.v")()) == (1, 1)
    put(module_dir, "b", "def v(): return 2")  # same size, same second: byte code by time would be stale
    loader.forget(["b"])
    assert (loader.function("a.n")(), loader.function("b.v")()) == (2, 2)
    loader.forget()
    assert loader.function("a.n")() == 1


def test_a_module_that_hangs_while_it_loads_blocks_only_itself(
    loader: Loader, module_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_module, "LOCK_TIMEOUT_S", 0.05)
    loading, go = threading.Event(), threading.Event()
    loader._opts.update(loading=loading, go=go)
    put(module_dir, "hangs", "__opts__['loading'].set()\n__opts__['go'].wait()\ndef f(): return 1")
    loader.forget()
    thread = threading.Thread(target=lambda: loader.function("hangs.f"))
    thread.start()
    loading.wait()
    with pytest.raises(FunctionNotFound, match="still being loaded"):
        loader.function("hangs.f")
    assert "test.ping" in loader.functions()
    go.set()
    thread.join()
    assert loader.function("hangs.f")() == 1


def test_the_return_code_belongs_to_the_job(module_dir: Path) -> None:
    current = Current()
    loader = Loader({}, [str(module_dir)], current)
    put(
        module_dir,
        "rc",
        "def put(n):\n    __context__['retcode'] = n\n    return 'retcode' in __context__, __context__.get('retcode')\n"
        "def pop(): return __context__.pop('retcode', None)",
    )
    loader.forget()
    jobs = [Job("1", "rc.put", [], {}), Job("2", "rc.put", [], {})]
    before = current.enter(jobs[0])
    assert loader.function("rc.put")(3) == (True, 3)

    def other() -> None:
        current.enter(jobs[1])
        loader.function("rc.put")(4)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert [job.retcode for job in jobs] == [3, 4]
    assert loader.function("rc.pop")() == 3
    assert jobs[0].retcode == 0
    current.leave(before)
    assert loader.function("rc.put")(5) == (True, 5)


def test_dataclasses_and_decorators_work(loader: Loader, module_dir: Path) -> None:
    put(
        module_dir,
        "modern",
        "from __future__ import annotations\nimport dataclasses, functools\n"
        "@dataclasses.dataclass\nclass P:\n    x: int\n"
        "def deco(f):\n    @functools.wraps(f)\n    def inner(*a): return f(*a) + 1\n    return inner\n"
        "@deco\ndef g(x): return P(x).x",
    )
    loader.forget()
    function: Any = loader.function("modern.g")
    assert function(1) == 2
