"""What agents deliver, over the master's objects: written before it is acknowledged, known for what it is."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from saltern.keystore import ACCEPTED
from saltern.wire import Message, pack, unpack_value
from saltern_master import inbox
from saltern_master.auth.caller import Caller, Kind
from saltern_master.entrances.channel.port import Peer
from saltern_master.jobs.follower import Follower
from saltern_master.jobs.publisher import JobRequest
from saltern_master.jobs.tracker import TrackedJob
from saltern_master.record import FOR_JOBS, METRICS, read_record
from support.keys import A, B, C, Door
from support.masters import until

JID, UNKNOWN = "20260131120000123456", "20260131120000654321"
ROOT = Caller(Kind.LOCAL, "root", 0)
ANSWER: dict[str, Any] = {"jid": JID, "fun": "test.ping", "fun_args": [], "return": True, "retcode": 0, "success": True}


def say(door: Door, peer: Peer, type_: str, seq: int, body: dict[Any, Any]) -> None:
    door.hub.on_ret_message(peer, pack(type_, seq, body))


async def heard(door: Door, peer: Peer, type_: str, seq: int = 0) -> list[Message]:
    """Return what was sent to *peer*, up to a message of that type."""
    found: list[Message] = []

    def there() -> bool:
        found.extend(door.wire.to(peer))
        return any((message.type, message.seq) == (type_, seq) for message in found)

    await until(there)
    return found


def written(door: Door) -> list[tuple[str, dict[str, Any]]]:
    """Return the returns in the journal: whose, and what."""
    door.master.inbox.flush_now()
    reader = door.master.journal.reader("test")
    records = [read_record(record, FOR_JOBS | METRICS) for record in reader.read_now(1 << 30)]
    return [(record.minion_id, record.body) for record in records if record is not None]


def asked(door: Door, sent: dict[str, str], missing: tuple[str, ...] = ()) -> Follower:
    """Have root follow a job that was sent to minions, by their keys, but for those that were away."""
    follower = Follower(JID, door.master.tracker.unfollow)
    door.master.tracker.begin(TrackedJob(JID, "test.ping", ROOT, dict(sorted(sent.items())), missing), follower)
    return follower


def seen(follower: Follower) -> list[Any]:
    """Return what a follower was told, without those that are away."""
    told = [unpack_value(packed)["data"] for packed, _ in follower._queue._items]
    return [data["return"] for data in told if "return" in data]


@pytest.fixture(autouse=True)
def acknowledged_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly each test waits for an acknowledgement."""
    monkeypatch.setattr(inbox, "ACK_WITHIN_S", 0.05)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Return what says whether large writes fail from now on, as on a disk with some kB left."""
    state = {"full": False}
    write = os.write

    def limited(fd: int, data: bytes) -> int:
        if state["full"] and len(data) > 65536:
            raise OSError(28, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr(os, "write", limited)
    return lambda full: state.update(full=full)


def test_a_return_is_written_before_it_is_acknowledged(door: Door) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        asked(door, {"web": A})
        say(door, web, "ret", 5, ANSWER)
        say(door, web, "event", 6, {"tag": "x"})
        (ack,) = await heard(door, web, "ack", 6)
        assert ack.body == {}
        assert [name for name, _ in written(door)] == ["web"]

    asyncio.run(scenario())


def test_nothing_after_a_failed_write_is_acknowledged_before_the_next_hello(
    door: Door, full_disk: Callable[[bool], None]
) -> None:
    async def scenario() -> None:
        web, db = door.minion("web", A), door.minion("db", B)
        asked(door, {"web": A, "db": B})
        large = {**ANSWER, "return": "x" * 100_000}
        full_disk(True)
        say(door, web, "ret", 1, large)
        await heard(door, web, "who")
        say(door, web, "ret", 2, ANSWER)  # sent before it heard that
        assert [message.type for message in door.wire.to(web)] == ["who"]
        say(door, db, "ret", 1, {**ANSWER, "return": "db"})
        await heard(door, db, "ack", 1)
        assert door.wire.to(web) == []  # what was gathered went out by now
        full_disk(False)
        assert door.hello(web, "web")[0].type == "welcome"
        say(door, web, "ret", 1, large)
        say(door, web, "ret", 2, ANSWER)
        assert [message.type for message in await heard(door, web, "ack", 2)] == ["ack"]
        assert [(name, len(str(body["return"]))) for name, body in written(door)] == [
            ("db", 2),
            ("web", 100_000),
            ("web", 4),
        ]

    asyncio.run(scenario())


def test_a_failed_write_isnt_acknowledged_to_one_who_says_hello_at_once(
    door: Door, full_disk: Callable[[bool], None]
) -> None:
    async def scenario() -> None:
        web, db = door.minion("web", A), door.minion("db", B)
        asked(door, {"web": A, "db": B})
        say(door, web, "ret", 1, ANSWER)
        await asyncio.sleep(0)  # it is written, and its acknowledgement waits for others
        full_disk(True)
        say(door, web, "ret", 2, {**ANSWER, "return": "x" * 100_000})
        await heard(door, web, "who")
        door.hello(web, "web")
        say(door, db, "ret", 1, ANSWER)
        await heard(door, db, "ack", 1)
        assert door.wire.to(web) == []

    asyncio.run(scenario())


def test_nothing_is_acknowledged_to_a_key_that_was_removed_meanwhile(door: Door) -> None:
    async def scenario() -> None:
        web, db = door.minion("web", A), door.minion("db", B)
        asked(door, {"web": A, "db": B})
        say(door, web, "ret", 1, ANSWER)
        say(door, db, "ret", 1, ANSWER)
        door.store.remove(ACCEPTED, "web")
        door.keyring.refresh()
        await heard(door, db, "ack", 1)
        assert door.wire.to(web) == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "tag",
    [
        *("start", "/start", "//start", "salt/minion/web/start", "start/", "start/again", "salt/minion/web/duplicate"),
        *("duplicate", "unsolicited", f"unsolicited/{JID}", "salt/minion/web/unsolicited/x"),
    ],
)
def test_the_masters_words_about_a_minion_are_not_its_own(door: Door, tag: str) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        say(door, web, "event", 1, {"tag": tag, "data": {}})
        (ack,) = await heard(door, web, "ack", 1)
        assert "is the master's to say" in ack.body["refused"][1]
        assert door.told() == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("tag", "taken"),
    [
        (f"salt/job/{JID}/prog/web/0", True),
        (f"salt/job/{JID}/prog/db/0", False),  # another minion's
        (f"salt/job/{JID}/prog/web/x", False),
        (f"salt/job/{JID}/prog/web/0/more", False),
        (f"salt/job/{UNKNOWN}/prog/web/0", False),
        (f"salt/job/{JID}/ret/web/0", False),
    ],
)
def test_what_a_function_yields_is_told_of_a_job_that_waits_for_it(door: Door, tag: str, taken: bool) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        asked(door, {"web": A})
        say(door, web, "event", 1, {"tag": tag, "data": {"return": 1}})
        await heard(door, web, "ack", 1)
        ((told, data),) = [(tag, data) for tag, data in door.told() if data.get("cmd") == "_minion_event"]
        assert told == (tag if taken else f"salt/minion/web/{tag}")
        assert (data["data"], data["id"]) == ({"return": 1}, "web")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "tag",
    [
        *("salt/minion/db/start", "/salt/minion/db/start", "salt/minion/web", "salt/minion/webb/start", "../db/start"),
        *(f"salt/job/{JID}/ret/db", f"salt/job/{JID}/done", "salt/auth", "salt/presence/change", "salt/alert/x", "x"),
    ],
)
def test_a_minion_speaks_below_its_own_name_alone(door: Door, tag: str) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        data = {"id": "db", "_stamp": "1999", "from": "master", "user": "root"}
        say(door, web, "event", 1, {"tag": tag, "data": data, "from": "master", "_stamp": "1999", "id": "db"})
        await heard(door, web, "ack", 1)
        ((told, event),) = door.told()
        assert told == f"salt/minion/web/{tag.lstrip('/')}"
        assert (event["from"], event["id"], event["data"]) == ("minion:web", "web", data)
        assert not event["_stamp"].startswith("1999")

    asyncio.run(scenario())


def test_an_event_keeps_its_data_whatever_else_came_with_it(door: Door) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        say(door, web, "event", 1, {"tag": "x", "data": {"mine": 1}, "extra": 2, b"more": 3})
        await heard(door, web, "ack", 1)
        assert [event["data"] for _, event in door.told()] == [{"mine": 1}]

    asyncio.run(scenario())


def test_steps_of_a_job_are_told_of_by_those_who_got_it_alone(door: Door) -> None:
    def tag(jid: str, minion_id: str, number: str = "0") -> str:
        return f"salt/job/{jid}/prog/{minion_id}/{number}"

    async def scenario() -> None:
        web, db = door.minion("web", A), door.minion("db", B)
        asked(door, {"web": A})
        for seq, (peer, told) in enumerate(
            [
                (web, tag(JID, "web", "12")),
                (db, tag(JID, "web")),
                (db, tag(JID, "db")),
                (web, tag(JID, "db")),
                (web, tag("1" * 20, "web")),
                (web, tag(JID, "web", "x")),
                (web, tag(JID, "web") + "/ret"),
            ],
            1,
        ):
            say(door, peer, "event", seq, {"tag": told, "data": {"return": "half"}})
        await heard(door, web, "ack", 7)
        told_of = door.told("salt/")
        assert [(event_tag, data["from"]) for event_tag, data in told_of] == [
            (tag(JID, "web", "12"), "minion:web"),
            (f"salt/minion/db/{tag(JID, 'web')}", "minion:db"),
            (f"salt/minion/db/{tag(JID, 'db')}", "minion:db"),
            (f"salt/minion/web/{tag(JID, 'db')}", "minion:web"),
            (f"salt/minion/web/{tag('1' * 20, 'web')}", "minion:web"),
            (f"salt/minion/web/{tag(JID, 'web', 'x')}", "minion:web"),
            (f"salt/minion/web/{tag(JID, 'web')}/ret", "minion:web"),
        ]
        data = told_of[0][1]
        assert {key: data[key] for key in ("id", "cmd", "pretag", "tag", "data")} == {
            "id": "web",
            "cmd": "_minion_event",
            "pretag": None,
            "tag": tag(JID, "web", "12"),
            "data": {"return": "half"},
        }

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"problems": ["modules.cmd: not used: why"]}, "minion web: its modules: modules.cmd: not used: why"),
        ({"problems": ["a" * 1000, 7, None, [], {}, "f", "g"]}, f"{'a' * 300}; 7; None; []; {{}}; and 2 more"),
        ({"problems": []}, ""),
        ({"problems": "text"}, ""),
        ("junk", ""),
        (None, ""),
    ],
)
def test_what_a_minion_tells_of_its_modules_is_said(
    door: Door, caplog: pytest.LogCaptureFixture, data: object, said: str
) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        say(door, web, "event", 1, {"tag": "modules", "data": data})
        say(door, web, "event", 2, {"tag": "modules/other", "data": {"problems": ["no"]}})
        await heard(door, web, "ack", 2)
        assert len(door.told()) == 2

    asyncio.run(scenario())
    lines = [record.getMessage() for record in caplog.records if "its modules" in record.getMessage()]
    assert len(lines) == (1 if said else 0)
    assert all(line.endswith(said) for line in lines)


def test_unknown_fields_of_a_return_stay_below_data(door: Door) -> None:
    unknown = {"_stamp": "1999", "from": "master", "user": "root", "tgt": "*", "id": "db", "cmd": "x", "data": 1, "": 2}

    async def scenario() -> None:
        web = door.minion("web", A)
        follower = asked(door, {"web": A})
        say(door, web, "ret", 1, {**ANSWER, **unknown, b"\xff": 3, 4: 4, "n" * 3000: 5})
        await heard(door, web, "ack", 1)
        ((_, event),) = door.told(f"salt/job/{JID}/ret/")
        (packed,) = await follower.batch()
        for data in (event, unpack_value(packed)["data"]):
            assert (data["from"], data["id"], data["cmd"]) == ("minion:web", "web", "_return")
            assert not data["_stamp"].startswith("1999")
            assert not {"tgt", ""} & set(data)
            assert data["user"] == "root"  # who started it, by the master's word
            assert data["data"] == {**unknown, "b'\\xff'": 3, "4": 4, "n" * 512: 5}
        ((name, body),) = written(door)
        assert (name, set(body)) == ("web", {*ANSWER, "data"})

    asyncio.run(scenario())


UNSOLICITED: dict[str, tuple[dict[str, str], tuple[str, ...], dict[str, Any]]] = {
    "another's job": ({"db": B}, (), {}),
    "with its former key": ({"web": C, "db": B}, (), {}),
    "away when it was sent": ({"db": B}, ("web",), {}),
    "a jid that isn't known": ({"web": A, "db": B}, (), {"jid": UNKNOWN}),
    "said to be scheduled": ({"db": B}, (), {"schedule": "x", "return_job": True}),
    "said to be scheduled, and a metric": ({"db": B}, (), {"schedule": "stats", "metrics": True, "slot": 5}),
    "said to be scheduled by its former key": ({"web": C, "db": B}, (), {"schedule": "x", "return_job": True}),
}


@pytest.mark.parametrize("case", UNSOLICITED)
def test_what_nobody_asked_for_is_no_answer(door: Door, case: str) -> None:
    sent, missing, more = UNSOLICITED[case]

    async def scenario() -> None:
        web = door.minion("web", A)
        follower = asked(door, sent, missing)
        door.told()
        body = {**ANSWER, "return": "FORGED", **more}
        say(door, web, "ret", 1, body)
        (ack,) = await heard(door, web, "ack", 1)
        assert ack.body == {}  # it is done with: to send it again is of no use
        ((tag, event),) = door.told()
        assert tag == f"salt/minion/web/unsolicited/{body['jid']}"
        assert (event["from"], event["id"], event["return"]) == ("minion:web", "web", "FORGED")
        assert seen(follower) == []
        assert written(door) == []
        assert door.master.tracker.metrics()["unsolicited"] == 1
        assert sorted(door.master.tracker.running()[JID]["running"]) == sorted(sent)

    asyncio.run(scenario())


def test_an_answer_counts_once(door: Door) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        follower = asked(door, {"web": A, "db": B})
        for seq, value in enumerate(("first", "second", "third")):
            say(door, web, "ret", seq, {**ANSWER, "return": value})
        await heard(door, web, "ack", 2)
        assert seen(follower) == ["first"]
        assert [event["return"] for _, event in door.told(f"salt/job/{JID}/ret/")] == ["first"]

    asyncio.run(scenario())


def test_a_scheduled_run_is_no_answer_to_the_job_whose_jid_it_bears(door: Door) -> None:
    """A job that isn't remembered any more: nobody can tell, but its results know whom it was for."""

    async def scenario() -> None:
        web, db = door.minion("web", A), door.minion("db", B)
        load = {"jid": JID, "fun": "test.ping", "minions": ["web"], "user": "root", "owner": ROOT.principal}
        door.master.inbox.put_job(load)
        say(door, web, "ret", 1, {**ANSWER, "schedule": "x", "return_job": True})
        say(door, db, "ret", 1, {**ANSWER, "return": "FORGED", "schedule": "x", "return_job": True})
        await heard(door, db, "ack", 1)
        keeping = asyncio.create_task(door.master.keeper.run())
        await until(lambda: door.master.keeper.stored == 2)
        keeping.cancel()
        await asyncio.wait([keeping])
        call = door.master.dispatcher.call
        assert await call(ROOT, "runner.jobs.lookup_jid", [JID], {}) == {"web": True}
        assert list((await call(ROOT, "runner.jobs.list_job", [JID], {}))["Result"]) == ["web"]
        assert list(await call(ROOT, "job.returns", [JID], {})) == ["web"]

    asyncio.run(scenario())


@pytest.mark.parametrize("sent", [{"web": A}, {"db": B}])
def test_who_chooses_a_scheduled_runs_jid_neither_gets_it_nor_keeps_it_from_anybody(
    door: Door, sent: dict[str, str]
) -> None:
    """A schedule's jids can be told beforehand."""
    fred = Caller(Kind.LOCAL, "fred", 60000)

    async def scenario() -> None:
        web = door.minion("web", A)
        door.minion("db", B)
        request = JobRequest("*", "glob", "test.ping", [], {})
        publish = door.master.publisher.publish
        _, follower = publish(request, list(sent), fred, sees_all=False, follow=True, hold=True, new_jid=JID)
        assert follower is not None
        say(door, web, "ret", 1, {**ANSWER, "return": "ITS OWN", "schedule": "s", "return_job": True, "slot": 60})
        await heard(door, web, "ack", 1)
        assert seen(follower) == []
        assert door.master.tracker.metrics()["unsolicited"] == 0
        ((_, event),) = door.told(f"salt/job/{JID}/ret/")
        assert "user" not in event  # it is not fred's
        assert [(name, body["return"]) for name, body in written(door)] == [("web", "ITS OWN")]
        keeping = asyncio.create_task(door.master.keeper.run())
        await until(lambda: door.master.keeper.stored == 1)
        keeping.cancel()
        await asyncio.wait([keeping])
        assert await door.master.dispatcher.call(ROOT, "job.returns", [JID], {}) == {}
        follower.close()
        earlier = await door.master.keeper._earlier_jobs()
        door.master.tracker.remember(earlier)  # as after a restart
        assert not door.master.tracker.gave(JID)

    asyncio.run(scenario())


NONSENSE: list[dict[Any, Any]] = [
    *({}, {"jid": JID, "fun": "f"}, {**ANSWER, "jid": None}, {**ANSWER, "jid": "5"}, {**ANSWER, "jid": "٢" * 20}),
    *({**ANSWER, "fun": 5}, {**ANSWER, "fun": []}, {**ANSWER, "fun": ["f", 5]}, {**ANSWER, "fun": "f" * 2000}),
    *({**ANSWER, "fun_args": "x"}, {**ANSWER, "success": 1}, {**ANSWER, "retcode": "0"}, {**ANSWER, "metrics": "yes"}),
    *({**ANSWER, "slot": float("nan")}, {**ANSWER, "slot": 2**63}, {**ANSWER, "slot": True}, {**ANSWER, "module": []}),
    *({**ANSWER, "schedule": ""}, {**ANSWER, "schedule": "a\nb"}, {**ANSWER, "failed": 5}),
    *({**ANSWER, "failed": "a\nb"}, {**ANSWER, "plain": "x"}, {**ANSWER, "return_job": 1}),
]


@pytest.mark.parametrize("body", NONSENSE, ids=lambda body: ",".join(map(str, body.items()))[-40:])
def test_a_return_that_is_none_is_refused_for_good(door: Door, body: dict[Any, Any]) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        asked(door, {"web": A})
        say(door, web, "ret", 1, body)
        say(door, web, "ret", 2, ANSWER)
        (ack,) = await heard(door, web, "ack", 2)
        assert list(ack.body["refused"]) == [1]
        assert ack.body["refused"][1].startswith("a return")
        assert [body["return"] for _, body in written(door)] == [True]

    asyncio.run(scenario())


def test_the_account_hears_of_every_scheduled_run_and_of_those_without_a_return(door: Door) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        master = door.master
        now = int(time.time() // 15 * 15)
        master.accounting.expect("web", {"s": {"seconds": 15}, "quiet": {"seconds": 15}}, now - 90)
        run = {**ANSWER, "jid": UNKNOWN, "schedule": "s", "metrics": True}
        say(door, web, "ret", 1, {**run, "slot": now - 90})
        say(door, web, "ret", 2, {**run, "slot": now - 75, "failed": "it raised"})
        say(door, web, "ret", 3, {**run, "slot": now - 90, "schedule": "quiet", "metrics": False})
        say(
            door, web, "ret", 4, {**run, "slot": now - 75, "schedule": "quiet", "metrics": False, "failed": "so did it"}
        )
        absent = {"s": {"seconds": 15, "skipped": [[now - 60, now - 60]], "dropped": [[now - 45, now - 45]]}}
        say(door, web, "account", 5, {"schedules": absent})
        say(door, web, "account", 6, {"schedules": [1]})
        (ack,) = await heard(door, web, "ack", 6)
        assert list(ack.body["refused"]) == [6]
        await master.account_keeper.catch_up()
        found = {name: numbers for _, name, numbers in master.accounting.rows(now + 1)}
        assert [found["s"][fate] for fate in ("received", "failed", "skipped", "dropped", "missing")] == [1, 1, 1, 1, 1]
        assert [found["quiet"][fate] for fate in ("received", "failed")] == [1, 1]
        kept = [(body["schedule"], "return" in body) for _, body in written(door)]
        assert kept == [("s", True), ("s", True)]  # of what nobody wants there is no more than its note

    asyncio.run(scenario())


def test_what_can_not_be_taken_in_for_a_fault_of_ours_is_refused_and_not_passed_over(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        asked(door, {"web": A})
        monkeypatch.setattr(door.master.tracker, "take", lambda *_: 1 / 0)
        say(door, web, "ret", 1, ANSWER)
        monkeypatch.undo()
        say(door, web, "event", 2, {"tag": "x"})
        (ack,) = await heard(door, web, "ack", 2)
        assert ack.body == {"refused": {1: "the master failed: ZeroDivisionError"}}
        assert "a ret of minion web could not be taken in" in caplog.text

    asyncio.run(scenario())


def test_any_fault_of_the_journal_is_a_write_that_failed(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        web = door.minion("web", A)
        asked(door, {"web": A})
        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
            say(door, web, "ret", 1, ANSWER)
            assert not door.master.inbox._flush()
        assert [message.type for message in await heard(door, web, "who")] == ["who"]
        assert door.master.inbox.journal_failures == 1

    asyncio.run(scenario())
