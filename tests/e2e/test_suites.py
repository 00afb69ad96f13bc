"""A suite on several hosts at once, from the file server to the report, metrics, and another run."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.event import MasterEvent
from support.stacks import Parts, wait_for

MASTER = """
fileserver_update_interval: 0.5
self_metrics_interval: 1
"""
IDS = ["web1", "web2"]
TESTS = """
import os
def test_everywhere(): pass
def test_on_one(): assert os.environ["HOST"] == "web1"
"""
SCRIPT = """#!/bin/sh
[ -e {root}/down ] || { echo ok 1 up; exit 0; }
echo not ok 1 up
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    root = tmp_path_factory.mktemp("stack")
    parts = Parts(root, master=MASTER, ids=IDS)
    folder = Path(parts.stack.root) / "srv" / "suites" / "web"
    folder.mkdir(parents=True)
    (folder / "up").write_text(SCRIPT.replace("{root}", str(root)))
    with parts.running():
        yield parts


def report(parts: Parts, jid: str, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [
        str(Path(sys.executable).with_name("saltern-run")),
        "-c",
        parts.stack.config_dir,
        "suite.report",
        jid,
        *words,
    ]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def ran(parts: Parts, *args: Any, **kwargs: Any) -> str:
    """Run a suite everywhere and return its jid, once all have answered."""
    job = parts.client.run_job("*", "suite.run", list(args), kwarg=kwargs)
    returns = parts.client.get_returns(job["jid"], set(job["minions"]), timeout=30)
    assert set(returns) == set(IDS)
    return str(job["jid"])


def test_from_the_first_run_to_what_changed(parts: Parts, tmp_path: Path) -> None:
    first = ran(parts, "salt://suites/web", name="web")
    text = report(parts, first)
    assert text.returncode == 0, text.stderr
    assert "suite web" in text.stdout
    assert "all tests passed" in text.stdout
    root = Path(parts.stack.root)
    (root / "down").touch()
    second = ran(parts, "salt://suites/web", name="web")
    data = json.loads(report(parts, second, "form=data", "--out", "json").stdout)
    assert data["failures"] == {"up: up": {"web1": "", "web2": ""}}
    assert data["new"] == {"up: up": IDS}
    (root / "down").unlink()
    third = ran(parts, "salt://suites/web", name="web")
    data = json.loads(report(parts, third, "form=data", "--out", "json").stdout)
    assert data["fixed"] == {"up: up": IDS}
    assert {flaky["test"] for flaky in data["flaky"]} == {"up: up"}
    page = tmp_path / "page.html"
    assert report(parts, third, "form=html", "--out", "txt", "--out-file", str(page)).returncode == 0
    assert "<table>" in page.read_text()
    listed = parts.runner.cmd("suite.list", ["web"])
    assert [one["jid"] for one in listed[::2]] == [third, second, first]


def test_figures_are_metrics(parts: Parts) -> None:
    ran(parts, "sh -c 'echo ok 1 a; echo not ok 2 b'", name="half")

    def told() -> Any:
        return parts.render("saltern.web1.suites.half.pass_rate").get("saltern.web1.suites.half.pass_rate")

    points = wait_for(told, "the suite's metric", 60)
    assert points[-1][0] == 50.0


def test_tests_are_told_while_they_run(parts: Parts, tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"echo ok 1 a; echo ok 2 b; while [ ! -e {go} ]; do sleep 0.05; done; echo ok 3 c"
    with contextlib.closing(MasterEvent(parts.stack.sock_dir)) as events:
        events.subscribe()
        job = parts.client.run_job("web1", "suite.run", [f"sh -c '{script}'"])
        found = events.get_event(30, f"salt/job/{job['jid']}/prog/web1/0")
    assert found is not None
    assert found["data"]["return"] == {"a": {"outcome": "passed"}}
    assert "web1: no answer" in report(parts, job["jid"]).stdout
    go.touch()
    returns = parts.client.get_returns(job["jid"], {"web1"}, timeout=30)
    assert list(returns["web1"]) == ["a", "b", "c"]


def test_a_job_that_was_no_suite(parts: Parts) -> None:
    job = parts.client.run_job("*", "test.ping")
    said = report(parts, job["jid"])
    assert said.returncode != 0
    assert "ran no suite.run" in said.stdout + said.stderr


def test_a_master_that_is_killed_has_all_the_same(parts: Parts) -> None:
    jid = ran(parts, "true", name="kept")
    parts.stop("master", number=9)  # type: ignore[arg-type]  # SIGKILL
    parts.start("master")
    wait_for(lambda: sorted(parts.up()) == IDS, "the agents", 60)
    assert "2 minions" in report(parts, jid).stdout
