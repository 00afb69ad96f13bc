"""What modules ask of their agent, and the agent of its master, with nobody's stand-in between."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from saltern.event import MasterEvent
from support.stacks import Parts, wait_for

MASTER = """
schedule:
  ticks: {function: test.ping, seconds: 3600}
pillar_files: {'*': [secrets.yaml]}
fileserver_update_interval: 0.5
peer: {'.*': ['test\\..*']}
peer_run: {'.*': ['manage.up']}
"""
MINION = """
mine_functions:
  test.ping: []
  said: {mine_function: test.echo, text: hello}
  theirs: [{mine_function: test.echo, allow_tgt: no*}, x]
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    parts = Parts(tmp_path_factory.mktemp("stack"), master=MASTER, minion=MINION)
    pillar_file(parts).write_text("role: web\n")
    with parts.running():
        yield parts


def pillar_file(parts: Parts) -> Path:
    return Path(parts.stack.config_dir) / "secrets.yaml"


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
    assert parts.call("event.send", tag, {"a": 1}, b=[2]) is True
    data = seen(events, tag)["data"]
    assert (data["a"], data["b"]) == (1, [2])
    assert parts.call("event.fire_master", {"c": "d"}, tag) is True
    assert seen(events, tag)["data"]["c"] == "d"


def test_the_pillar_is_fetched_again(parts: Parts) -> None:
    assert parts.call("pillar.get", "role") == "web"
    pillar_file(parts).write_text("role: db\nport: 5432\n")

    def refreshed() -> bool:
        assert parts.call("saltutil.refresh_pillar") is True
        return bool(parts.call("pillar.items") == {"role": "db", "port": 5432})

    wait_for(refreshed, "the changed pillar")
    assert parts.call("pillar.item", "port", "nothing") == {"port": 5432, "nothing": ""}


def test_grains_and_modules_are_refreshed(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    assert parts.call("grains.get", "id") == minion
    assert parts.call("saltutil.refresh_grains") is True
    assert parts.call("grains.item", "id") == {"id": minion}
    (Path(parts.stack.root) / "srv/_modules/fresh.py").write_text("def one():\n    return 1\n")
    parts.runner.cmd("fileserver.update")
    changed = parts.call("saltutil.sync_all")
    assert {kind: found for kind, found in changed.items() if found} == {"modules": ["modules.fresh"]}
    assert parts.call("fresh.one") == 1
    assert len(parts.call("sys.versions")["fresh"]["digest"]) == 64
    assert parts.call("saltutil.refresh_modules") is True
    assert parts.call("sys.list_functions", "fresh") == ["fresh.one"]
    assert parts.call("status.master") is True


def test_grains_of_the_masters_folder_and_set_ones_are_targets(parts: Parts) -> None:
    """From ``_grains`` and ``grains.setval`` to whom a job goes to: on the way are a file, the channel, an index."""
    minion = parts.stack.minion_ids[0]
    folder = Path(parts.stack.root) / "srv/_grains"
    folder.mkdir()
    (folder / "rack.py").write_text("def where():\n    return {'rack': {'row': 4}}\n")
    parts.runner.cmd("fileserver.update")
    assert "grains.rack" in parts.call("saltutil.sync_all")["grains"]
    found = lambda target: parts.client.cmd(target, "test.ping", tgt_type="grain")  # noqa: E731  # shorter so
    wait_for(lambda: found("rack:row:4") == {minion: True}, "the grain among targets")
    assert parts.call("grains.setval", "role", "db") == {"role": "db"}
    wait_for(lambda: found("role:db") == {minion: True}, "the grain that was set among targets")
    assert parts.call("grains.get", "role") == "db"
    assert parts.call("grains.delkey", "role")["result"] is True
    wait_for(lambda: found("role:*") == {}, "the end of the grain")
    (folder / "rack.py").write_text("def where():\n    return {'rack': {'row': 5}}\n")
    parts.runner.cmd("fileserver.update")
    assert parts.call("saltutil.sync_grains") == ["grains.rack"]
    wait_for(lambda: found("rack:row:5") == {minion: True}, "the changed grain")


def test_minions_share_what_is_in_the_mine(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    wait_for(lambda: parts.call("mine.get", "*", "test.ping") == {minion: True}, "what is put there at the start")
    assert parts.call("mine.get", "*", "said,test.ping") == {"said": {minion: "hello"}, "test.ping": {minion: True}}
    assert parts.call("mine.get", "*", "theirs") == {}
    assert parts.runner.cmd("mine.get", ["*", "theirs"]) == {minion: "x"}
    assert parts.call("mine.send", "test.echo", "sent") is True
    assert parts.call("mine.get", f"G@id:{minion}", "test.echo", tgt_type="compound") == {minion: "sent"}
    assert parts.call("mine.delete", "test.echo") is True
    assert parts.call("mine.get", "*", "test.echo") == {}
    assert parts.call("mine.flush") is True
    assert parts.call("mine.get", "*", "said") == {}
    assert parts.call("mine.update") is True
    assert parts.call("mine.get", "*", "said") == {minion: "hello"}
    assert "a minion may have 1,048,576 bytes" in parts.call("mine.send", "test.echo", "x" * 2_000_000)


def test_a_minion_publishes_what_it_may(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    assert parts.call("publish.publish", "*", "test.echo", "hi") == {minion: "hi"}
    assert parts.call("publish.publish", "*", "test.arg_clean", ["1", "a=b"]) == {
        minion: {"args": [1], "kwargs": {"a": "b"}}
    }
    row = parts.call("publish.full_data", "*", "test.echo")[minion]
    assert (row["ret"].partition(":")[0], row["out"]) == ("Passed invalid arguments to test.echo", "nested")
    for fun in ("cmd.run", "grains.items", "publish.publish"):
        assert parts.call("publish.publish", "*", fun, "id") == {}
    assert parts.call("publish.runner", "manage.up") == [minion]
    assert parts.call("publish.runner", "jobs.list_jobs") == {}
    assert "the master's option peer says" in parts.call("saltutil.cmd", "*", "cmd.run", "id")
    assert parts.call("saltutil.cmd", "*", "test.ping") == {minion: {"ret": True}}


def test_what_a_generator_yields_is_told_of_at_once(parts: Parts, events: MasterEvent) -> None:
    (Path(parts.stack.root) / "srv/_modules/counting.py").write_text("def up(n):\n    yield from range(n)\n")
    parts.runner.cmd("fileserver.update")
    parts.call("saltutil.sync_modules")
    jid = parts.client.run_job("*", "counting.up", [2])["jid"]
    minion = parts.stack.minion_ids[0]
    for number in range(2):
        assert seen(events, f"salt/job/{jid}/prog/{minion}/{number}")["data"] == {"return": number}
    assert seen(events, f"salt/job/{jid}/ret/{minion}")["return"] == [0, 1]


def test_running_jobs_are_told_and_ended(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    jid = parts.client.run_job("*", "cmd.run", ["sleep 600"])["jid"]
    (job,) = wait_for(lambda: parts.call("saltutil.is_running", "cmd.*"), "the job to run")
    assert (job["jid"], job["fun"]) == (jid, "cmd.run")
    assert parts.call("saltutil.find_job", jid)["jid"] == jid
    assert parts.call("saltutil.find_job", "20200101000000000000") == {}
    assert jid in parts.call("saltutil.term_job", jid)
    wait_for(lambda: minion in parts.runner.cmd("jobs.lookup_jid", [jid]), "the return of the ended job")
    wait_for(lambda: parts.call("saltutil.is_running", "cmd.*") == [], "its end")


def test_the_schedule_is_changed_on_the_minion(parts: Parts, events: MasterEvent) -> None:
    assert parts.call("schedule.job_status")["ticks"]["source"] == "master"
    added = parts.call("schedule.add", "mine", function="test.echo", job_args=["hi"], seconds=3600)
    assert added == {"result": True, "comment": "Added job: mine to schedule.", "changes": {"mine": "added"}}
    assert yaml.safe_load(parts.call("schedule.list"))["schedule"]["mine"]["saved"] is True
    assert parts.call("schedule.job_status")["mine"]["source"] == "local"
    ran = parts.call("schedule.run_job", "mine")
    returned = seen(events, f"salt/job/{ran['jid']}/ret/")
    assert (returned["fun"], returned["return"], returned["schedule"]) == ("test.echo", "hi", "mine")
    parts.call("schedule.modify", "mine", minutes=90)
    assert parts.call("schedule.job_status")["mine"]["seconds"] == 5400
    parts.call("schedule.disable_job", "mine")
    assert parts.call("schedule.is_enabled", "mine")["enabled"] is False
    assert parts.call("schedule.show_next_fire_time", "mine") == {"result": True, "next_fire_time": None}
    parts.call("schedule.enable_job", "mine")
    assert parts.call("schedule.show_next_fire_time", "mine")["next_fire_time"]
    parts.call("schedule.delete", "mine")
    assert "mine" not in parts.call("schedule.job_status")
    assert parts.call("schedule.run_job", "mine") == {"comment": "Job mine does not exist.", "result": False}
