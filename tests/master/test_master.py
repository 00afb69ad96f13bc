"""The master as its agents meet it, over real encrypted sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import socket
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import zmq

from saltern import wire
from saltern.client import LocalClient
from saltern.config import MasterOptions, master_config
from saltern.config.load import config_stamp
from saltern.errors import ArgumentError, ChannelError, FunctionNotFound, NotAuthorised
from saltern.event import MasterEvent
from saltern.keystore import KeyStore
from saltern.local import LocalConnection
from saltern.pki import fingerprint
from saltern.runner import RunnerClient
from saltern.wheel import Wheel
from saltern_master.auth.caller import Caller, Kind
from saltern_master.master import Master
from support.masters import FakeAgent, running, until


def run(coroutine: Any) -> None:
    asyncio.run(coroutine)


@contextlib.contextmanager
def agent(master: Any, minion_id: str, **more: Any) -> Any:
    made = FakeAgent(master, minion_id, **more)
    try:
        yield made
    finally:
        made.close()


def with_options(options: MasterOptions, **changed: Any) -> MasterOptions:
    return {**options, **changed}  # type: ignore[typeddict-item]


def test_an_unknown_key_waits_and_is_welcomed_when_accepted(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            with agent(master, "web01") as web01:
                events = MasterEvent(options["sock_dir"])
                await asyncio.to_thread(events.subscribe)
                web01.hello()
                wait = await web01.receive()
                assert (wait.type, wait.body["fingerprint"]) == ("wait", fingerprint(web01.key.public))
                auth = await asyncio.to_thread(events.get_event, 5, "salt/auth", True)
                assert auth is not None
                assert auth["data"]["act"] == "pend"
                assert auth["data"]["id"] == "web01"
                wheel = Wheel(options)
                listed = await asyncio.to_thread(wheel.call_func, "key.list_all")
                assert listed["minions_pre"] == ["web01"]
                await asyncio.to_thread(wheel.call_func, "key.accept", match="web01")
                welcome = await web01.receive()
                assert welcome.type == "welcome"
                assert welcome.body["schedule"]["stats"]["function"] == "stats.collect"
                events.close()

    run(scenario())


def test_a_key_moved_by_hand_is_noticed(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            with agent(master, "web01") as web01:
                web01.hello()
                assert (await web01.receive()).type == "wait"
                pki = Path(options["pki_dir"])
                os.rename(pki / "minions_pre" / "web01", pki / "minions" / "web01")
                assert (await web01.receive()).type == "welcome"

    run(scenario())


def test_a_second_key_for_a_known_id_is_denied(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(with_options(options, auto_accept=True)) as master:
            with agent(master, "web01") as real, agent(master, "web01") as impostor:
                await real.join()
                impostor.hello()
                refused = await impostor.receive()
                assert refused.type == "refused"
                assert refused.body["state"] == "denied"
                assert "saltern-key -d web01" in refused.body["reason"]
                assert KeyStore(options["pki_dir"]).ids("minions_denied") == ["web01"]
                impostor.give_back({"jid": "2" * 20, "fun": "test.ping"}, "forged")
                assert (await impostor.receive()).type == "who"
                assert master.inbox.returns == 0

    run(scenario())


def test_an_accepted_key_may_not_speak_for_another_id(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(with_options(options, auto_accept=True)) as master:
            with agent(master, "web01") as web01:
                await web01.join()
                with agent(master, "db01", key=web01.key) as other:
                    other.hello()
                    refused = await other.receive()
                    assert refused.type == "refused"
                    assert "accepted for 'web01', not for 'db01'" in refused.body["reason"]

    run(scenario())


def test_an_id_outside_the_grammar_is_refused(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(with_options(options, auto_accept=True)) as master:
            for bad in ("../../etc/x", "", "a/b", "*", "x" * 300):
                with agent(master, bad) as hostile:
                    hostile.hello()
                    refused = await hostile.receive()
                    assert refused.body["state"] == "invalid"
            assert KeyStore(options["pki_dir"]).list_all()["minions"] == []

    run(scenario())


def test_pending_keys_are_bounded(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(with_options(options, max_pending_keys=2)) as master:
            states = []
            for number in range(4):
                with agent(master, f"web{number}") as one:
                    one.hello()
                    answer = await one.receive()
                    states.append(answer.body.get("state", answer.type))
            assert states == ["wait", "wait", "full", "full"]
            assert master.hub.metrics()["pending_full"] == 2

    run(scenario())


def test_a_join_token_is_good_once(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            invite = KeyStore(options["pki_dir"]).invite("localhost", 1, 2)
            with agent(master, "web01") as first, agent(master, "web02") as second:
                first.hello(token=invite.secret)
                assert (await first.receive()).type == "welcome"
                second.hello(token=invite.secret)
                assert (await second.receive()).type == "wait"

    run(scenario())


def test_an_unaccepted_key_gets_nothing_but_hello(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            with agent(master, "web01") as stranger:
                for type_ in ("call", "ret", "event", "nonsense"):
                    stranger.send(type_, 1, cmd="pillar", args={}, tag="x", data={})
                    assert (await stranger.receive()).type == "who"
                port = stranger._connect("publish")
                port.send(wire.pack("attach", 0, {}))
                await asyncio.sleep(0.3)
                assert master.fleet.present() == []

    run(scenario())


def test_a_job_goes_to_its_target_alone_and_its_returns_come_back(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(with_options(options, auto_accept=True)) as master:
            with agent(master, "web01") as web01, agent(master, "db01") as db01:
                await web01.join()
                await db01.join()
                client = LocalClient(mopts=options)
                asking = asyncio.create_task(asyncio.to_thread(client.cmd, "web*", "test.arg", ["a"], kwarg={"b": 1}))
                job = await web01.receive(web01.jobs)
                assert job.type == "job"
                assert (job.body["fun"], job.body["arg"], job.body["kwarg"]) == ("test.arg", ["a"], {"b": 1})
                web01.give_back(job.body, {"x": {1}})
                assert await asking == {"web01": {"x": [1]}}
                ack = await web01.receive()
                assert (ack.type, ack.seq, ack.body) == ("ack", 1, {})
                assert db01.jobs is not None
                with pytest.raises(zmq.Again):
                    db01.jobs.recv(zmq.DONTWAIT)

    run(scenario())


def test_a_minion_that_is_away_is_said_to_be_away_at_once(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(with_options(options, auto_accept=True)) as master:
            web01 = FakeAgent(master, "web01")
            await web01.join()
            web01.close()
            await until(lambda: not master.fleet.is_present("web01"))
            client = LocalClient(mopts=options)
            asking = asyncio.to_thread(lambda: list(client.cmd_cli("*", "test.ping", timeout=600)))
            answers = await asyncio.wait_for(asking, 30)
            text = "Minion did not return. [Not connected]"
            assert answers == [{"web01": {"out": "no_return", "ret": text, "retcode": 1}}]
            status = await asyncio.to_thread(RunnerClient(options).cmd, "manage.status")
            assert status == {"up": [], "down": ["web01"]}

    run(scenario())


def test_presence_is_lost_when_the_network_goes_silent(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(with_options(options, auto_accept=True)) as master:
            with agent(master, "web01") as web01:
                await web01.join()
                lost = MasterEvent(options["sock_dir"])
                await asyncio.to_thread(lost.subscribe, "salt/presence/")
                web01.jobs.close()
                event = await asyncio.to_thread(lost.get_event, 5)
                assert event["lost"] == ["web01"]
                lost.close()

    run(scenario())


def test_a_deleted_key_loses_every_right_at_once(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(with_options(options, auto_accept=False)) as master:
            store = KeyStore(options["pki_dir"])
            with agent(master, "web01") as web01:
                store.put("minions", "web01", web01.key.public)
                await until(lambda: master.keyring.minions() == ["web01"])
                await web01.join()
                assert (await web01.call("ping")) == {"result": True}
                await asyncio.to_thread(Wheel(options).call_func, "key.delete", match="web01")
                assert (await web01.receive()).type == "refused"
                web01.send("call", 6, cmd="pillar", args={})
                assert (await web01.receive()).type == "who"
                assert master.fleet.present() == []
                with pytest.raises(ArgumentError, match="a job needs a function"):
                    await asyncio.to_thread(LocalClient(mopts=options).cmd, "*", "")

    run(scenario())


def test_only_calls_in_the_table_can_be_made(options: MasterOptions, tmp_path: Path) -> None:
    (tmp_path / "pillar.yaml").write_text("secret: 1\n")
    options = with_options(options, auto_accept=True, pillar_files={"db*": ["pillar.yaml"], "web01": []})

    async def scenario() -> None:
        async with running(options) as master:
            with agent(master, "web01") as web01:
                await web01.join()
                for cmd in ("__init__", "stop", "wheel", "wheel.key.accept", "../x", "_calls", "publish"):
                    assert "is not a call that minions may make" in (await web01.call(cmd))["error"]
                for cmd in (None, 3, "", ["pillar"], "a\nb"):
                    assert "a call's cmd must be text" in (await web01.call(cmd))["error"]
                assert "unexpected keyword argument 'id'" in (await web01.call("pillar", id="db01"))["error"]
                assert await web01.call("pillar") == {"result": {}}
                assert "is not valid" in (await web01.call("file_hash", path="../../etc/passwd"))["error"]
                assert "is not valid" in (await web01.call("file_list", saltenv="../x"))["error"]
                assert "called wrongly" in (await web01.call("file_hash"))["error"]

    run(scenario())


def test_a_minion_fires_events_under_its_own_name_alone(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(with_options(options, auto_accept=True)) as master:
            with agent(master, "web01") as web01:
                await web01.join()
                events = MasterEvent(options["sock_dir"])
                await asyncio.to_thread(events.subscribe, "salt/minion/")
                web01.send("event", 1, tag="salt/job/1/ret/db01", data={"a": 1})
                web01.send("event", 2, tag="salt/minion/web01/mine", data={"a": 2})
                web01.send("event", 3, tag="", data={})
                first = await asyncio.to_thread(events.get_event, 5, "", True)
                second = await asyncio.to_thread(events.get_event, 5, "", True)
                assert first is not None
                assert second is not None
                assert first["tag"] == "salt/minion/web01/salt/job/1/ret/db01"
                assert second["tag"] == "salt/minion/web01/mine"
                assert second["data"]["data"] == {"a": 2}
                ack = await web01.receive()
                assert ack.seq == 3
                assert 3 in ack.body["refused"]
                events.close()

    run(scenario())


def test_garbage_hurts_nobody(options: MasterOptions, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with running(with_options(options, auto_accept=True)) as master:
            with agent(master, "web01") as web01, agent(master, "evil") as evil:
                await web01.join()
                for garbage in (b"", b"\xff" * 100, wire.pack_value([1, "hello", 0, 3]), wire.pack_value({"a": 1})):
                    evil.ret.send(garbage)
                evil.ret.send_multipart([b"a", b"b", b"c"])
                for endpoint in master.endpoints.values():
                    host, port = endpoint.rsplit(":", 1)
                    with socket.create_connection((host, int(port))) as raw:
                        raw.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100)
                await until(lambda: master.hub.metrics()["garbage"] >= 4)
                assert (await web01.call("ping")) == {"result": True}
        assert len([line for line in caplog.messages if "not a message" in line or "not msgpack" in line]) == 1

    run(scenario())


def test_an_oversized_message_ends_its_connection_alone(options: MasterOptions) -> None:
    options = with_options(options, auto_accept=True, max_message_bytes=65536)

    async def scenario() -> None:
        async with running(options) as master:
            with agent(master, "web01") as web01, agent(master, "evil") as evil:
                await web01.join()
                evil.ret.send(b"x" * 1_000_000)
                assert await evil.nothing_comes()
                assert (await web01.call("ping")) == {"result": True}

    run(scenario())


def test_a_wrong_master_key_gets_no_connection(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(with_options(options, auto_accept=True)) as master:
            with agent(master, "web01") as web01:
                wrong, _ = zmq.curve_keypair()
                stray = web01._context.socket(zmq.DEALER)
                stray.curve_serverkey = wrong
                stray.curve_publickey, stray.curve_secretkey = web01.key.public.encode(), web01.key.secret.encode()
                stray.connect(f"tcp://{master.endpoints['ret']}")
                stray.send(wire.pack("hello", 0, {"id": "web01"}))
                await asyncio.sleep(0.3)
                assert KeyStore(options["pki_dir"]).list_all()["minions"] == []

    run(scenario())


def test_returns_are_stored_as_jobs(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(with_options(options, auto_accept=True)) as master:
            with agent(master, "web01") as web01:
                await web01.join()
                client = LocalClient(mopts=options)
                started = await asyncio.to_thread(client.run_job, "*", "test.sleep", [300])
                assert started["minions"] == ["web01"]
                jid = started["jid"]
                runner = RunnerClient(options)
                job = await web01.receive(web01.jobs)
                await until(lambda: master.keeper.jobs == 1)
                # It isn't what the master waits for, but what the minion says.
                for says, pids, shown in (([jid, "1" * 20], {jid: 7}, [jid]), ([jid], {}, [jid]), ([], {}, [])):
                    asking = asyncio.create_task(asyncio.to_thread(runner.cmd, "jobs.active"))
                    question = await web01.receive(web01.jobs)
                    assert (question.type, question.body) == ("working", {"jids": [], "all": True})
                    web01.send("working", question.seq, jids=says, **({"pids": pids} if pids else {}))
                    active = await asking
                    assert list(active) == shown
                    for job_shown in active.values():
                        assert job_shown.pop("StartTime").startswith(f"{jid[:4]}, ")
                        assert job_shown == {
                            "Function": "test.sleep",
                            "Arguments": [300],
                            "Target": "*",
                            "Target-type": "glob",
                            "User": pwd.getpwuid(os.geteuid()).pw_name,
                            "Running": [{"web01": pids.get(jid)}],
                            "Returned": [],
                        }
                returned = asyncio.create_task(asyncio.to_thread(list, client.get_iter_returns(jid, ["web01"])))
                web01.give_back(job.body, True)
                web01.give_back(job.body, "twice", seq=2)
                await returned
                assert await asyncio.to_thread(runner.cmd, "jobs.lookup_jid", [jid]) == {"web01": True}
                assert await asyncio.to_thread(runner.cmd, "jobs.active") == {}  # it says nothing
                assert await asyncio.to_thread(runner.cmd, "jobs.lookup_jid", ["20200101000000000000"]) == {}
                listed = await asyncio.to_thread(runner.cmd, "jobs.list_jobs")
                assert listed[jid]["Function"] == "test.sleep"

    run(scenario())


def test_a_function_of_the_masters_in_the_background_is_looked_up_as_a_job(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            events = MasterEvent(options["sock_dir"])
            await asyncio.to_thread(events.subscribe, "salt/run/")
            with LocalConnection(options["sock_dir"]) as connection:
                call = partial(asyncio.to_thread, connection.call)
                started = await call("runner.async", "manage.status", [], {"tgt": "no*"})
                jid = started["jid"]
                while (event := await asyncio.to_thread(events.get_event, 5, "", True)) is not None:
                    if event["tag"] == f"{started['tag']}/ret":
                        break
                assert event is not None
                looked_up = await call("runner.jobs.lookup_jid", jid)
                ((name, whole),) = looked_up.items()
                assert name == f"{socket.gethostname()}_master"
                assert (whole["jid"], whole["fun"], whole["success"]) == (jid, "runner.manage.status", True)
                assert whole["return"] == event["data"]["return"] == {"up": [], "down": []}
                shown = await call("runner.jobs.list_job", jid)
                assert (shown["Function"], shown["Target"], shown["Target-type"]) == (
                    "runner.manage.status",
                    name,
                    "list",
                )
                assert "Minions" not in shown
                assert await call("runner.jobs.exit_success", jid) == {name: True}
            events.close()
            assert master.keeper.jobs == 1

    run(scenario())


def test_after_a_restart_agents_are_asked_who_they_are(options: MasterOptions) -> None:
    options = with_options(options, auto_accept=True)

    async def scenario() -> None:
        async with running(options) as master:
            web01 = FakeAgent(master, "web01")
            await web01.join()
            endpoint = {name: int(where.rsplit(":", 1)[1]) for name, where in master.endpoints.items()}
        again = with_options(options, ret_port=endpoint["ret"], publish_port=endpoint["publish"])
        async with running(again):
            web01.give_back({"jid": "2" * 20, "fun": "test.ping"}, True, seq=9)
            assert (await web01.receive()).type == "who"
            web01.hello()
            assert (await web01.receive()).type == "welcome"
            web01.give_back({"jid": "2" * 20, "fun": "test.ping"}, True, seq=9)
            assert (await web01.receive()).seq == 9
            web01.close()

    run(scenario())


def test_the_local_socket_is_its_users_alone(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options):
            mode = os.stat(os.path.join(options["sock_dir"], "master.sock")).st_mode & 0o777
            assert mode == 0o600
            runner = RunnerClient(options)
            with pytest.raises(FunctionNotFound, match="'nothing' is not a runner function: saltern-run -d lists them"):
                await asyncio.to_thread(runner.cmd, "nothing")
            with pytest.raises(FunctionNotFound, match="was called wrongly: missing a required argument: 'jid'"):
                await asyncio.to_thread(runner.call, "jobs.lookup_jid")
            with pytest.raises(ChannelError, match="another master is running here"):
                async with running(options):
                    pass

    run(scenario())


def test_what_a_user_may_run_is_decided_on_the_resolved_minions(options: MasterOptions) -> None:
    acl = {"nobody": ["test.*", {"web*": ["cmd.run"]}]}
    options = with_options(options, auto_accept=True, publisher_acl=acl)

    async def scenario() -> None:
        async with running(options) as master:
            with agent(master, "web01") as web01, agent(master, "db01") as db01:
                await web01.join()
                await db01.join()
                nobody = Caller(Kind.LOCAL, "nobody", 65534)

                async def publish(target: str, function: str, caller: Caller = nobody) -> list[str]:
                    job = {"tgt": target, "fun": function}
                    minions: list[str] = (await master.dispatcher.call(caller, "job.publish", [], job))["minions"]
                    return minions

                assert await publish("*", "test.ping") == ["db01", "web01"]
                assert await publish("web*", "cmd.run") == ["web01"]
                for target, function in (("*", "cmd.run"), ("web01", "cmd.shell"), ("nobody*", "cmd.run")):
                    with pytest.raises(NotAuthorised, match=f"user nobody may not run {function}") as refused:
                        await publish(target, function)
                    assert "01" not in str(refused.value)
                with pytest.raises(NotAuthorised, match="may not manage keys"):
                    await master.dispatcher.call(nobody, "wheel.key.list_all", [], {})
                with pytest.raises(NotAuthorised):
                    await publish("web01", "test.ping", Caller(Kind.LOCAL, "12345", 12345))

    run(scenario())


def test_configuration_faults_are_named(tmp_path: Path) -> None:
    from saltern.errors import ConfigError
    from saltern_master.master import Master

    for text, message in (
        ("schedule: {x: {function: a.b}}", "schedule: x: seconds: must be between"),
        ("schedule: {x: {function: a.b, secnds: 3}}", "secnds is not known: did you mean 'seconds'"),
        ("schedule: {x: {b: 3}}", "x: b is not known: use function, "),
        ("schedule: {x: {function: a.b, seconds: 1e9}}", "seconds: must be a whole number or a number, not '1e9'"),
        ("schedule: {x: {seconds: 3}}", "function is missing"),
        ('file_roots: {base: ["/a\\0b"]}', "file_roots: base: '/a.*must be an absolute path"),
        ('pillar_roots: {base: ["/a\\0b"]}', "pillar_roots: base: must be a list of absolute folders"),
        ("pillar_files: {'*': \"a\\0b\"}", "must be a file or a list of files"),
        ("metric_pattern: '[host].x'", r"metric_pattern: \[host\] is not known"),
        ("publisher_acl: {fred: ['@all']}", "@all is not known"),
        ("pillar_files: {'*': 3}", "must be a file or a list of files"),
    ):
        (tmp_path / "master").write_text(f"root_dir: {tmp_path}\n{text}\n")

        async def build() -> None:
            Master(master_config(tmp_path))

        with pytest.raises(ConfigError, match=message):
            asyncio.run(build())


def test_what_is_changed_while_the_master_starts_is_read_too(options: MasterOptions) -> None:
    main = Path(options["conf_file"])
    read_as = config_stamp(str(main))
    main.write_text(main.read_text() + "schedule: {mine: {function: a.b, seconds: 5}}\n")

    async def scenario() -> None:
        master = Master(options)
        master.briefing.read_as = read_as
        task = asyncio.create_task(master.run())
        await until(lambda: task.done() or master.briefing.schedules.seconds("mine") == 5)
        master.stop()
        await task

    run(scenario())


def test_a_changed_schedule_is_pushed_and_a_bad_one_changes_nothing(
    options: MasterOptions, caplog: pytest.LogCaptureFixture
) -> None:
    main = Path(options["conf_file"])
    good = main.read_text()
    options = with_options(options, auto_accept=True)

    async def scenario() -> None:
        async with running(options) as master:
            with agent(master, "web01") as web01:
                await web01.join()
                main.write_text(good + "schedule: {mine: {function: a.b, seconds: 5, target: 'web*'}}\n")
                pushed = await web01.receive(web01.jobs)
                assert pushed.type == "schedule"
                assert list(pushed.body["schedule"]) == ["stats", "mine"]
                assert (await web01.receive(web01.jobs)).type == "pillar"
                main.write_text(good + "schedule: {mine: {function: a.b, seconds: -5}}\n")
                await until(lambda: "the configuration stays as it was" in caplog.text)
                assert master.briefing.schedules.seconds("mine") == 5

    run(scenario())


def test_a_program_beside_the_agent_takes_nothing_from_it(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(with_options(options, auto_accept=True)) as master:
            with agent(master, "web01") as web01, agent(master, "web01", key=web01.key) as beside:
                await web01.join()
                link = master.fleet.link("web01")
                own, boot = link.returns, link.boot
                beside.send("hello", id="web01", version="test", grains={}, boot=99.0, call=True)
                assert (await beside.receive()).type == "welcome"
                assert await beside.call("ping") == {"result": True}
                assert (link.returns, link.boot) == (own, boot)
                assert master.fleet.is_present("web01")

    run(scenario())
