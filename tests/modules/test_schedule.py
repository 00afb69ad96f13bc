"""The schedule of a minion in Salt's words."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from saltern.errors import ArgumentError, CommandError

ITEM = {
    "function": "stats.collect",
    "seconds": 15,
    "return_job": False,
    "metrics": True,
    "maxrunning": 1,
    "name": "stats",
    "enabled": True,
    "jid_include": True,
}


@pytest.fixture
def schedule(minion: Any, agent: Any) -> Any:
    agent.jobs["stats"].update(metrics=True, return_job=False)
    return minion.load("schedule")


@pytest.fixture
def changing(minion: Any, agent: Any) -> Any:
    return minion.load("schedule_changing")


class TestTold:
    def test_it_is_listed_as_yaml_or_as_it_is(self, schedule: Any) -> None:
        assert yaml.safe_load(schedule.list_()) == {"schedule": {"stats": {**ITEM, "saved": True}}}
        assert schedule.list_(return_yaml=False) == {"stats": ITEM}
        assert schedule.list_(where="opts", return_yaml=False) == {"stats": ITEM}
        assert schedule.list_(where="pillar") == "schedule: {}\n"
        with pytest.raises(CommandError, match="offline"):
            schedule.list_(offline=True)

    def test_hidden_and_disabled_ones(self, schedule: Any, agent: Any) -> None:
        agent.jobs["__mine"] = {"function": "mine.update", "seconds": 60, "enabled": False}
        assert set(schedule.list_(return_yaml=False)) == {"stats"}
        assert set(schedule.list_(show_all=True, return_yaml=False)) == {"stats", "__mine"}
        assert set(schedule.list_(show_all=True, show_disabled=False, return_yaml=False)) == {"stats"}

    def test_one_job(self, schedule: Any, agent: Any) -> None:
        assert schedule.is_enabled("stats") == ITEM
        assert schedule.is_enabled("nothing") == {}
        assert schedule.is_enabled() is True
        assert schedule.job_status("stats")["source"] == "master"
        assert schedule.job_status("nothing") == {}
        assert set(schedule.job_status()) == {"stats"}
        due = {"result": True, "next_fire_time": "2026-02-02T02:40:15"}
        assert schedule.show_next_fire_time("stats") == due
        agent.jobs["stats"].update(enabled=False, next_slot=None)
        assert schedule.show_next_fire_time("stats")["next_fire_time"] is None
        assert schedule.is_enabled() is False
        with pytest.raises(CommandError, match="there are stats"):
            schedule.show_next_fire_time("zzz")

    @pytest.mark.parametrize(
        ("options", "item"),
        [
            ({"seconds": 3600}, {"seconds": 3600}),
            ({"job_args": [1], "job_kwargs": {"a": 2}}, {"args": [1], "kwargs": {"a": 2}}),
            ({"splay": {"end": 2, "start": 1, "x": 3}}, {"splay": {"start": 1, "end": 2}}),
            ({"splay": 3, "cron": "* * * * *", "until": "x"}, {"splay": 3, "cron": "* * * * *", "until": "x"}),
            ({"maxrunning": 3, "enabled": False}, {"maxrunning": 3, "enabled": False}),
        ],
    )
    def test_an_item_as_salt_makes_it(self, schedule: Any, options: dict[str, Any], item: dict[str, Any]) -> None:
        usual = {"function": "test.ping", "maxrunning": 1, "name": "x", "enabled": True, "jid_include": True}
        assert schedule.build_schedule_item("x", function="test.ping", **options) == {**usual, **item}

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"seconds": 1, "when": "5pm"}, 'Unable to use "seconds", "minutes", "hours", or "days" with'),
            ({"days": 1, "cron": "*"}, 'Unable to use "seconds", "minutes", "hours", or "days" with'),
            ({"when": "5pm", "cron": "*"}, 'Unable to use "when" and "cron" options together.  Ignoring.'),
            ({"job_args": "x"}, "job_args is not a list. please correct and try again."),
            ({"job_kwargs": "x"}, "job_kwargs is not a dict. please correct and try again."),
        ],
    )
    def test_what_can_be_no_item(self, schedule: Any, options: dict[str, Any], said: str) -> None:
        answer = schedule.build_schedule_item("x", function="test.ping", **options)
        assert answer["result"] is False
        assert answer["comment"].startswith(said)
        assert schedule.build_schedule_item("", function="test.ping")["comment"] == "Job name is required."


BASE = {"function": "stats.collect", "seconds": 15, "enabled": True}


class TestChanged:
    def test_a_job_is_added(self, changing: Any, agent: Any) -> None:
        added = changing.add("up", function="status.uptime", minutes=1, seconds=30, job_args=[1], maxrunning=1)
        assert added == {"result": True, "comment": "Added job: up to schedule.", "changes": {"up": "added"}}
        definition = {"function": "status.uptime", "seconds": 90, "args": [1]}
        assert agent.calls == [("schedule_modify", "up", definition)]

    def test_and_changed(self, changing: Any, agent: Any) -> None:
        changed = changing.modify("stats", seconds=30, __pub_jid="1")
        assert changed["comment"] == "Modified job: stats in schedule."
        assert [changed["changes"]["stats"][which]["seconds"] for which in ("old", "new")] == [15, 30]
        assert agent.calls[-1] == ("schedule_modify", "stats", {**BASE, "seconds": 30})
        assert changing.modify("stats", seconds=15)["comment"] == "Job stats in correct state"
        disabled = changing.disable_job("stats")
        assert disabled["comment"] == "Disabled Job stats in schedule."
        assert disabled["changes"] == {"stats": "disabled"}
        assert agent.calls[-1] == ("schedule_modify", "stats", {**BASE, "enabled": False})
        assert changing.enable_job("stats")["changes"] == {"stats": "enabled"}
        assert changing.delete("stats")["changes"] == {"stats": "removed"}
        assert agent.calls[-1] == ("schedule_modify", "stats", None)

    def test_all_at_once(self, changing: Any, agent: Any) -> None:
        agent.jobs["two"] = dict(BASE)
        assert changing.disable()["changes"] == {"schedule": "disabled"}
        assert changing.enable()["comment"] == "Enabled schedule on minion."
        gone = changing.purge()
        assert gone["comment"] == [f"Deleted job: {name} from schedule." for name in ("stats", "two")]
        assert gone["changes"] == {"stats": "removed", "two": "removed"}
        states = [call[2] and call[2]["enabled"] for call in agent.calls]
        assert states == [False, False, True, True, None, None]

    def test_a_run_now(self, changing: Any, agent: Any) -> None:
        assert changing.run_job("stats")["jid"] == "20260321080000000000"
        agent.jobs["stats"]["enabled"] = False
        assert changing.run_job("stats") == {"comment": "Job stats is disabled.", "result": True}
        assert "jid" in changing.run_job("stats", force=True)

    def test_nothing_is_done_in_a_test(self, changing: Any, agent: Any) -> None:
        said = [
            changing.add("up", function="status.uptime", seconds=1, test=True),
            changing.modify("stats", seconds=2, test=True),
            changing.delete("stats", test=True),
            changing.purge(test=True),
            changing.disable_job("stats", test=True),
            changing.enable(test=True),
            changing.disable(test=True),
        ]
        assert all(answer["result"] is True for answer in said)
        assert "would be" in str(said[0]["comment"])
        assert agent.calls == []
        assert changing.save()["result"] is True
        assert changing.reload_() == {"comment": [], "result": True}

    @pytest.mark.parametrize(
        ("function", "name", "options", "said"),
        [
            ("add", "stats", {"function": "test.ping", "seconds": 1}, "Job stats already exists in schedule."),
            ("add", "", {"function": "test.ping", "seconds": 1}, "Job name is required."),
            ("add", "x", {"function": "test.ping", "seconds": 1, "job_args": "x"}, "job_args is not a list."),
            ("add", "x", {"function": "test.ping", "seconds": 1, "cron": "x"}, "Unable to use"),
            ("modify", "stat", {"seconds": 1}, "Job stat does not exist in schedule."),
            ("delete", "zzz", {}, "Job zzz does not exist."),
            ("run_job", "zzz", {}, "Job zzz does not exist."),
            ("enable_job", "zzz", {}, "Job zzz does not exist."),
            ("disable_job", "zzz", {}, "Job zzz does not exist."),
        ],
    )
    def test_what_can_not_be_done_is_said_in_salts_words(
        self, changing: Any, agent: Any, function: str, name: str, options: dict[str, Any], said: str
    ) -> None:
        answer = getattr(changing, function)(name, **options)
        assert answer["result"] is False
        assert answer["comment"].startswith(said)
        assert agent.calls == []

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"function": "test.ping"}, "needs seconds"),
            ({"seconds": 1}, "needs function"),
            ({"function": "test.ping", "second": 1}, "did you mean 'seconds'"),
            ({"function": "test.ping", "seconds": 0}, "above 0"),
            ({"function": "test.ping", "seconds": True}, "above 0"),
            ({"function": ["test.ping"], "seconds": 1}, "must be a str"),
            ({"function": "test.ping", "seconds": 1, "enabled": "yes"}, "must be a bool"),
            ({"function": "test.ping", "seconds": 1, "maxrunning": 2}, "once at a time"),
            ({"function": "test.ping", "when": "5pm"}, "when isn't here"),
            ({"function": "test.ping", "seconds": 1, "splay": 5}, "splay isn't here"),
            ({"function": "test.ping", "seconds": 1, "offline": True}, "offline isn't here"),
        ],
    )
    def test_what_is_wrong_is_named(self, changing: Any, agent: Any, options: dict[str, Any], message: str) -> None:
        with pytest.raises((CommandError, ArgumentError), match=message):
            changing.add("x", **options)
        assert agent.calls == []
