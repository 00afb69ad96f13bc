"""A module that ends the agent when it is loaded does so twice; then the next source of its name is used."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from saltern.wire import pack_value, unpack_value
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader
from saltern_agent.loader import marks as marks_module
from saltern_agent.loader.marks import Marks
from saltern_agent.loader.module import Deadly
from support.stacks import wait_for

WHY = "it ended the agent when it was loaded"
STAYS = f"not used: {WHY}; the bundled one stays in place"
ENDINGS = {
    "exits": "import os\nos._exit(1)\n",
    "kills itself": "import os\nos.kill(os.getpid(), 9)\n",
    "faults": "import ctypes\nctypes.string_at(0)\n",
    "in virtual": "import os\ndef __virtual__(): os._exit(1)\n",
    "in init": "import os\ndef __init__(opts): os._exit(1)\n",
}
PING = "def ping(): return 'mine'\n"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "cache" / "loading")


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def loader(folder: Path, path: str, *, keep: bool = True, utils: Path | None = None) -> Loader:
    return Loader({}, [str(folder)], Current(), [str(utils)] if utils else [], Marks(path, keep=keep))


def ended(folder: Path, path: str, function: str) -> int:
    """Call *function* in a process of its own that marks what it loads; return the process's exit code."""
    text = (
        "import sys; from saltern_agent.loader import Loader; from saltern_agent.loader.marks import Marks;"
        "from saltern_agent.jobs import Current;"
        "Loader({}, [sys.argv[1]], Current(), [], Marks(sys.argv[2], keep=True)).function(sys.argv[3])"
    )
    done = subprocess.run([sys.executable, "-c", text, str(folder), path, function], capture_output=True, timeout=60)
    return done.returncode


# the real agent


def start(master: Any, agent: Any, *, attached: bool = True) -> None:
    """Start *agent*; what is published goes to this one, not to the one before, once it has attached."""
    begun = time.time()
    agent.start()
    if attached:
        master.wait_for(lambda: any(one.body["boot"] >= begun for one in master.attachments))


def wait_ended(agent: Any) -> None:
    assert agent.process.wait(60) not in (None, 0)


@pytest.mark.parametrize("text", ENDINGS.values(), ids=ENDINGS.keys())
def test_an_agent_is_ended_twice_and_the_bundled_module_stays(master: Any, make_agent: Any, text: str) -> None:
    master.files = {"_modules/test.py": (text + PING).encode(), "_modules/good.py": b"def f(): return 1\n"}
    agent = make_agent()
    for _ in range(2):
        start(master, agent, attached=False)
        wait_ended(agent)  # by the sync that brings it
    start(master, agent)
    assert master.run("test.ping")["return"] is True
    assert master.run("good.f")["return"] == 1
    assert master.run("test.ping", isolate=True)["return"] is True
    master.run("saltutil.sync_modules")
    assert master.run("sys.load_errors")["return"] == {"test": WHY}
    assert agent.logged().count(STAYS) == 1
    assert agent.stop() == 0
    start(master, agent)  # with nothing to sync
    assert master.run("test.ping")["return"] is True
    assert master.run("sys.load_errors")["return"] == {"test": WHY}
    assert agent.logged().count(STAYS) == 2
    master.files["_modules/test.py"] = PING.encode()
    assert master.run("saltutil.sync_modules")["return"] == ["modules.test"]
    assert master.run("test.ping")["return"] == "mine"
    assert master.run("sys.load_errors")["return"] == {}
    assert agent.stop() == 0
    assert not (agent.folder / "cache" / "loading").exists()


@pytest.mark.parametrize("text", [ENDINGS["exits"], ENDINGS["in virtual"]])
def test_a_new_module_ends_an_agent_twice_and_is_told_by_the_next_sync(master: Any, make_agent: Any, text: str) -> None:
    master.files = {"_modules/deadly.py": text.encode()}
    agent = make_agent()
    for _ in range(2):
        start(master, agent)
        master.run("saltutil.sync_modules")
        master.job("deadly.f")
        wait_ended(agent)
    start(master, agent)
    assert master.run("sys.load_errors")["return"] == {"deadly": WHY}
    assert f"'deadly' __virtual__ returned False: {WHY}" in master.run("deadly.f")["return"]
    assert f"modules.deadly: not used: {WHY}" in master.run("saltutil.sync_modules")["return"]
    assert master.run("sys.load_errors")["return"] == {"deadly": WHY}


def test_an_agent_that_is_stopped_while_it_loads_blames_nobody(
    master: Any, make_agent: Any, module_dir: Path, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    (module_dir / "slow.py").write_text(f"import time\nopen({str(begun)!r}, 'x')\ntime.sleep(3600)\n")
    agent = make_agent(module_dirs=[str(module_dir)])
    for _ in range(3):
        start(master, agent)
        master.job("slow.f")
        wait_for(begun.exists, "the load")
        assert (agent.folder / "cache" / "loading").exists()
        assert agent.stop() == 0
        assert not (agent.folder / "cache" / "loading").exists()
        begun.unlink()


# the marks


def test_one_end_is_forgiven(module_dir: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent may be killed from outside while it loads a good module, and later again."""
    monkeypatch.setenv("ENDS", "1")
    put(module_dir, "test.py", "import os\nif 'ENDS' in os.environ: os._exit(1)\n" + PING)
    for _ in range(3):
        assert ended(module_dir, path, "test.ping") == 1
        with monkeypatch.context() as within:
            within.delenv("ENDS")
            assert ended(module_dir, path, "test.ping") == 0
        assert not os.path.exists(path)
    for _ in range(2):
        assert ended(module_dir, path, "test.ping") == 1
    monkeypatch.delenv("ENDS")
    assert loader(module_dir, path).function("test.ping")() is True
    put(module_dir, "test.py", PING + "# changed\n")
    assert loader(module_dir, path).function("test.ping")() == "mine"


def test_what_is_imported_is_to_blame_and_not_who_imports_it(module_dir: Path, path: str) -> None:
    put(module_dir, "test.py", "try:\n    import _lib\nexcept ImportError as error:\n    why = str(error)\n" + PING)
    put(module_dir, "_lib.py", ENDINGS["exits"])
    assert [ended(module_dir, path, "test.ping") for _ in range(3)] == [1, 1, 0]
    function = loader(module_dir, path).function("test.ping")
    assert function() == "mine"
    assert function.__globals__["why"] == f"_lib can't be imported: _lib.py: {WHY}"


def test_who_ends_the_agent_after_an_import_is_to_blame(module_dir: Path, path: str) -> None:
    put(module_dir, "test.py", "import _lib\n" + ENDINGS["exits"])
    put(module_dir, "_lib.py", "")
    assert [ended(module_dir, path, "test.ping") for _ in range(3)] == [1, 1, 0]
    assert loader(module_dir, path).passed_over() == {"test": STAYS}


def test_a_file_of_a_package_is_mended_alone(module_dir: Path, path: str) -> None:
    put(module_dir, "test/__init__.py", "from .inner import ping\n")
    put(module_dir, "test/inner.py", ENDINGS["exits"])
    assert [ended(module_dir, path, "test.ping") for _ in range(3)] == [1, 1, 0]
    assert loader(module_dir, path).passed_over() == {
        "test": f"not used: inner.py: {WHY}; the bundled one stays in place"
    }
    put(module_dir, "test/inner.py", PING)
    assert loader(module_dir, path).function("test.ping")() == "mine"


INIT = "from .inner import ping, go\ndef __virtual__():\n    {}\n    return True\n"


@pytest.mark.parametrize(
    ("file", "text"),
    [("__init__.py", INIT.format("pass")), ("inner.py", "def go(): pass\n" + PING)],
    ids=["itself", "inside"],
)
def test_virtual_of_a_package_is_tried_again_when_any_file_of_it_changes(
    module_dir: Path, path: str, file: str, text: str
) -> None:
    put(module_dir, "test/__init__.py", INIT.format("go()"))
    put(module_dir, "test/inner.py", "import os\ndef go(): os._exit(1)\n" + PING)
    assert [ended(module_dir, path, "test.ping") for _ in range(3)] == [1, 1, 0]
    assert loader(module_dir, path).passed_over() == {"test": STAYS}
    put(module_dir, f"test/{file}", text)
    assert loader(module_dir, path).function("test.ping")() == "mine"


def test_what_was_loaded_beside_it_is_not_refused(module_dir: Path, path: str) -> None:
    """Both are marked when the agent ends; the second time they are loaded one after the other."""
    put(module_dir, "test.py", "import os\n__opts__['side'].wait()\nos._exit(1)\n")
    put(module_dir, "cmd.py", "__opts__['side'].set()\n__opts__['never'].wait(1.0)\ndef f(): return 1\n")
    text = (
        "import sys, threading; from saltern_agent.loader import Loader; from saltern_agent.loader.marks import Marks;"
        "from saltern_agent.jobs import Current;"
        "opts = {'side': threading.Event(), 'never': threading.Event()};"
        "made = Loader(opts, [sys.argv[1]], Current(), [], Marks(sys.argv[2], keep=True));"
        "both = [threading.Thread(target=made.function, args=[name]) for name in ('cmd.f', 'test.ping')];"
        "[thread.start() for thread in both]; [thread.join() for thread in both]"
    )
    done = [
        subprocess.run([sys.executable, "-c", text, str(module_dir), path], timeout=60, capture_output=True)
        for _ in range(4)
    ]
    assert [one.returncode for one in done][:2] == [1, 1]
    assert done[-1].returncode == 0
    put(module_dir, "cmd.py", (module_dir / "cmd.py").read_text())  # as it was
    made = Loader(
        {"side": threading.Event(), "never": threading.Event()}, [str(module_dir)], Current(), [], Marks(path)
    )
    assert made.function("cmd.f")() == 1
    assert made.function("test.ping")() is True


def test_a_child_makes_no_marks_and_heeds_them(module_dir: Path, path: str) -> None:
    put(module_dir, "test.py", f"import os\nthere = os.path.exists({path!r})\n" + PING)
    made = loader(module_dir, path, keep=False)
    assert made.function("test.ping").__globals__["there"] is False
    assert loader(module_dir, path).function("test.ping").__globals__["there"] is True
    put(module_dir, "test.py", ENDINGS["exits"])
    assert [ended(module_dir, path, "test.ping") for _ in range(3)] == [1, 1, 0]
    assert loader(module_dir, path, keep=False).function("test.ping")() is True


def test_bundled_modules_are_not_marked(path: str, module_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Marks, "_begin", lambda *_: pytest.fail("marked"))
    assert loader(module_dir, path).function("test.ping")() is True


@pytest.mark.parametrize("state", [b"", b"\xff", pack_value([1]), pack_value({"loading": 1, "ended": 2})])
def test_a_file_that_makes_no_sense_is_none(module_dir: Path, path: str, state: bytes) -> None:
    Path(path).parent.mkdir()
    Path(path).write_bytes(state)
    put(module_dir, "test.py", PING)
    assert loader(module_dir, path).function("test.ping")() == "mine"
    assert not os.path.exists(path)


def test_a_folder_that_can_not_be_written_stops_no_load(module_dir: Path, path: str) -> None:
    Path(path).parent.write_text("no folder")
    put(module_dir, "test.py", PING)
    assert loader(module_dir, path).function("test.ping")() == "mine"


def test_a_full_disk_stops_no_load(module_dir: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(marks_module, "write_atomic", full)
    put(module_dir, "test.py", PING)
    assert loader(module_dir, path).function("test.ping")() == "mine"


def test_after_the_end_nothing_is_marked(path: str) -> None:
    marks = Marks(path, keep=True)
    with marks.loading("/x", "d"):
        with marks.loading("/y", "d"):
            marks.close()
            assert not os.path.exists(path)
        assert not os.path.exists(path), "a thread that goes on marks nothing again"
    with marks.loading("/z", "d"):
        assert not os.path.exists(path)


def test_what_is_remembered_is_bounded(path: str) -> None:
    many = [[f"/{number}", "d"] for number in range(500)]
    Path(path).parent.mkdir()
    Path(path).write_bytes(pack_value({"loading": many, "ended": {}}))
    with Marks(path, keep=True).loading("/x", "d"):
        state = unpack_value(Path(path).read_bytes())
    assert state["loading"] == [["/x", "d"]]
    assert list(state["ended"]) == [f"/{number}" for number in range(400, 500)]


def test_the_first_end_is_said_and_the_second_refuses(path: str, caplog: pytest.LogCaptureFixture) -> None:
    Path(path).parent.mkdir()
    Path(path).write_bytes(pack_value({"loading": [["/x", "d"]], "ended": {"/x": ["d", 1], "/y": ["d", 1]}}))
    caplog.set_level(logging.WARNING)
    marks = Marks(path, keep=True)
    with pytest.raises(Deadly, match=WHY), marks.loading("/x", "d"):
        pass
    assert not caplog.records
    with marks.loading("/x", "other"), marks.loading("/y", "d"):
        pass
    assert not os.path.exists(path)
    Path(path).write_bytes(pack_value({"loading": [["/x", "d"]], "ended": {}}))
    assert not Marks(path, keep=True).refuses("/x")
    (record,) = caplog.records
    assert record.getMessage().startswith("/x: the agent ended while this was loaded")
