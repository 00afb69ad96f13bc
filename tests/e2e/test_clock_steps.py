"""Clocks of real processes are set by an hour: samples bear the master's time, and nothing waits for one seen once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.fake_clock import LIBRARY, FakeClock
from support.hurried import with_constants
from support.stacks import Parts, wait_for

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(LIBRARY is None, reason="needs Debian's package faketime to set the clock of a process"),
]

HOUR_S = 3600
ABOUT_S = 300
"""A loaded machine takes its time; an hour it doesn't."""
WAIT_S = 120.0
INTERVAL_S = 2
HURRIED = {"saltern_agent.timekeeper:WITH_A_RETURN_S": 2.0, "saltern_agent.timekeeper:ALONE_S": 4.0}
"""How often an agent asks for the master's time."""
SCHEMAS = f"[all]\npattern = .*\nretentions = {INTERVAL_S}s:6h\n"
MASTER = f"""
schedule:
  stats: {{function: stats.collect, seconds: {INTERVAL_S}, target: "*", metrics: true}}
self_metrics_interval: 2
alerts_interval: 1
alerts:
  skewed: {{metric: "saltern.*.clock.skew_ms", crit: "< -1000000", for: 10s, nodata: nodata, nodata_after: 2m}}
"""


class Stack:
    """One minion by a clock of its own, and a master and its store by another, as two hosts have them."""

    def __init__(self, root: Path) -> None:
        self.parts = Parts(root / "stack", master=MASTER)
        self.minion = self.parts.stack.minion_ids[0]
        self.metrics = f"saltern.{self.minion.replace('.', '_')}"
        conf = root / "stack" / "graphite" / "conf"
        conf.mkdir(parents=True)
        (conf / "storage-schemas.conf").write_text(SCHEMAS)
        self.own, self.masters = FakeClock(root / "own"), FakeClock(root / "masters")
        for name in self.parts.names:
            if name.startswith("agent"):
                program = self.parts.programs[name]
                self.parts.programs[name] = program._replace(argv=with_constants(program.argv, HURRIED))
            clock = self.own if name.startswith("agent") else self.masters
            self.parts.environment[name] = clock.environment

    def slots(self) -> list[int]:
        """Return the times of the samples that were stored, within some hours about now."""
        now = self.masters.now()
        span: dict[str, Any] = {"from": int(now - 2.5 * HOUR_S), "until": int(now + 2.5 * HOUR_S)}
        rows = self.parts.http("/render", target=f"{self.metrics}.stats.uptime.seconds", format="json", **span)
        return [at for row in rows for value, at in row["datapoints"] if value is not None]

    def newest_skew_s(self) -> float | None:
        points = self.parts.render(f"{self.metrics}.clock.skew_ms", 60).get(f"{self.metrics}.clock.skew_ms", [])
        return points[-1][0] / 1000 if points else None

    def samples_come(self, what: str) -> None:
        """Wait for some samples that are of the master's present time."""
        since = self.masters.now()
        wait_for(lambda: len([at for at in self.slots() if 0 <= at - since < ABOUT_S]) >= 3, what, WAIT_S)

    def skew_is(self, skew_s: int) -> None:
        """Wait until all who tell the skew say so."""

        def told() -> bool:
            shown = self.parts.runner.cmd("manage.clocks").get(self.minion)
            stored = self.newest_skew_s()
            return all(found is not None and abs(found - skew_s) < ABOUT_S for found in (shown, stored))

        wait_for(told, f"a skew of {skew_s} s", WAIT_S)
        wait_for(
            lambda: abs(self.parts.call("grains.get", "clock_skew") - skew_s) < ABOUT_S, "the grain clock_skew", WAIT_S
        )

    def alert_is(self, state: str) -> None:
        def series() -> list[str]:
            (rule,) = self.parts.runner.cmd("alerts.list")
            return [one["state"] for one in rule["series"]]

        wait_for(lambda: series() == [state], f"the alert to be {state}", WAIT_S)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path)
    with stack.parts.running():
        stack.samples_come("the first samples")
        yield stack


def test_an_agents_clock_that_is_set_shows_everywhere_and_moves_no_sample(stack: Stack) -> None:
    began = stack.masters.now()
    for ahead_s in (HOUR_S, -HOUR_S, 0):
        stack.own.set(ahead_s)
        stack.samples_come(f"samples by a clock that is {ahead_s} s ahead")
        stack.skew_is(ahead_s)
    assert all(abs(at - began) < 1000 for at in stack.slots())
    log = stack.parts.log("master")
    for where in ("ahead of", "behind"):
        assert log.count(f"s {where} the master's") == 1
    assert f"minion {stack.minion}: its clock is right again" in log
    assert "Traceback" not in log + stack.parts.log(f"agent {stack.minion}")


def test_a_masters_clock_that_is_set_is_followed_by_schedule_alerts_and_metrics(stack: Stack) -> None:
    stack.alert_is("ok")
    for ahead_s, state in ((HOUR_S, "crit"), (0, "ok")):
        stack.masters.set(ahead_s)
        stack.samples_come(f"samples by the master's clock, {ahead_s} s ahead")
        stack.skew_is(-ahead_s)
        stack.alert_is(state)
    assert "Traceback" not in stack.parts.log("master") + stack.parts.log(f"agent {stack.minion}")
    assert stack.parts.call("test.ping") is True


def test_an_agent_whose_clock_is_wrong_from_the_start_samples_by_the_masters_while_that_is_away(stack: Stack) -> None:
    agent = f"agent {stack.minion}"
    stack.own.set(HOUR_S)
    stack.samples_come("samples by a clock that is an hour ahead")
    stack.parts.stop("master")
    stack.parts.stop(agent)
    since = stack.masters.now()
    stack.parts.start(agent)
    wait_for(lambda: stack.masters.now() - since > 6 * INTERVAL_S, "some slots to pass")
    until = stack.masters.now()
    stack.parts.start("master")
    wait_for(
        lambda: len([at for at in stack.slots() if since <= at <= until]) >= 3, "what was sampled meanwhile", WAIT_S
    )
    assert all(abs(at - since) < 1000 for at in stack.slots())
