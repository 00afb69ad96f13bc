"""``saltern-up``: the program."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial

from rich.console import Console
from rich.live import Live

from saltern import own_environment
from saltern.__about__ import __version__
from saltern.errors import CODES, ChannelError, ConfigError, SalternError, exit_code, told
from saltern.files import UMASK
from saltern.folder_lock import locked
from saltern.visible import visible
from saltern_master.up.stack import PREFERRED_PORTS, Program, Stack
from saltern_master.up.status import Status, StatusSource
from saltern_master.up.supervisor import Supervisor
from saltern_master.up.view import View, places, plain_line

ROOT_MODE = 0o755
START_TIMEOUT_S = 30.0
PORT_TRIES = 3
LOOK_EVERY_S = 1.0
PLAIN_LINE_EVERY_S = 5.0
MAX_LINE_BYTES = 4096
EX_CONFIG = CODES[ConfigError.code].exit

EPILOG = """examples:
  saltern-up --demo                     a throw-away stack with three agents, and a live view
  saltern-up --root ~/saltern           a stack that keeps its data in ~/saltern
  saltern -c ~/saltern/etc '*' test.ping
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a stack until Ctrl-C or SIGTERM; return the exit code."""
    os.umask(UMASK)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it can be heeded
    parser = argparse.ArgumentParser(
        prog="saltern-up",
        description="Run the whole stack on this host: master, agents, Carbon/Whisper, HTTP API, console.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--demo", action="store_true", help="a throw-away folder, free ports, three agents")
    parser.add_argument("--root", metavar="DIR", help="keep everything below DIR, across restarts")
    parser.add_argument("--minions", type=int, metavar="N", help="how many agents to run here (1; with --demo 3)")
    parser.add_argument("--plain", action="store_true", help="plain lines even on a terminal")
    parser.add_argument("--version", action="version", version=f"saltern-up {__version__}")
    options = parser.parse_args(argv)
    if not options.demo and not options.root:
        parser.error("say where to keep the data (--root DIR), or --demo")
    minions = options.minions if options.minions is not None else (3 if options.demo else 1)
    if not 0 <= minions <= 100:
        parser.error(f"--minions {minions}: must be between 0 and 100")
    own_environment.settle(os.environ)
    root = options.root or tempfile.mkdtemp(prefix="saltern-demo-")
    try:
        stack = Stack(root, minions, demo=options.demo, usual_ports={} if options.demo else PREFERRED_PORTS)
        plain = options.plain or not sys.stdout.isatty()
        with locked(stack.root, ROOT_MODE):
            return asyncio.run(_Up(stack, plain=plain).run())
    except SalternError as error:
        print(f"saltern-up: {told(error)}", file=sys.stderr)
        return exit_code(error)
    finally:
        if not options.root:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever presses Ctrl-C again wants nothing left, too
            shutil.rmtree(root, ignore_errors=True)


class _Up:
    """One run."""

    def __init__(self, stack: Stack, *, plain: bool) -> None:
        self._stack = stack
        self._plain = plain
        self._on_terminal = os.isatty(sys.stdout.fileno())
        self._stop = asyncio.Event()
        self._view = View(stack)
        self._say: Callable[[str], None] = lambda line: print(line, flush=True)
        self._began = time.monotonic()
        self._waited: list[Program] = []
        """Those that haven't said yet that they listen."""

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        self._progress(f"data in {self._stack.root}")
        supervisor = self._start()
        try:
            tries = 1
            while await self._until(self._listening(supervisor)) and (ended := self._ended_early(supervisor)):
                self._refuse_faults(supervisor)
                if tries == PORT_TRIES:
                    raise ChannelError(f"{ended[0]} ended: {_last_line(self._stack.log_path(ended[0]))}")
                taken = [port for program in self._waited for port in program.ports]
                await supervisor.stop()
                supervisor = self._start(taken)
                tries += 1
            if not self._stop.is_set():
                self._stack.write_endpoints(supervisor.pids())
                supervisor.begun = partial(self._tell_pids, supervisor)
                source = StatusSource(self._stack.sock_dir, self._stack.http_url)
                if await self._until(self._first_points(source)):
                    for name, value in places(self._stack):
                        self._progress(f"{name}: {value}")
                    await (self._print_lines(source) if self._plain else self._show(source))
        finally:
            self._say = lambda line: print(line, flush=True)
            began = time.monotonic()
            await supervisor.stop()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._stack.endpoints_file)
            print(f"stopped cleanly in {time.monotonic() - began:.1f} s", flush=True)
        return 0

    def _start(self, taken: Collection[str] = ()) -> Supervisor:
        """Start every program on ports that are free at this moment; *taken*: those of which others were quicker."""
        self._stack.prepare(taken)
        supervisor = Supervisor(self._stack.programs(), self._stack.log_path, lambda line: self._say(line))
        supervisor.start()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hung_up, supervisor)
        return supervisor

    def _tell_pids(self, supervisor: Supervisor) -> None:
        """A program was started again: another process has its place."""
        with contextlib.suppress(OSError):  # a full disk keeps nothing from being looked after
            self._stack.write_endpoints(supervisor.pids())

    def _hung_up(self, supervisor: Supervisor) -> None:
        """Pass SIGHUP on; but when the terminal that we were started on is gone, so are we."""
        if self._on_terminal and not os.isatty(sys.stdout.fileno()):
            self._stop.set()
            return
        self._say(f"SIGHUP: {', '.join(supervisor.pids())} were told to read their files again")
        supervisor.reload()

    def _ended_early(self, supervisor: Supervisor) -> list[str]:
        """Return the programs that listen and ended: another program may have been quicker to take their port."""
        return [
            program.name for program in self._stack.programs() if program.ready_file and supervisor.ends[program.name]
        ]

    def _refuse_faults(self, supervisor: Supervisor) -> None:
        """Raise ``ConfigError`` when a program can't use its configuration: another start won't help."""
        for name, code in supervisor.codes.items():
            if code == EX_CONFIG:
                raise ConfigError(_last_line(self._stack.log_path(name)))

    async def _until(self, waiting: object) -> bool:
        """Wait for something or for the stop signal; return whether it was the former."""
        assert asyncio.iscoroutine(waiting)
        work = asyncio.create_task(waiting)
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if work.done():
            work.result()
            return True
        work.cancel()
        return False

    async def _listening(self, supervisor: Supervisor) -> None:
        """Wait until each program that listens has said so, or one ended. Raises ``ChannelError`` when one doesn't."""
        began = time.monotonic()
        self._waited = [program for program in self._stack.programs() if program.ready_file]
        while self._waited and not self._ended_early(supervisor):
            for program in self._waited[:]:
                if _ready(program.ready_file or "", supervisor.pids().get(program.name)):
                    self._progress(f"{program.name} is listening")
                    self._waited.remove(program)
            if time.monotonic() - began > START_TIMEOUT_S:
                names = ", ".join(program.name for program in self._waited)
                raise ChannelError(f"{names} did not come up in {START_TIMEOUT_S:g} s: see {self._stack.log_dir}")
            await asyncio.sleep(0.02)

    async def _first_points(self, source: StatusSource) -> None:
        if not self._stack.minion_ids:
            return
        while True:
            status = await asyncio.to_thread(source.look)
            with_points = sum(bool(minion.up and minion.series) for minion in status.minions)  # points stay, agents go
            if with_points >= len(self._stack.minion_ids):
                who = "1 minion is up and its" if with_points == 1 else f"{with_points} minions are up and their"
                self._progress(f"{who} first points can be read")
                return
            if time.monotonic() - self._began > START_TIMEOUT_S:
                self._progress(f"no points of some minions yet: see {self._stack.log_dir}")
                return
            await asyncio.sleep(0.1)

    async def _show(self, source: StatusSource) -> None:
        self._say = self._view.say
        with Live(console=Console(), screen=True, auto_refresh=False) as live:
            while not self._stop.is_set():
                live.update(self._view.draw(await asyncio.to_thread(source.look)), refresh=True)
                await self._pause(LOOK_EVERY_S)

    async def _print_lines(self, source: StatusSource) -> None:
        while not self._stop.is_set():
            status: Status = await asyncio.to_thread(source.look)
            print(plain_line(status), flush=True)
            await self._pause(PLAIN_LINE_EVERY_S)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    def _progress(self, line: str) -> None:
        print(f"[{time.monotonic() - self._began:5.1f} s] {visible(line)}", flush=True)


def _last_line(path: str) -> str:
    with contextlib.suppress(OSError), open(path, "rb") as log:
        log.seek(max(0, os.fstat(log.fileno()).st_size - MAX_LINE_BYTES))
        return log.read().decode(errors="replace").rstrip().rpartition("\n")[2]
    return f"see {path}"


def _ready(path: str, pid: int | None) -> bool:
    """Return whether the program with *pid* has written its ready file."""
    try:
        with open(path, encoding="utf-8") as stream:
            return pid is not None and json.load(stream).get("pid") == pid
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    sys.exit(main())
