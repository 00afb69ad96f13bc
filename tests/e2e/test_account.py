"""The account of real hosts, held against what their module wrote down itself, over kills of every part."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from support.stacks import Parts, wait_for

TRUTH = """
import os

def sample():
    slot = __context__.setdefault("n", [0])
    slot[0] += 1
    with open({path!r}, "a") as stream:
        stream.write("ran\\n")
        stream.flush()
        os.fsync(stream.fileno())
    return {{"n": slot[0]}}

def nested():
    return {{"found": len(__salt__["cmd.run_stdout"]("grep -c zzz /etc/hostname")), "always": 1}}

def hangs():
    import time
    time.sleep(3600)
"""
MASTER = """
schedule:
  stats: false
  true_one: {function: truth.sample, seconds: 1, metrics: true}
  nested: {function: truth.nested, seconds: 1, metrics: true}
  hung: {function: truth.hangs, seconds: 1, metrics: true}
  missing: {function: nosuch.f, seconds: 1, metrics: true}
  silent: {function: test.ping, seconds: 1, metrics: false}
self_metrics_interval: 1
heartbeat_interval: 1
heartbeat_timeout: 3
"""
MINION = "heartbeat_interval: 1\nheartbeat_timeout: 3\nreconnect_interval_max: 2\n"
FATES = ("received", "missing", "lost", "dropped", "skipped", "failed")


def account(parts: Parts) -> dict[str, dict[str, float]]:
    found = next(iter(parts.runner.cmd("metrics.account").values()), {})  # there is one minion, once it is known
    for name, numbers in found.items():
        assert numbers["expected"] == sum(numbers[fate] for fate in FATES), (name, numbers)
    return dict(found)


@pytest.mark.timeout(240)
def test_the_account_is_exact_over_kills_of_every_part(tmp_path: Path) -> None:
    truth = tmp_path / "truth"
    parts = Parts(tmp_path / "stack", master=MASTER, minion=MINION)
    modules = Path(parts.stack.root) / "srv" / "_modules"
    modules.mkdir(parents=True, exist_ok=True)
    (modules / "truth.py").write_text(TRUTH.format(path=str(truth)))
    minion = parts.stack.minion_ids[0]
    prefix = f"saltern.{minion.replace('.', '_')}"

    def received(name: str = "true_one") -> float:
        return account(parts).get(name, {}).get("received", 0)

    with parts.running():
        wait_for(lambda: received() >= 3, "first samples", 40)
        for _ in range(3):
            before = received()
            parts.stop("master", signal.SIGKILL)
            parts.start("master")
            wait_for(lambda: received() >= before + 2, "the account to go on", 40)  # noqa: B023
        parts.stop("graphite", signal.SIGKILL)
        before = received()
        wait_for(lambda: received() >= before + 2, "samples while the store is away", 40)
        parts.start("graphite")
        agent = f"agent {minion}"
        wait_for(lambda: account(parts)["hung"]["skipped"] >= 5, "the agent's word on what it skipped", 40)
        parts.stop(agent, signal.SIGTERM)  # a kill within a run leaves what only the module knows
        wait_for(lambda: parts.up() == [], "the agent to be gone")
        ran = len(truth.read_text().splitlines())
        found = wait_for(lambda: (all_ := account(parts))["true_one"]["received"] >= ran - 1 and all_, "the rest")
        assert ran - 1 <= found["true_one"]["received"] <= ran  # the last may have been in the making
        assert found["true_one"]["lost"] == found["true_one"]["dropped"] == found["true_one"]["failed"] == 0

        assert found["nested"]["received"] >= 10
        assert found["nested"]["failed"] == 0  # a command's exit code in it is not its own
        assert found["silent"]["received"] >= 10
        assert found["missing"]["received"] == found["hung"]["received"] == 0
        assert found["missing"]["failed"] >= 10
        assert found["hung"]["skipped"] >= 5
        explained = parts.runner.cmd("metrics.explain", [minion, "nosuch.f"])
        assert "nosuch" in explained["failed"]
        assert "nosuch.f failed, it makes no points" in parts.log("master")

        stored = f"{prefix}.truth.n"
        wait_for(lambda: len(parts.render(stored).get(stored, [])) > 0, "points in the store")
        told = f"{prefix}.schedule.missing.failed"
        wait_for(lambda: parts.render(told).get(told, [(0, 0)])[-1][0] >= 10, "the account as metrics")


def test_what_ran_and_failed_is_shown_where_one_looks(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "stack", master=MASTER, minion=MINION)
    with parts.running():

        def listed() -> Any:
            found = parts.call("schedule.job_status")
            return found if isinstance(found, dict) and found.get("missing", {}).get("failed") else None

        found = wait_for(listed, "a failure", 40)
        assert "nosuch" in found["missing"]["last_error"]["text"]
        assert found["silent"]["failed"] == 0
        log = parts.log(f"agent {parts.stack.minion_ids[0]}")
        assert log.count("missing: nosuch.f made no sample") == 1


REFUSED = """
schedule:
  stats: false
  ours: {function: truth.nested, seconds: 1, metrics: true}
  theirs: {function: denied.sample, seconds: 1, metrics: true}
"""


def test_what_the_store_will_never_take_is_lost_to_its_schedule_alone(tmp_path: Path) -> None:
    """The real store's answer says which points; the master counts them for whose they were."""
    parts = Parts(tmp_path / "stack", master=REFUSED, minion=MINION)
    root = Path(parts.stack.root)
    modules, conf = root / "srv" / "_modules", root / "graphite" / "conf"
    modules.mkdir(parents=True, exist_ok=True)
    conf.mkdir(parents=True, exist_ok=True)
    (conf / "blacklist.conf").write_text("\\.denied\\.\n")
    (modules / "truth.py").write_text(TRUTH.format(path=str(tmp_path / "truth")))
    (modules / "denied.py").write_text("def sample():\n    return {'a': 1, 'b': 2}\n")
    with parts.running():

        def refused() -> dict[str, dict[str, float]] | None:
            found = account(parts)
            return found if found.get("theirs", {}).get("lost", 0) >= 5 else None

        found = wait_for(refused, "refusals", 60)
        assert found["theirs"]["lost_refused"] == found["theirs"]["lost"]
        assert found["ours"]["received"] >= 3
        assert found["ours"]["lost"] == 0
