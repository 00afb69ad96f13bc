"""Real agents, and masters whose clocks are others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

HOUR_S = 3600.0
ABOUT_S = 120.0
"""A loaded machine takes its time; an hour it doesn't."""
EVERY_SECOND = {"stats": {"function": "test.ping", "seconds": 1, "metrics": True}}

Make = Callable[..., Any]


def by_its_clock(master: Any, sample: dict[str, Any]) -> bool:
    return abs(sample["slot"] - master.time()) < ABOUT_S


@pytest.mark.parametrize("ahead_s", [HOUR_S, -HOUR_S])
def test_samples_bear_the_masters_time_from_the_first_on(master: Any, make_agent: Make, ahead_s: float) -> None:
    master.schedule, master.ahead_s = EVERY_SECOND, ahead_s
    make_agent().start()
    samples = master.wait_for(lambda: len(master.samples("stats")) >= 3 and master.samples("stats"))
    assert all(by_its_clock(master, sample) for sample in samples)
    slots = [sample["slot"] for sample in samples]
    assert slots == sorted(set(slots))
    assert len({sample["jid"] for sample in samples}) == len(samples)


def test_the_skew_is_told_to_the_master_and_is_a_grain(master: Any, make_agent: Make) -> None:
    master.ahead_s = -HOUR_S
    make_agent().start()
    told = master.wait_for(lambda: master.clocks)[0]["skew_ms"]
    assert told == pytest.approx(HOUR_S * 1000, abs=ABOUT_S * 1000)
    grains = master.wait_for(lambda: master.attachments)[0].body["grains"]
    assert grains["clock_skew"] == pytest.approx(HOUR_S, abs=ABOUT_S)
    assert isinstance(grains["clock_skew"], int)
    assert master.run("grains.get", "clock_skew")["return"] == grains["clock_skew"]


def test_a_grain_of_ones_own_of_that_name_stays(master: Any, make_agent: Make) -> None:
    master.ahead_s = HOUR_S
    make_agent(grains={"clock_skew": "mine"}).start()
    assert master.wait_for(lambda: master.attachments)[0].body["grains"]["clock_skew"] == "mine"


def test_with_the_option_off_samples_bear_the_hosts_time_and_the_skew_is_told(master: Any, make_agent: Make) -> None:
    master.schedule, master.ahead_s = EVERY_SECOND, HOUR_S
    make_agent(correct_clock=False).start()
    samples = master.wait_for(lambda: len(master.samples("stats")) >= 2 and master.samples("stats"))
    assert not any(by_its_clock(master, sample) for sample in samples)
    assert master.wait_for(lambda: master.clocks)[0]["skew_ms"] < -HOUR_S * 500


def test_what_is_sampled_after_a_restart_without_the_master_bears_its_time_too(master: Any, make_agent: Make) -> None:
    master.schedule, master.ahead_s = EVERY_SECOND, HOUR_S
    agent = make_agent()
    agent.start()
    master.wait_for(lambda: master.samples("stats"))
    master.wait_for(lambda: master.clocks)
    agent.wait_logged("set by")
    assert agent.stop() == 0
    master.stop()
    seen = len(master.samples("stats"))
    agent.start()
    agent.wait_logged("the connection is refused")
    master.start()
    samples = master.wait_for(lambda: len(master.samples("stats")) >= seen + 3 and master.samples("stats"))
    assert all(by_its_clock(master, sample) for sample in samples)


def test_a_job_that_is_due_by_the_time_that_was_learned_runs_at_once(master: Any, make_agent: Make) -> None:
    """Its timer, by the time before, is far away."""
    master.schedule = {"stats": {"function": "test.ping", "seconds": HOUR_S, "metrics": True}}
    make_agent().start()
    master.wait_for(lambda: len(master.samples("stats")) == 1)
    master.ahead_s = 2 * HOUR_S
    master.send_up("who", 0, {})  # it says hello again, and is told the time
    master.wait_for(lambda: len(master.samples("stats")) == 2)
    first, second = (sample["slot"] for sample in master.samples("stats"))
    assert 1 <= (second - first) / HOUR_S <= 2


@pytest.mark.timeout(180)
def test_a_step_of_the_masters_clock_is_followed_within_a_minute_and_no_grain_is_sent_for_less_than_a_second(
    master: Any, make_agent: Make
) -> None:
    master.schedule = EVERY_SECOND
    agent = make_agent()
    agent.constants = {"saltern_agent.timekeeper:WITH_A_RETURN_S": 2.0}
    agent.start()
    master.wait_for(lambda: len(master.samples("stats")) >= 2)
    assert all(by_its_clock(master, sample) for sample in master.samples("stats"))
    master.ahead_s = 0.4  # in the next answer, as any jitter
    master.wait_for(lambda: len(master.clocks) >= 2, 60)
    attached = len(master.attachments)
    master.ahead_s = -HOUR_S
    master.wait_for(lambda: by_its_clock(master, master.samples("stats")[-1]), 90)
    master.wait_for(lambda: len(master.attachments) > attached, 60)
    assert all(abs(attach.body["grains"]["clock_skew"]) < ABOUT_S for attach in master.attachments[:attached])
    assert len(master.attachments) == attached + 1
    assert master.attachments[-1].body["grains"]["clock_skew"] == pytest.approx(HOUR_S, abs=ABOUT_S)
