"""Programs started where anybody may write, by a shell that lets anybody write: nobody gets in by it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import saltern_agent.main
import saltern_agent.proxy_program
import saltern_graphite.main
import saltern_master.main
import saltern_master.up.main
from saltern.client import LocalClient
from saltern.config import master_config
from saltern.runner import RunnerClient
from support.stacks import process_tree, wait_for

BIN = Path(sys.executable).parent
HOSTILE = "import os\nopen(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ran-' + __name__), 'w').close()\n"
IMPORTED_EARLY = ("logging", "json", "yaml", "msgpack", "saltern", "saltern_graphite", "saltern_agent", "numpy")


class Stack:
    """A stack of ``saltern-up``, in a folder of everybody's with *HOSTILE* modules, under umask 000."""

    def __init__(self, folder: Path) -> None:
        self.everybodys = folder / "everybodys"
        self.everybodys.mkdir()
        self.everybodys.chmod(0o1777)
        for name in IMPORTED_EARLY:
            (self.everybodys / f"{name}.py").write_text(HOSTILE)
        self.root = folder / "root"
        self.log = folder / "up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = self.run("saltern-up", "--plain", "--root", str(self.root), "--minions", "1")
        wait_for(lambda: "1/1 up" in self.log.read_text(errors="replace"), "the stack", 60)

    def run(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        """Start a program there."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [BIN / program, *words],
                cwd=self.everybodys,
                env=environment,
                umask=0,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def client(self) -> LocalClient:
        return LocalClient(str(self.root / "etc"))

    def hostile_code_that_ran(self) -> list[str]:
        return [path.name for path in self.everybodys.glob("ran-*")]


@pytest.mark.parametrize(
    "main",
    [
        saltern_master.main.main,
        saltern_master.up.main.main,
        saltern_agent.main.main,
        saltern_agent.proxy_program.main,
        saltern_graphite.main.main,
    ],
)
def test_every_daemon_sets_its_umask_first(main: Callable[[list[str]], int]) -> None:
    os.umask(0)
    with contextlib.suppress(SystemExit):
        main(["--version"])
    assert os.umask(0) == 0o027


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("anywhere"))
    try:
        stack.start()
        yield stack
    finally:
        if stack.process is not None:
            stack.process.terminate()
            stack.process.wait(40)


def test_the_stack_and_isolated_jobs_import_nothing_from_there(stack: Stack) -> None:
    for isolate in (False, True):
        (answer,) = stack.client.cmd_iter("*", "test.echo", ["hi"], isolate=isolate)
        assert [data["ret"] for data in answer.values()] == ["hi"]
    (answer,) = stack.client.cmd_iter("*", "cmd.run", ["env"], isolate=True)
    assert "PYTHON" not in str(answer)
    assert stack.hostile_code_that_ran() == []


def test_nothing_of_the_stack_can_be_written_by_others(stack: Stack, tmp_path: Path) -> None:
    (stack.root / "srv/_modules/mine.py").write_text("def f():\n    return 1\n")
    (stack.root / "srv/motd").write_text("hi\n")
    runner = RunnerClient(master_config(str(stack.root / "etc")))
    runner.cmd("fileserver.update")
    client = stack.client
    client.cmd("*", "saltutil.sync_modules")
    wait_for(lambda: any(answer == 1 for answer in client.cmd("*", "mine.f").values()), "the module")
    client.cmd("*", "cp.cache_file", ["salt://motd"])
    client.cmd("*", "schedule.add", ["mine"], kwarg={"function": "mine.f", "seconds": 3600})
    wait_for(lambda: any(stack.root.glob("graphite/whisper/**/*.wsp")), "a file of points")
    own = {stack.root / "srv/_modules/mine.py", stack.root / "srv/motd"}
    found: dict[Path, int] = {}
    for path in {stack.root, *stack.root.rglob("*")} - own:
        with contextlib.suppress(FileNotFoundError):  # the stack works: files come and go
            found[path] = path.lstat().st_mode
    assert len(found) > 40
    others = {path for path, mode in found.items() if mode & 0o022 and not stat.S_ISLNK(mode)}
    # Who may connect is the master's affair; where a socket is, is ours.
    sockets = {path for path, mode in found.items() if stat.S_ISSOCK(mode)}
    assert others - sockets == set()
    assert [stat.S_IMODE(found[path]) for path in sockets] == [0o666]  # whoever logs in gets to it


def test_a_program_run_by_a_job_has_a_shells_umask(stack: Stack) -> None:
    assert set(stack.client.cmd("*", "cmd.shell", ["umask"]).values()) == {"0022"}


def test_graphites_own_processes_import_nothing_from_there(stack: Stack, tmp_path: Path) -> None:
    server = stack.run(
        "saltern-graphite", "serve", "--root", str(tmp_path / "g"), "--writers", "1",
        "--line", "127.0.0.1:0", "--pickle", "off", "--batch", "off", "--http", "127.0.0.1:0",
    )  # fmt: skip
    try:
        run_file = tmp_path / "g/run/graphite.json"
        wait_for(
            lambda: run_file.exists() and json.loads(run_file.read_text())["pid"] == server.pid, "it to listen", 40
        )
        wait_for(lambda: len(process_tree(server.pid)) > 1, "its writer")
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(40) == 0
    assert stack.hostile_code_that_ran() == []
    assert [path for path in (tmp_path / "g").rglob("*") if path.stat().st_mode & 0o022] == []
