"""A run of tests ends, and tells what hung, whatever its tests do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CONFTEST = """
import os, threading, pytest
from support.scheduling import Scheduling
from support.watchdog import Watchdog
def pytest_configure(config):
    config.pluginmanager.register(Watchdog(config, grace_s=1, end_s={end_s}, idle_s={idle_s}))
def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)
def pytest_sessionfinish():
    if {hangs}: threading.Event().wait()
"""
CALLBACK = """
import asyncio, time, pytest
async def main():
    def busy():
        time.sleep(0.2)
        asyncio.get_running_loop().call_soon(busy)
    busy()
    await asyncio.Event().wait()
@pytest.mark.timeout(1)
def test_whose_loop_logs_the_timeout(): asyncio.run(main())
def test_after_it(): pass
"""
THREAD = """
import asyncio, threading, pytest
async def main():
    await asyncio.to_thread(threading.Event().wait)
@pytest.mark.timeout(1)
def test_whose_loop_waits_for_a_thread(): asyncio.run(main())
def test_after_it(): pass
"""
TEARDOWN = """
import threading, pytest
@pytest.fixture
def hanging():
    yield
    threading.Event().wait()
@pytest.mark.timeout(5)
def test_that_fails(hanging): assert False
def test_after_it(): pass
"""
FINE = """
def test_one(): pass
def test_two(): pass
"""
CRASH = """
import os, time
def test_that_leaves_a_child():
    if os.fork() == 0:
        while not os.path.exists("over"): time.sleep(0.1)
        os._exit(0)
    os._exit(1)
"""
pytestmark = pytest.mark.timeout(300)


def run(
    folder: Path, files: dict[str, str], *given: str, hangs: str = "False", end_s: str = "60", idle_s: int = 600
) -> tuple[int, str]:
    """Return how such a run ends, and what it says."""
    (folder / "conftest.py").write_text(CONFTEST.format(hangs=hangs, end_s=end_s, idle_s=idle_s))
    (folder / "pytest.ini").write_text(f"[pytest]\naddopts = --import-mode=importlib\npythonpath = {TESTS}\n")
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    # A child may outlive the run, and keep a pipe open.
    with (folder / "said").open("w+") as said:
        plugins = [f"-pno:{name}" for name in ("cacheprovider", "schemathesis", "anyio", "hypothesispytest")]
        argv = [sys.executable, "-m", "pytest", "--timeout=60", *plugins, f"--basetemp={folder / 'temp'}", *given]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        process = subprocess.Popen(argv, cwd=folder, env=environment, stdout=said, stderr=said)
        try:
            code = process.wait(200)
        finally:
            process.kill()
            process.wait()
            (folder / "over").touch()
        said.seek(0)
        return code, said.read()


def test_a_test_that_hangs_on_after_its_timeout_fails_and_the_others_go_on(tmp_path: Path) -> None:
    files = {"callback": CALLBACK, "thread": THREAD, "teardown": TEARDOWN}
    code, said = run(tmp_path, files, "-n2", "--dist=loadfile")
    assert code == 1, said
    assert "crashed while running 'test_callback.py::test_whose_loop_logs_the_timeout'" in said
    assert "crashed while running 'test_thread.py::test_whose_loop_waits_for_a_thread'" in said
    assert "in test_whose_loop_logs_the_timeout\n" in said  # all that led to where it was
    assert "FAILED test_teardown.py::test_that_fails - assert False" in said
    assert "ERROR test_teardown.py::test_that_fails - Failed: Timeout (>5.0s)" in said
    assert "3 failed, 3 passed, 1 error in" in said


def test_a_crash_costs_one_test_even_when_a_child_lives_on(tmp_path: Path) -> None:
    one = "def test_one(): pass"
    files = {"a": FINE, "b": FINE, "crash": CRASH, "later": one, "last": one}
    code, said = run(tmp_path, files, "-n1", "--dist=loadfile")
    assert code == 1, said
    assert said.count("replacing crashed worker") == 1
    assert "1 failed, 6 passed in" in said


@pytest.mark.parametrize("workers", [0, 1])
def test_a_session_that_does_not_end_is_ended_and_has_failed(tmp_path: Path, workers: int) -> None:
    hangs = "os.environ.get('PYTEST_XDIST_WORKER') == 'gw0'" if workers else "True"
    code, said = run(tmp_path, {"fine": FINE}, f"-n{workers}", "--dist=loadfile", hangs=hangs, end_s="5", idle_s=10)
    assert code == 1, said
    assert "in pytest_sessionfinish\n" in said
    if workers:
        assert "2 passed in" in said


def test_a_worker_without_tests_waits_for_the_others(tmp_path: Path) -> None:
    slow = "import time\ndef test_long(): time.sleep(8)\n"
    end_s = "1 if hasattr(config, 'workerinput') else 60"
    code, said = run(tmp_path, {"fine": FINE, "slow": slow}, "-n2", "--dist=loadfile", end_s=end_s, idle_s=60)
    assert code == 0, said
    assert "Timeout" not in said
