"""What the Python API answers, held against what Salt's does (``support/salt_answers/record_python_api.py``).

Every case is run on one stack of real processes. What is different on purpose is in ``DIFFERENT``, with the reason.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import saltern.client
import saltern.config
import saltern.event
import saltern.exceptions
import saltern.runner
import saltern.wheel
from support.salt_answers.api_case import answer
from support.stacks import Parts

RECORDED = json.loads((Path(__file__).parent.parent / "support/salt_answers/python_api.json").read_text())

QUICK = (
    ("'test.sleep', [2]", "'test.sleep', [0.4]"),
    ("'test.sleep', [1]", "'test.sleep', [0.2]"),
    ("timeout=2, gather_job_timeout=2", "timeout=0.2, gather_job_timeout=0.2"),
    ("timeout=2)", "timeout=0.2)"),
    ("wait=1,", "wait=0.1,"),
)
"""Times that Salt had to be given, and that this needn't."""

DIFFERENT: dict[str, str] = {}
"""Cases, by their last line, with why the answer is another."""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    root = tmp_path_factory.mktemp("stack")
    parts = Parts(root, ids=["db1", "web1", "web2"], master="schedule: {stats: false}\nheartbeat_timeout: 600\n")
    for minion_id in parts.stack.minion_ids:
        (Path(parts.stack.minion_config(minion_id)) / "minion").write_text(f"grains: {{role: {minion_id}}}\n")
    files = root / "srv"
    (files / "sub").mkdir()
    (files / "a.txt").write_text("hello\n")
    (files / "b.bin").write_bytes(bytes(range(256)))
    (files / "sub/b.txt").write_text("below\n")
    with parts.running():
        yield parts


KINDS = ("SaltReqTimeoutError", "AuthorizationError", "SaltClientError", "SaltInvocationError", "SaltException")


def kind_of(error: Exception) -> str:
    """Return the name that Salt's users know an error's class by."""
    if isinstance(error, KeyError):
        return "KeyError"
    named = [name for name in KINDS if isinstance(error, getattr(saltern.exceptions, name))]
    return named[0] if named else type(error).__name__


def test_answers_are_those_of_salt(parts: Parts) -> None:
    client_opts = saltern.config.client_config(parts.stack.config_dir)
    local = saltern.client.LocalClient(mopts={**client_opts, "gather_job_timeout": 0.2})
    opts = saltern.config.master_config(parts.stack.config_dir)
    names: dict[str, Any] = {
        "local": local,
        "runner": saltern.runner.RunnerClient(opts),
        "wheel": saltern.wheel.WheelClient(opts),
        "caller": saltern.client.Caller(
            mopts={
                **saltern.config.minion_config(parts.stack.minion_config("web1")),
                "file_client": "local",
            }
        ),
    }
    different: dict[str, tuple[Any, Any]] = {}
    only = os.environ.get("ONLY", "")
    stopped = False
    try:
        for recorded in RECORDED:
            if only not in recorded["case"]:
                continue
            if recorded["part"] == "silent" and not stopped:
                os.kill(parts.pid("agent db1"), signal.SIGSTOP)
                stopped = True
            with saltern.event.get_event("master", sock_dir=opts["sock_dir"], opts=opts, listen=True) as event:
                replaced = [(f"{parts.stack.root}/srv", "ROOT/files"), ("saltern-run", "salt-run")]
                case = recorded["case"]
                for slow, quick in QUICK:
                    case = case.replace(slow, quick)
                began = time.monotonic()
                ours = answer(case, {**names, "event": event}, replaced, kind_of)
            if os.environ.get("SHOW") and time.monotonic() - began > 0.4:
                print(round(time.monotonic() - began, 1), recorded["case"])
            if ours != recorded["answer"]:
                different[recorded["case"]] = (ours, recorded["answer"])
    finally:
        if stopped:
            os.kill(parts.pid("agent db1"), signal.SIGCONT)
    if only or os.environ.get("SHOW"):
        for case, (ours, theirs) in different.items():
            print(case, f"\n   OURS  {ours}"[:700], f"\n   THEIR {theirs}"[:700])
    assert set(different) == set(DIFFERENT)
