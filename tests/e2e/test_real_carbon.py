"""Points go to a real carbon-cache by its plaintext protocol, and wait in the journal while it is away."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from support.carbon import CarbonCache
from support.stacks import Parts, wait_for


@pytest.mark.timeout(240)
def test_points_reach_carbon_cache_also_those_of_its_absence(tmp_path: Path) -> None:
    carbon = CarbonCache(tmp_path / "carbon")
    master = (
        'schedule: {up: {function: "stats.get", args: [uptime], seconds: 1, metrics: true}}\n'
        "self_metrics_interval: 1\ncarbon_protocol: plaintext\n"
    )
    parts = Parts(tmp_path / "s", master=master)
    conf = Path(parts.stack.config_dir) / "master.d" / "zz.conf"
    conf.write_text(f"carbon_port: {carbon.port}\n")
    names = [name for name in parts.names if name != "graphite"]
    minion = parts.stack.minion_ids[0].replace(".", "_")
    began = int(time.time())

    def sampled() -> float:
        account = parts.runner.cmd("metrics.account").get(parts.stack.minion_ids[0], {})
        return float(account.get("up", {}).get("received", 0))

    try:
        parts.start(*names)  # carbon isn't there yet
        wait_for(lambda: "points wait in the journal" in parts.log("master"), "the master to notice")
        wait_for(sampled, "a sample of the agent's")
        carbon_began = time.time()
        carbon.start()
        own = "saltern.master.bus.published"
        wait_for(lambda: len(carbon.points(own, began, int(time.time()))) >= 5, "the master's own points", 60)
        explained = parts.runner.cmd("metrics.explain", [parts.stack.minion_ids[0], "stats.get"])
        (name, *_) = explained["metrics"]
        assert name.startswith(f"saltern.{minion}.stats.")
        now = int(time.time())
        wait_for(lambda: max(carbon.points(name, began, int(time.time())), default=0) > now, "points of the agent", 60)
        found = carbon.points(name, began, now)
        first = min(found)
        assert first <= carbon_began
        missing = set(range(first, now - 1)) - set(found)
        skipped = parts.call("schedule.job_status")["up"]["skipped"]  # on a busy machine, while the agent begins
        assert len(missing) <= skipped, (missing, skipped)
    finally:
        parts.stop_all()
        carbon.stop()
