"""What modules ask of their agent, and the agent of its master, with nobody's stand-in between."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.event import MasterEvent
from support.stacks import Parts, wait_for

MASTER = """
schedule:
  ticks: {function: test.ping, seconds: 3600}
pillar_files: {'*': [secrets.yaml]}
fileserver_update_interval: 0.5
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    parts = Parts(tmp_path_factory.mktemp("stack"), master=MASTER)
    pillar_file(parts).write_text("role: web\n")
    try:
        parts.start()
        wait_for(lambda: parts.up() == parts.stack.minion_ids, "the agent")
        yield parts
    finally:
        parts.stop_all()


def pillar_file(parts: Parts) -> Path:
    return Path(parts.stack.config_dir) / "secrets.yaml"


def call(parts: Parts, fun: str, *arg: object, **kwarg: object) -> Any:
    """Return the answer of the one minion."""
    answers = parts.client.cmd("*", fun, list(arg), kwarg=kwarg, timeout=5)
    return answers.get(parts.stack.minion_ids[0], answers)


def seen(events: MasterEvent, tag: str) -> dict[str, Any]:
    """Return the data of the next event with *tag*."""
    found = events.get_event(20, tag)
    assert found is not None, f"no event {tag}"
    return found


@pytest.fixture
def events(parts: Parts) -> Iterator[MasterEvent]:
    master = MasterEvent(parts.stack.sock_dir)
    master.subscribe()
    with contextlib.closing(master):
        yield master


def test_an_event_reaches_the_bus(parts: Parts, events: MasterEvent) -> None:
    tag = f"salt/minion/{parts.stack.minion_ids[0]}/mine"
    assert call(parts, "event.send", tag, {"a": 1}, b=[2]) is True
    data = seen(events, tag)["data"]
    assert (data["a"], data["b"]) == (1, [2])
    assert call(parts, "event.fire", {"c": "d"}, tag) is True
    assert seen(events, tag)["data"]["c"] == "d"


def test_the_pillar_is_fetched_again(parts: Parts) -> None:
    assert call(parts, "pillar.get", "role") == "web"
    pillar_file(parts).write_text("role: db\nport: 5432\n")

    def refreshed() -> bool:
        assert call(parts, "saltutil.refresh_pillar") is True
        return bool(call(parts, "pillar.items") == {"role": "db", "port": 5432})

    wait_for(refreshed, "the changed pillar")
    assert call(parts, "pillar.item", "port", "nothing") == {"port": 5432, "nothing": ""}


def test_grains_and_modules_are_refreshed(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    assert call(parts, "grains.get", "id") == minion
    assert call(parts, "saltutil.refresh_grains") is True
    assert call(parts, "grains.item", "id") == {"id": minion}
    (Path(parts.stack.root) / "srv/_modules/fresh.py").write_text("def one():\n    return 1\n")
    parts.runner.cmd("fileserver.update")
    assert call(parts, "saltutil.sync_all") == {"modules": ["modules.fresh"]}
    assert call(parts, "fresh.one") == 1
    assert len(call(parts, "sys.versions")["fresh"]["digest"]) == 64
    assert call(parts, "saltutil.refresh_modules") is True
    assert call(parts, "sys.list_functions", "fresh") == ["fresh.one"]
    assert call(parts, "status.master") is True


def test_running_jobs_are_told_and_ended(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    jid = parts.client.run_job("*", "cmd.run", ["sleep 600"])["jid"]
    (job,) = wait_for(lambda: call(parts, "saltutil.is_running", "cmd.*"), "the job to run")
    assert (job["jid"], job["fun"]) == (jid, "cmd.run")
    assert call(parts, "saltutil.find_job", jid)["jid"] == jid
    assert call(parts, "saltutil.find_job", "20200101000000000000") == {}
    assert jid in call(parts, "saltutil.term_job", jid)
    wait_for(lambda: minion in parts.runner.cmd("jobs.lookup_jid", [jid]), "the return of the ended job")
    assert call(parts, "saltutil.is_running", "cmd.*") == []


def test_the_schedule_is_changed_on_the_minion(parts: Parts, events: MasterEvent) -> None:
    assert call(parts, "schedule.list")["ticks"]["source"] == "master"
    added = call(parts, "schedule.add", "mine", function="test.echo", job_args=["hi"], seconds=3600)
    assert added == {"result": True, "comment": "Added job: mine to schedule."}
    assert call(parts, "schedule.list")["mine"]["source"] == "local"
    ran = call(parts, "schedule.run_job", "mine")
    returned = seen(events, f"salt/job/{ran['jid']}/ret/")
    assert (returned["fun"], returned["return"], returned["schedule"]) == ("test.echo", "hi", "mine")
    call(parts, "schedule.modify", "mine", minutes=90)
    assert call(parts, "schedule.list")["mine"]["seconds"] == 5400
    call(parts, "schedule.disable_job", "mine")
    assert call(parts, "schedule.is_enabled", "mine") is False
    assert call(parts, "schedule.show_next_fire_time", "mine") == {"result": True, "next_fire_time": None}
    call(parts, "schedule.enable_job", "mine")
    assert call(parts, "schedule.show_next_fire_time", "mine")["next_fire_time"]
    call(parts, "schedule.delete", "mine")
    assert "mine" not in call(parts, "schedule.list")
    assert "there is no job 'mine'" in call(parts, "schedule.run_job", "mine")
