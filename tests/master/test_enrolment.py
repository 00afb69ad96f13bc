"""Who says hello, what it hears, and what the log and the bus say of it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from pathlib import Path

import pytest
import zmq
from zmq.utils.monitor import parse_monitor_message

from saltern.config import MasterOptions
from saltern.keystore import ACCEPTED, DENIED, PENDING, REJECTED
from saltern.pki import fingerprint
from saltern_master.entrances.channel.hub import PUBLISH, RET
from saltern_master.line_limit import EVERY_S, MAX_LINES, MAX_LINES_OF_ONE
from support.keys import A, B, C, Door
from support.masters import FakeAgent, running


def acts(door: Door) -> list[tuple[str, str, bool]]:
    return [(data["act"], data["id"], data["result"]) for _, data in door.told("salt/auth")]


def test_only_an_accepted_key_passes_the_publish_ports_handshake(door: Door) -> None:
    door.hello(door.wire.peer(A), "web")
    assert door.hub.admit(RET, A)
    assert not door.hub.admit(PUBLISH, A)
    door.accept("web", A)
    assert door.hub.admit(PUBLISH, A)
    assert not door.hub.admit(PUBLISH, B)
    door.store.remove(ACCEPTED, "web")
    door.refresh()
    assert not door.hub.admit(PUBLISH, A)


def test_a_strangers_handshake_with_the_publish_port_fails(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            stranger = FakeAgent(master, "web")
            try:
                jobs = stranger._connect("publish")
                failed = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_SUCCEEDED
                monitor = jobs.get_monitor_socket(failed)
                assert await asyncio.to_thread(monitor.poll, 10_000)
                assert parse_monitor_message(monitor.recv_multipart())["event"] == zmq.EVENT_HANDSHAKE_FAILED_AUTH
                jobs.disable_monitor()
                monitor.close(linger=0)
            finally:
                stranger.close()

    asyncio.run(scenario())


def test_an_attach_of_an_unaccepted_key_is_nothing(door: Door) -> None:
    door.attach(door.wire.peer(A))
    assert door.fleet.present() == []


def test_a_key_waits_and_is_welcomed_when_it_is_accepted(door: Door) -> None:
    peer = door.wire.peer(A)
    (wait,) = door.hello(peer, "web")
    assert (wait.type, wait.body) == ("wait", {"fingerprint": fingerprint(A)})
    assert acts(door) == [("pend", "web", True)]
    door.store.put(ACCEPTED, "web", A)
    door.store.remove(PENDING, "web")
    door.refresh()
    assert [message.type for message in door.wire.to(peer)] == ["welcome"]


@pytest.mark.parametrize("state", [REJECTED, DENIED])
def test_a_key_that_is_accepted_after_all_is_welcomed_at_once(door: Door, state: str) -> None:
    """Whatever state it was in: its agent is connected, and hears of it before it asks again."""
    door.store.put(state, "web", A)
    if state == DENIED:
        door.store.put(ACCEPTED, "web", B)
    door.refresh()
    peer = door.wire.peer(A)
    assert door.hello(peer, "web", boot=1.0)[0].type == "refused"
    door.store.remove(state, "web")
    door.store.put(ACCEPTED, "web", A)
    door.refresh()
    assert [message.type for message in door.wire.to(peer)] == ["welcome"]
    told = dict(door.told())
    for tag in ("salt/minion/web/start", "minion_start"):
        data = told[tag]
        assert data.pop("data").startswith("Minion web started at Thu Jan  1 ")
        assert type(data.pop("ts")) is int
        said = {"id": "web", "cmd": "_minion_event", "pretag": None, "tag": tag, "from": "master"}
        assert data == {**said, "_stamp": data["_stamp"]}


def test_a_minion_that_was_rejected_and_is_accepted_again_is_back_at_once(door: Door) -> None:
    peer = door.minion("web", A)
    door.store.remove(ACCEPTED, "web")
    door.store.put(REJECTED, "web", A)
    door.refresh()
    assert [(message.type, message.body["state"]) for message in door.wire.to(peer)] == [("refused", "rejected")]
    door.store.remove(REJECTED, "web")
    door.store.put(ACCEPTED, "web", A)
    door.refresh()
    assert [message.type for message in door.wire.to(peer)] == ["welcome"]


def test_a_minion_that_was_deleted_says_hello_and_waits_again(door: Door) -> None:
    peer = door.minion("web", A)
    door.store.remove(ACCEPTED, "web")
    door.refresh()
    (refused,) = door.wire.to(peer)
    assert "its key was removed on the master" in refused.body["reason"]
    assert door.hub.metrics()["waiting"] == 0, "nobody can accept what is in no state"
    assert door.hello(peer, "web")[0].type == "wait"
    door.store.remove(PENDING, "web")
    door.accept("web", A)
    assert [message.type for message in door.wire.to(peer)] == ["welcome"]


@pytest.mark.parametrize("state", [PENDING, REJECTED, DENIED])
def test_a_key_that_is_deleted_in_any_state_may_come_anew_and_is_told(door: Door, state: str) -> None:
    door.store.put(state, "web", A)
    door.refresh()
    peer = door.wire.peer(A)
    door.hello(peer, "web")
    door.store.remove(state, "web")
    door.store.remove(PENDING, "web")
    door.refresh()
    (refused,) = door.wire.to(peer)
    assert refused.body == {"state": "rejected", "reason": "its key was removed on the master"}
    door.refresh()
    assert door.wire.to(peer) == []
    assert door.hello(peer, "web")[0].type == "wait"
    assert door.hub.metrics()["waiting"] == 1


def test_who_waits_is_welcomed_by_its_own_id_alone(door: Door) -> None:
    peer = door.wire.peer(A)
    door.hello(peer, "web")
    door.store.remove(PENDING, "web")
    door.accept("db", A)
    assert door.wire.to(peer) == []
    (refused,) = door.hello(peer, "web")
    assert "accepted for 'db', not for 'web': set id: db" in refused.body["reason"]


def test_a_program_beside_the_agent_takes_no_welcome_of_its(door: Door) -> None:
    agent, program = door.wire.peer(A), door.wire.peer(A)
    door.hello(agent, "web", boot=1.0)
    door.hello(program, "web", call=True)
    door.store.remove(PENDING, "web")
    door.accept("web", A)
    assert [message.type for message in door.wire.to(agent)] == ["welcome"]
    assert door.wire.to(program) == []


def test_an_id_that_every_host_has_is_refused_logged_and_raised(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    peer = door.wire.peer(A, "10.0.0.5")
    for _ in range(3):
        (refused,) = door.hello(peer, "localhost.localdomain")
        assert refused.body["state"] == "invalid"
        assert "set id: in that host's configuration" in refused.body["reason"]
    assert acts(door) == [("invalid", "localhost.localdomain", False)]
    assert len([line for line in caplog.messages if "every host calls itself" in line]) == 1
    assert door.store.ids(PENDING) == []


def test_a_hello_that_is_none_is_raised_too(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    peer = door.wire.peer(A, "10.0.0.5")
    for _ in range(3):
        door.hello(peer, "no\x1b[2Jgood" + "x" * 5000)
    ((_, data),) = door.told("salt/auth")
    assert (data["act"], data["result"], data["pub"], data["address"]) == ("invalid", False, A, "10.0.0.5")
    assert data["id"].startswith("no\\x1b[2Jgood")
    assert len(data["id"]) < 300
    assert len(caplog.messages) == 1


def test_one_stranger_with_a_thousand_names_leaves_the_door_open(door: Door) -> None:
    stranger = door.wire.peer(A, "10.0.0.66")
    answers = [door.hello(stranger, f"e{number}")[0] for number in range(1000)]
    assert [answer.type for answer in answers] == ["wait"] + ["refused"] * 999
    assert "waits on the master as 'e0' already" in answers[-1].body["reason"]
    assert door.hello(door.wire.peer(B, "10.0.0.1"), "honest")[0].type == "wait"
    assert door.store.ids(PENDING) == ["e0", "honest"]


def test_a_thousand_keys_of_one_address_leave_the_door_open(door: Door) -> None:
    for number in range(1000):
        door.hello(door.wire.peer(f"{number:040}", "10.0.0.66"), f"e{number}")
    assert len(door.store.ids(PENDING)) == 50
    assert door.hello(door.wire.peer(B, "10.0.0.1"), "honest")[0].type == "wait"
    assert door.hub.metrics()["pending_full"] == 950


def test_a_token_that_is_used_up_is_told_to_the_host(door: Door) -> None:
    secret = door.store.invites.new()
    assert door.hello(door.wire.peer(A), "first", token=secret)[0].type == "welcome"
    (wait,) = door.hello(door.wire.peer(B), "second", token=secret)
    assert wait.type == "wait"
    assert "was used before" in wait.body["reason"]
    (wait,) = door.hello(door.wire.peer(C), "third", token=door.store.invites.new(ttl_s=-2))
    assert "ended at" in wait.body["reason"]


def test_the_token_of_another_id_is_refused_and_stays_good(door: Door) -> None:
    secret = door.store.invites.new(minion_id="prod")
    (refused,) = door.hello(door.wire.peer(A), "evil", token=secret)
    assert (refused.type, refused.body["state"]) == ("refused", "denied")
    assert "'prod' alone" in refused.body["reason"]
    assert door.hello(door.wire.peer(B), "prod", token=secret)[0].type == "welcome"


def test_a_token_wins_over_a_stranger_who_is_told(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    stranger = door.wire.peer(A)
    door.hello(stranger, "prod")
    acts(door)
    assert door.hello(door.wire.peer(B), "prod", token=door.store.invites.new())[0].type == "welcome"
    (refused,) = door.wire.to(stranger)
    assert (refused.type, refused.body["state"]) == ("refused", "denied")
    assert acts(door) == [("accept", "prod", True), ("denied", "prod", False)]
    assert "the pending key" in caplog.text
    assert door.keyring.minion_of(A) is None


def test_a_renamed_host_is_said_once_and_hears_why_each_time(
    door: Door, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.accept("old", A)
    minutes = itertools.count(1)
    monkeypatch.setattr(door.enrolment._limit, "_clock", lambda: 1e9 + next(minutes) * EVERY_S)
    peer = door.wire.peer(A)
    for _ in range(5):
        (refused,) = door.hello(peer, "new")
        assert "accepted for 'old', not for 'new'" in refused.body["reason"]
    assert acts(door) == [("denied", "new", False)]
    assert len([line for line in caplog.messages if "not for 'new'" in line]) == 1
    door.hello(peer, "newer")
    assert acts(door) == [("denied", "newer", False)]


def test_a_refusal_is_said_also_of_a_key_that_was_accepted_a_moment_ago(door: Door) -> None:
    peer = door.wire.peer(A)
    assert door.hello(peer, "old", token=door.store.invites.new())[0].type == "welcome"
    assert acts(door) == [("accept", "old", True)]
    assert door.hello(peer, "new")[0].type == "refused"
    assert acts(door) == [("denied", "new", False)]


def test_a_refusal_names_its_reason_on_the_bus(door: Door) -> None:
    door.accept("web.1", A)
    door.hello(door.wire.peer(B, "10.0.0.5"), "web_1")
    ((_, data),) = door.told("salt/auth")
    assert (data["act"], data["pub"], data["address"]) == ("denied", B, "10.0.0.5")
    assert "names of those of 'web.1'" in data["reason"]


def test_what_strangers_can_write_into_the_log_is_bounded(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    door.accept("web", C)
    caplog.clear()
    for number in range(500):
        peer = door.wire.peer(f"{number:040}", f"10.0.{number // 200}.{number % 200}")
        door.hello(peer, "web")  # denied
        door.hello(peer, f"n{number}")  # pending
        door.hello(peer, "not an id")
        door.hello(peer, f"n{number}", token="nonsense")
        door.hub.on_ret_message(peer, b"\xff garbage")
    assert len(caplog.messages) <= 2 * (MAX_LINES + 1)
    assert "the rest is counted only" in caplog.text
    assert door.hub.metrics()["hello_lines_left_out"] > 0
    assert len(acts(door)) <= 500 + MAX_LINES


def test_one_address_takes_no_line_from_another(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    door.accept("web", C)
    caplog.clear()
    for number in range(500):
        door.hello(door.wire.peer(f"{number:040}", "10.0.0.66"), "not an id")
    door.hello(door.wire.peer(B, "10.0.0.1"), "web")
    assert caplog.messages[-1].startswith(f"key of web ({fingerprint(B)}): denied: ")
    assert acts(door)[-1] == ("denied", "web", False)
    assert len(caplog.messages) == MAX_LINES_OF_ONE + 2


def test_one_stranger_writes_a_line_a_minute(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    door.accept("web", C)
    door.accept("db", B)
    caplog.clear()
    peer = door.wire.peer(A)
    for number in range(100):
        door.hello(peer, ("web", "db", f"e{number}", "../x")[number % 4])
    assert len(caplog.messages) <= 1


def test_a_store_that_cant_be_written_is_told_and_said_once(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    (Path(door.store.pki_dir) / PENDING).rmdir()
    peer = door.wire.peer(A)
    for _ in range(5):
        (refused,) = door.hello(peer, "web")
        assert refused.body == {"state": "error", "reason": "the master can't store keys: see its log"}
    assert len([line for line in caplog.messages if "can't be written" in line]) == 1


@pytest.mark.parametrize("boot", [None, "x", True, float("nan"), float("inf"), [1]])
def test_a_hello_of_the_wrong_shape_is_refused(door: Door, boot: object) -> None:
    door.accept("web", A)
    (refused,) = door.hello(door.wire.peer(A), "web", boot=boot)
    assert (refused.type, refused.body["state"]) == ("refused", "invalid")
    assert "a hello's boot must be a finite number" in refused.body["reason"]


def test_a_boot_that_can_not_be_is_none(door: Door) -> None:
    door.accept("web", A)
    peer = door.wire.peer(A)
    for _ in range(3):
        assert door.hello(peer, "web", boot=-1)[0].type == "welcome"
    assert door.told("salt/minion") == []


def test_a_waiting_peer_that_left_is_forgotten(door: Door) -> None:
    peer = door.wire.peer(A)
    door.hello(peer, "web")
    assert door.hub.metrics()["waiting"] == 1
    door.hub.on_gone(peer)
    assert door.hub.metrics()["waiting"] == 0
