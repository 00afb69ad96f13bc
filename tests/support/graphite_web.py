"""Two Graphites over one Whisper tree: the real graphite-web, from Debian's package, and ours."""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import httpx

from support.ports import free_port
from support.programs import Program

DEBIAN_PYTHON = "/usr/bin/python3"
ANSWER_WAIT_S = 60.0
_PROGRAM = Path(__file__).with_name("graphite_web_main.py")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    type: str
    body: bytes

    def json(self) -> Any:
        """The body read as JSON; ``1e9999`` is infinity."""
        return json.loads(self.body)


class GraphiteWeb:
    """The real one, in a process of its own, asked through a pipe."""

    def __init__(self, folder: Path, tree: Path, python: str = DEBIAN_PYTHON) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "console", "wb") as log:
            self._process = subprocess.Popen(
                [python, str(_PROGRAM), str(folder), str(tree)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment | {"TZ": "UTC"},
            )
        self._log = folder / "console"

    def ask(self, path: str, pairs: Pairs = (), *, post: bool = False) -> Answer:
        """Ask for *path* with the parameters *pairs*, by GET or as a form by POST."""
        form = urlencode(list(pairs))
        url = path if post or not form else f"{path}?{form}"
        request = {"method": "POST" if post else "GET", "path": url, "body": form if post else ""}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        watch = threading.Timer(ANSWER_WAIT_S, self._process.kill)  # some mistakes never end there
        watch.start()
        line = self._process.stdout.readline()
        watch.cancel()
        assert line, f"graphite-web ended over {request}: {self._log.read_text()[-2000:]}"
        told = json.loads(line)
        return Answer(told["status"], told["type"], told["body"].encode("latin-1"))

    def __enter__(self) -> GraphiteWeb:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


class Saltern:
    """Ours, a real ``saltern-graphite serve --read-only``, which by default consolidates as Graphite does."""

    def __init__(self, folder: Path, tree: Path, *, consolidate: str = "average") -> None:
        port = free_port()
        argv = [sys.executable, "-m", "saltern_graphite", "serve", "--read-only", "--root", str(folder)]
        argv += ["--whisper", str(tree), "--http", f"127.0.0.1:{port}", "--consolidate", consolidate]
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_WAIT_S)
        self._program = Program(argv, folder / "console", self._ready)

    def ask(self, path: str, pairs: Pairs = (), *, post: bool = False) -> Answer:
        """Ask for *path* with the parameters *pairs*, by GET or as a form by POST."""
        form = urlencode(list(pairs))
        if post:
            kind = {"content-type": "application/x-www-form-urlencoded"}
            answer = self._client.post(path, content=form, headers=kind)
        else:
            answer = self._client.get(f"{path}?{form}" if form else path)
        return Answer(answer.status_code, answer.headers.get("content-type", ""), answer.content)

    def _ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return bool(self._client.get("/health").json()["index"]["complete"])
        return False

    def __enter__(self) -> Saltern:
        self._program.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._program.__exit__(kind, error, trace)


def same_number(one: object, other: object, tolerance: float = 1e-9) -> bool:
    """Whether two values of an answer are the same but for the last bits."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return one == other or math.isclose(one, other, rel_tol=tolerance, abs_tol=1e-12)
    return one == other


def unlike(theirs: Any, ours: Any, place: str = "") -> str | None:
    """Where two documents differ first; None when they say the same."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if theirs.keys() != ours.keys():
            return f"{place}: keys {sorted(theirs)} there, {sorted(ours)} here"
        pairs = [(f"{place}.{key}", theirs[key], ours[key]) for key in theirs]
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            return f"{place}: {len(theirs)} entries there, {len(ours)} here"
        pairs = [(f"{place}[{at}]", one, other) for at, (one, other) in enumerate(zip(theirs, ours, strict=True))]
    else:
        return None if same_number(theirs, ours) else f"{place}: {theirs!r} there, {ours!r} here"
    return next((found for at, one, other in pairs if (found := unlike(one, other, at))), None)


def read_raw(body: bytes) -> list[list[Any]]:
    """``format=raw`` as name, start, end, step and values. Numbers count, not how they are written."""
    series = []
    for line in body.decode().splitlines():
        head, _, values = line.rpartition("|")
        name, start, end, step = head.rsplit(",", 3)
        numbers = [None if value == "None" else float(value) for value in values.split(",") if value]
        series.append([name, int(start), int(end), int(float(step)), numbers])
    return series


def read_csv(body: bytes) -> list[list[Any]]:
    """``format=csv`` as rows, the value read as a number."""
    rows = []
    for line in body.decode().splitlines():
        head, _, value = line.rpartition(",")
        rows.append([head, float(value) if value else None])
    return rows
