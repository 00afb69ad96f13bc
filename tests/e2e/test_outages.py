"""Each of the three is away for a minute; every point collected meanwhile is there afterwards."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from support.stacks import Parts, wait_for

AWAY_S = 60.0
INTERVAL_S = 2
# The 2 s schedule of this test needs an archive of 2 s.
SCHEMAS = f"[all]\npattern = .*\nretentions = {INTERVAL_S}s:1h\n"
MASTER = f"""
schedule:
  stats: {{function: stats.collect, seconds: {INTERVAL_S}, target: "*", metrics: true}}
self_metrics_interval: 2
heartbeat_interval: 1
heartbeat_timeout: 3
"""
MINION = "heartbeat_interval: 1\nheartbeat_timeout: 3\nreconnect_interval_max: 2\n"

ENDS = {"master": signal.SIGKILL, "graphite": signal.SIGKILL, "agent": signal.SIGTERM}


def outage(root: Path, part: str, failures: list[str]) -> None:
    """Run a stack, take *part* away for a minute and bring it back; say what is wrong afterwards."""
    parts = Parts(root, master=MASTER, minion=MINION)
    conf = root / "graphite" / "conf"
    conf.mkdir(parents=True)
    (conf / "storage-schemas.conf").write_text(SCHEMAS)
    minion = parts.stack.minion_ids[0]
    name = f"agent {minion}" if part == "agent" else part
    series = f"saltern.{minion.replace('.', '_')}.stats.uptime.seconds"
    try:
        parts.start()
        wait_for(lambda: len(parts.render(series).get(series, [])) >= 3, "first points")
        away_from = time.time()
        parts.stop(name, ENDS[part])
        time.sleep(AWAY_S)
        back_at = time.time()
        others = [other for other in parts.names if other != name]
        failures += [f"{part} away: {other} ended too" for other in others if not parts.alive(other)]
        parts.start(name)

        def slots() -> set[int]:
            return {when for _, when in parts.render(series).get(series, [])}

        step = INTERVAL_S
        first = int(away_from // step * step) - step
        wait_for(lambda: max(slots(), default=0) >= back_at + 4 * step, f"{part} back: new points", 60)
        wanted = set(range(first, max(slots()) + 1, step))
        if part == "agent":
            # Nobody sampled while it was away or starting: only what it had before may not be lost.
            anew = min(slot for slot in slots() if slot > back_at)
            wanted = {slot for slot in wanted if slot < away_from - step or slot >= anew}
        try:
            wait_for(lambda: wanted <= slots(), "all points", 60)
        except AssertionError:
            missing = sorted(wanted - slots())
            failures.append(f"{part} away: {len(missing)} of {len(wanted)} slots are missing: {missing[:5]} …")
    except Exception as error:
        failures.append(f"{part}: {type(error).__name__}: {error}")
    finally:
        parts.stop_all()


@pytest.mark.timeout(300)
def test_a_minute_without_each_of_the_three_loses_nothing(tmp_path: Path) -> None:
    failures: list[str] = []
    kinds = ("master", "graphite", "agent")
    threads = [threading.Thread(target=outage, args=(tmp_path / part, part, failures)) for part in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
