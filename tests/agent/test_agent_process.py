"""Real agents against a master that is under the test's control."""

from __future__ import annotations

import os
import pwd
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern.digest import digest_of
from support.stacks import wait_for

MODULE = """
import os, sys, time
def forever():
    while True: time.sleep(0.01)
def hangs(): time.sleep(3600)
def printing(): print("one"); print("two"); return "printed"
def exiting(): sys.exit(5)
def raising(): raise ValueError("no")
def big(n): return "x" * n
def odd(): return {3, 1, 2}
def crash(): os.kill(os.getpid(), 11)
def sleeps(n): time.sleep(n); return n
"""
EVERY_SECOND = {"function": "test.ping", "seconds": 1, "metrics": True}
PATIENT = {"saltern_agent.jobs:THREAD_GRACE_S": 30.0, "saltern_agent.jobs:CHILD_GRACE_S": 30.0}
"""How long a killed job's thread is waited for: on a loaded machine it may have no turn for seconds."""
OFTEN_S = 0.25
MOST_MIB = 21.0
OFTEN = {**EVERY_SECOND, "seconds": OFTEN_S}

Make = Callable[..., Any]


@pytest.fixture
def modules(module_dir: Path) -> list[str]:
    (module_dir / "mod.py").write_text(MODULE)
    return [str(module_dir)]


# the channel


def test_connects_and_runs_a_job(master: Any, agent: Any) -> None:
    body = master.run("test.ping")
    assert body["return"] is True
    assert body["success"] is True
    assert body["retcode"] == 0
    assert body["fun"] == "test.ping"
    assert body["fun_args"] == []
    assert body["duration_ms"] >= 0
    hello = master.hellos[0].body
    assert hello["id"] == "host01"
    assert "grains" not in hello, "they are for a master that took us in"
    attach = master.attachments[0].body
    assert attach["grains"]["id"] == "host01"
    told = {"schedule": digest_of(master.schedule), "pillar": digest_of(master.pillar), "modules": master.tree_digest()}
    assert attach["have"] == {**told, "modules_problems": []}, "the master compares these with what it would tell now"
    assert attach["boot"] == hello["boot"]
    assert hello["boot"] == pytest.approx(time.time(), abs=60)
    assert "token" not in hello
    assert agent.stop() == 0


def test_waits_until_its_key_is_accepted(master: Any, agent_waiting: Any) -> None:
    agent_waiting.wait_logged("waiting for this minion's key to be accepted")
    master.wait_for(lambda: len(master.hellos) >= 3)
    assert agent_waiting.logged().count("waiting for this minion's key") == 1
    assert master.attached == []
    master.answer = "welcome"
    assert master.run("test.ping")["return"] is True


@pytest.fixture
def agent_waiting(master: Any, make_agent: Make) -> Any:
    master.answer = "wait"
    made = make_agent()
    made.start()
    return made


def test_a_refusal_is_said_once(master: Any, make_agent: Make) -> None:
    master.answer = "refused"
    agent = make_agent(pending_retry_interval=0.2)
    agent.start()
    master.wait_for(lambda: len(master.hellos) >= 2)
    agent.wait_logged("refused (denied): another key has this id")
    assert agent.logged().count("refused (denied)") == 1
    master.answer = "welcome"
    assert master.run("test.ping")["return"] is True


def test_a_wrong_master_key_is_said_and_tried_for_ever(master: Any, make_agent: Make) -> None:
    agent = make_agent(master_key="a" * 40)
    agent.start()
    agent.wait_logged("another key than the pinned one")
    time.sleep(0.5)  # a few attempts
    assert agent.logged().count("another key than the pinned one") == 1
    assert master.hellos == []
    assert agent.process.poll() is None
    assert agent.stop() == 0


def test_a_publish_port_that_says_no_for_a_while(master: Any, make_agent: Make) -> None:
    master.allow_publish = False
    make_agent().start()
    master.wait_for(lambda: master.hellos)
    time.sleep(0.5)
    assert master.attached == []
    master.allow_publish = True
    assert master.run("test.ping")["return"] is True


def test_who_means_hello_again(master: Any, agent: Any) -> None:
    master.run("test.ping")
    count = len(master.hellos)
    master.send_up("who", 0, {})
    master.wait_for(lambda: len(master.hellos) > count)
    assert master.run("test.ping")["return"] is True


def test_garbage_from_the_master_is_one_line(master: Any, agent: Any) -> None:
    master.run("test.ping")
    for type_, body in [
        ("job", {}),
        ("job", {"jid": "../../etc", "fun": "test.ping"}),
        ("job", {"jid": "20260101000000000000", "fun": 3}),
        ("job", {"jid": "20260101000000000000", "fun": "test.ping", "arg": "x"}),
        ("job", {"jid": "20260101000000000000", "fun": ["a.b"], "arg": ["x"]}),
        ("schedule", {"schedule": "junk"}),
        ("schedule", {"schedule": {"x": 3}}),
        ("surprise", {}),
    ]:
        master.publish(type_, body)
    for frame in (b"", b"\xc1", b"\x94\x01", b"\x94\x02\xa3job\x00\x80", b"\xdd\xff\xff\xff\xff", b"GET / HTTP/1.0"):
        master.publish_frame(frame)
    assert master.run("test.ping")["return"] is True
    log = agent.logged()
    assert log.count("a job was ignored") == 5
    assert log.count("a message was ignored") == 6
    assert "Traceback" not in log


def test_a_hangup_ends_nothing_and_a_rotated_log_is_made_anew(master: Any, make_agent: Make) -> None:
    agent = make_agent()
    agent.log = agent.folder / "own.log"
    agent.configure(log_file=str(agent.log))
    agent.start()
    assert master.run("test.ping")["return"] is True
    agent.log.rename(agent.folder / "own.log.1")
    agent.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 40
    while not agent.log.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    agent.wait_logged("SIGHUP: the log is opened anew")
    agent.wait_logged("the configuration was read again: grains and log_level are in force")
    assert "wait for a restart" not in agent.logged()
    assert master.run("test.ping")["return"] is True
    assert "test.ping for tester" in agent.logged()
    agent.configure(log_file=str(agent.log), grains={"rack": "r7"}, worker_threads=3, log_level="warning")
    agent.process.send_signal(signal.SIGHUP)
    agent.wait_logged("these options wait for a restart of the agent: worker_threads")
    wait_for(lambda: master.run("grains.get", "rack")["return"] == "r7", "the grain")
    before = agent.logged().count(" for tester")
    master.run("test.ping")
    assert agent.logged().count(" for tester") == before  # of the level info
    (agent.folder / "minion").write_text("id: [\n")
    for number in (1, 2):
        agent.process.send_signal(signal.SIGHUP)
        wait_for(lambda n=number: agent.logged().count("the configuration stays as it was: ") == n, "its word")  # type: ignore[misc]
    assert master.run("grains.get", "rack")["return"] == "r7"
    assert agent.stop() == 0


# jobs


def test_jobs_of_every_kind(master: Any, make_agent: Make, modules: list[str]) -> None:
    agent = make_agent(module_dirs=modules, max_return_bytes=20_000)
    agent.start()
    assert master.run("mod.printing")["return"] == "printed"
    assert master.run("mod.exiting")["retcode"] == 5
    assert master.run("mod.raising")["success"] is False
    assert master.run("no.such")["retcode"] == 1
    body = master.run("mod.odd")
    assert (body["return"], body["plain"]) == ([1, 2, 3], ["$: set"])
    body = master.run("mod.big", 100_000)
    assert (body["success"], body["retcode"]) == (False, 1)
    assert "too large" in body["return"]
    body = master.run(["test.ping", "mod.raising"])
    assert body["success"] == {"test.ping": True, "mod.raising": False}
    body = master.run("test.arg", 1, kwarg={"k": 2})
    assert body["fun_args"] == [1, {"k": 2, "__kwarg__": True}]
    assert "mod.printing printed: one\\ntwo" in agent.logged()


def test_isolated_jobs(master: Any, make_agent: Make, modules: list[str]) -> None:
    make_agent(module_dirs=modules, isolate_functions=["mod.crash"]).start()
    assert master.run("mod.crash")["return"].endswith("crashed by SIGSEGV")
    assert master.run("mod.raising", isolate=True)["success"] is False
    jid = master.job("mod.hangs", isolate=True)
    wait_running(master, jid)
    assert f"Signal 9 sent to job {jid} at pid " in master.run("saltutil.kill_job", jid)["return"]
    assert master.returned(jid)["return"].endswith("it was killed by signal 9")


def test_what_an_isolated_job_runs_ends_with_it(master: Any, make_agent: Make, modules: list[str]) -> None:
    agent = make_agent(module_dirs=modules)
    agent.start()
    begun, mark = agent.folder / "begun", agent.folder / "tidy"
    text = f"trap 'sleep 0.3; echo tidied > {mark}; exit 0' TERM; touch {begun}; while :; do sleep 0.05; done"
    jid = master.job(["cmd.shell", "cmd.run"], [[text], [f"touch {agent.folder}/next"]], isolate=True)
    wait_for(begun.exists, "the program")
    assert f"Signal 15 sent to job {jid} at pid " in master.run("saltutil.term_job", jid)["return"]
    assert master.returned(jid)["return"]["cmd.run"].endswith("it was killed by signal 15")
    assert mark.read_text() == "tidied\n"
    assert not (agent.folder / "next").exists()


def test_an_agent_that_systemd_started_gives_programs_a_home_and_nothing_of_its_service(
    master: Any, make_agent: Make, modules: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("HOME", "USER", "LOGNAME", "SHELL")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("INVOCATION_ID", "aa")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/nobody")
    agent = make_agent(module_dirs=modules)
    agent.start()
    own = "import os, subprocess\ndef env(): return subprocess.run(['env'], capture_output=True, text=True).stdout\n"
    (Path(modules[0]) / "own.py").write_text(own)
    for isolate in (False, True):
        for fun, arg in (("cmd.shell", ["env"]), ("own.env", [])):
            told = master.run(fun, *arg, isolate=isolate)["return"]
            found = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
            account = pwd.getpwuid(os.geteuid())
            assert [found.get(name) for name in names] == [
                account.pw_dir,
                account.pw_name,
                account.pw_name,
                account.pw_shell or "/bin/sh",
            ], (fun, isolate)
            assert not {"INVOCATION_ID", "NOTIFY_SOCKET"} & set(found)


def wait_running(master: Any, jid: str) -> None:
    deadline = time.monotonic() + 40
    while not master.run("saltutil.find_job", jid)["return"]:
        assert time.monotonic() < deadline


def test_a_job_can_be_killed(master: Any, make_agent: Make, modules: list[str]) -> None:
    agent = make_agent(module_dirs=modules)
    agent.constants = PATIENT
    agent.start()
    jid = master.job("mod.forever")
    wait_running(master, jid)
    running = master.run("saltutil.running")["return"]
    assert [job["jid"] for job in running] == [jid]
    assert running[0]["fun"] == "mod.forever"
    assert running[0]["user"] == "tester"
    assert running[0]["arg"] == []
    killed = master.run("saltutil.term_job", jid)["return"]
    assert killed == f"Signal 15 sent to job {jid} at pid {running[0]['pid']}"
    body = master.returned(jid)
    assert (body["return"], body["success"]) == ("The job was killed by signal 15", False)
    assert master.run("saltutil.term_job", jid)["return"] == ""


def test_a_job_with_a_time_limit(master: Any, make_agent: Make, modules: list[str]) -> None:
    agent = make_agent(module_dirs=modules)
    agent.constants = PATIENT
    agent.start()
    body = master.run("mod.forever", timeout=0.2)
    assert (body["success"], body["return"]) == (False, "The job was killed by signal 15")
    assert master.run("mod.sleeps", 0.01, timeout=5)["success"] is True


def test_hung_jobs_delay_neither_schedule_nor_control(master: Any, make_agent: Make, modules: list[str]) -> None:
    master.schedule = {"ping": OFTEN}
    make_agent(module_dirs=modules, worker_threads=2).start()
    hung = [master.job("mod.hangs") for _ in range(2)]
    for jid in hung:
        wait_running(master, jid)
    waits = master.job("mod.sleeps", [0])
    wait_running(master, waits)
    running = {job["jid"]: job.get("queued", False) for job in master.run("saltutil.running")["return"]}
    own = {jid: queued for jid, queued in running.items() if jid in (*hung, waits)}  # a sample may be at work, too
    assert own == {hung[0]: False, hung[1]: False, waits: True}
    count = len(master.samples("ping"))
    master.wait_for(lambda: len(master.samples("ping")) >= count + 3)
    assert "Signal 9 sent" in master.run("saltutil.kill_job", hung[0])["return"]
    assert "was abandoned" in master.returned(hung[0])["return"]
    assert master.returned(waits)["success"] is True
    assert master.run("mod.sleeps", 0)["success"] is True


def test_the_same_job_twice_runs_once(master: Any, make_agent: Make, modules: list[str]) -> None:
    agent = make_agent(module_dirs=modules)
    agent.start()
    jid = master.job("mod.sleeps", [0.5])
    master.job("mod.sleeps", [0.5], jid=jid)
    master.returned(jid)
    master.run("test.ping")
    assert sum(message.body.get("jid") == jid for message in master.messages) == 1
    assert "it came twice" in agent.logged()


# what modules ask of the agent


def test_services(master: Any, make_agent: Make, module_dir: Path) -> None:
    (module_dir / "svc.py").write_text(
        "def call(name, *a): return getattr(__opts__['__agent__'], name)(*a)\n"
        "def fire(): return __opts__['__agent__'].fire_event({'x': {1}}, 'salt/minion/host01/mine')\n"
        "def pillar(): return __pillar__\n"
    )
    (module_dir / "broken.py").write_text("1/0")
    master.pillar = {"a": 1}
    master.schedule = {"ping": {**EVERY_SECOND, "seconds": 3600}}
    make_agent(module_dirs=[str(module_dir)]).start()
    assert master.run("svc.pillar")["return"] == {"a": 1}
    master.pillar = {"a": 2}
    assert master.run("svc.call", "refresh_pillar")["return"] is True
    assert master.run("svc.pillar")["return"] == {"a": 2}
    master.pillar = {"a": 3}
    master.publish("pillar", {})
    deadline = time.monotonic() + 40
    while master.run("svc.pillar")["return"] != {"a": 3}:
        assert time.monotonic() < deadline
    assert master.run("svc.call", "request", "ping")["return"] is True
    assert "nonsense is not a call" in master.run("svc.call", "request", "nonsense")["return"]
    assert master.run("svc.call", "connected")["return"] is True
    assert master.run("svc.call", "current_job")["return"]["fun"] == "svc.call"
    assert "svc.fire" in master.run("sys.list_functions")["return"]
    assert "ZeroDivisionError" in master.run("svc.call", "load_errors")["return"]["broken"]
    stats = master.run("svc.call", "queue_stats")["return"]
    counts = {"pending", "spooled", "spool_bytes", "dropped", "skipped", "waiting", "refused"}
    assert set(stats) == counts | {"returners_dropped", "returners_failed"}
    assert master.run("svc.fire")["return"] is True
    event = master.wait_for(lambda: next((m for m in master.messages if m.type == "event"), None))
    assert event.body == {"tag": "salt/minion/host01/mine", "data": {"x": [1]}}
    attached = len(master.attachments)
    assert master.run("svc.call", "refresh_grains")["return"] is True
    master.wait_for(lambda: len(master.attachments) > attached)
    assert master.run("svc.call", "refresh_modules")["return"] is True


def test_the_schedule_can_be_changed_here(master: Any, agent: Any) -> None:
    assert master.run("schedule.add", "mine", kwarg={"function": "test.ping", "seconds": 3600})["success"] is True
    listed = master.run("schedule.job_status")["return"]["mine"]
    assert (listed["source"], listed["seconds"], listed["enabled"]) == ("local", 3600, True)
    jid = master.run("schedule.run_job", "mine")["return"]["jid"]
    body = master.returned(jid)
    assert (body["schedule"], body["return"], body["return_job"]) == ("mine", True, True)
    assert master.run("schedule.delete", "mine")["success"] is True
    assert master.run("schedule.job_status")["return"] == {}


# the schedule


def test_schedule_samples_at_once_and_then_by_slot(master: Any, make_agent: Make) -> None:
    master.schedule = {"ping": EVERY_SECOND}
    make_agent().start()
    samples = master.wait_for(lambda: len(s := master.samples("ping")) >= 4 and s)
    slots = [sample["slot"] for sample in samples]
    assert slots == list(range(slots[0], slots[0] + 4))
    assert len({sample["jid"] for sample in samples}) == 4
    assert samples[0]["metrics"] is True
    assert "account" not in samples[0]
    assert "failed" not in samples[0]


def test_a_schedule_is_pushed_and_kept(master: Any, make_agent: Make) -> None:
    agent = make_agent()
    agent.start()
    master.run("test.ping")
    master.publish("schedule", {"schedule": {"ping": OFTEN}})
    master.wait_for(lambda: master.samples("ping"))
    agent.stop()
    master.stop()
    agent.start()
    wait_spooled(agent, 4)
    master.schedule = {"ping": OFTEN}
    before = len(master.messages)
    master.start()
    master.wait_for(lambda: len(master.messages) >= before + 3)
    slots = [sample["slot"] for sample in master.samples("ping")]
    assert slots == sorted(slots)


# outages


def wait_spooled(agent: Any, count: int) -> None:
    """Wait until about *count* samples more are in the spool: nothing tells, so the folder is looked at."""
    deadline = time.monotonic() + 40
    first = spooled_bytes(agent)
    while spooled_bytes(agent) < first + count * 150:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def spooled_bytes(agent: Any) -> int:
    if not agent.spool.is_dir():
        return 0
    return sum(path.stat().st_size for path in agent.spool.glob("*.seg"))


def skipped(master: Any) -> set[int]:
    """Return the slots of ``ping`` that accounts tell of."""
    told = [message.body["schedules"].get("ping", {}) for message in master.messages if message.type == "account"]
    ranges = [one for account in told for one in account.get("skipped", ())]
    return {slot for first, last in ranges for slot in range(round(first / OFTEN_S), round(last / OFTEN_S) + 1)}


@pytest.mark.parametrize("ends", [None, signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_lost_while_the_master_is_away(master: Any, make_agent: Make, ends: int | None) -> None:
    """The master goes, the agent may be killed meanwhile, the master comes back: every slot is there, in order."""
    master.schedule = {"ping": OFTEN}
    agent = make_agent()
    agent.start()
    master.wait_for(lambda: len(master.samples("ping")) >= 2)
    master.stop()
    wait_spooled(agent, 4)
    down_from = time.time()
    if ends is not None:
        agent.signal(ends)
        agent.start()
        wait_spooled(agent, 1)
    up_by = time.time()
    count = len(master.messages)
    master.start()
    master.wait_for(lambda: len(master.messages) >= count + 8)
    samples = master.samples("ping")
    slots = [round(sample["slot"] / OFTEN_S) for sample in samples]
    first_arrivals = list(dict.fromkeys(slots))
    missing = set(range(slots[0], slots[-1] + 1)) - set(slots)
    down = range(round(down_from / OFTEN_S) - 1, round(up_by / OFTEN_S) + 1) if ends is not None else range(0)
    # An agent that had no processor for a slot's time has skipped that, and says so.
    master.wait_for(lambda: missing <= set(down) | skipped(master), 40)
    assert first_arrivals == sorted(first_arrivals)
    seqs = list(dict.fromkeys(message.seq for message in master.messages))
    assert seqs == sorted(seqs)
    deadline = time.monotonic() + 40
    while spooled_bytes(agent):
        assert time.monotonic() < deadline, "acknowledged segments are deleted"
        time.sleep(0.02)


def test_unacknowledged_returns_are_on_disk_after_a_stop(master: Any, make_agent: Make) -> None:
    master.acks = False
    agent = make_agent()
    agent.start()
    jid = master.job("test.echo", ["kept"])
    master.returned(jid)
    assert agent.stop() == 0
    assert spooled_bytes(agent) > 0
    master.acks = True
    count = len(master.messages)
    agent.start()
    master.wait_for(lambda: len(master.messages) > count)
    assert master.messages[count].body["jid"] == jid
    master.run("test.ping")
    agent.stop()
    count = len(master.messages)
    agent.start()
    master.run("test.ping")
    again = [message.body["jid"] for message in master.messages[count:]]
    assert jid not in again  # it was acknowledged a round trip ago


def test_a_torn_spool_is_cut_and_the_rest_arrives(master: Any, make_agent: Make) -> None:
    master.acks = False
    agent = make_agent()
    agent.start()
    jids = [master.job("test.echo", [n]) for n in range(3)]
    for jid in jids:
        master.returned(jid)
    deadline = time.monotonic() + 40
    while not spooled_bytes(agent):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    agent.signal(signal.SIGKILL)
    last = max(agent.spool.glob("*.seg"))
    os.truncate(last, last.stat().st_size - 3)
    count = len(master.messages)
    master.acks = True
    agent.start()
    master.run("test.ping")
    assert "are torn and were cut" in agent.logged()
    again = [message.body["jid"] for message in master.messages[count:]]
    assert again[:-1] == [message.body["jid"] for message in master.messages[: len(again) - 1]]


def test_stops_at_once_while_jobs_hang_and_answers_for_them(master: Any, make_agent: Make, modules: list[str]) -> None:
    agent = make_agent(module_dirs=modules)
    agent.constants = PATIENT
    agent.start()
    jid = master.job("mod.hangs")
    wait_running(master, jid)
    assert agent.signal(signal.SIGINT) == 0
    agent.start()
    body = master.returned(jid)
    assert (body["success"], body["return"]) == (False, "The agent was stopped while the job was running")


# modules


def module_events(master: Any) -> list[dict[str, Any]]:
    """Return what the agent said of its modules when it had synced."""
    bodies = [message.body for message in list(master.messages) if message.type == "event"]
    return [body["data"] for body in bodies if body["tag"].endswith("modules")]


def test_modules_are_synced_on_connect_and_on_change(master: Any, make_agent: Make) -> None:
    master.files = {"_modules/mypkg.py": b"def myinstall(name):\n    return __salt__['pkg.install'](name)\n"}
    master.files["_modules/pkg.py"] = b"def install(name): return 'installed ' + name\n" + b"# padding\n" * 300
    master.files["_modules/bad.py"] = b"def f(:\n"
    master.sync_on_change = True
    master.schedule = {"mine": {"function": "mypkg.myinstall", "args": ["vim"], "seconds": 3600}}
    agent = make_agent()
    agent.start()
    sample = master.wait_for(lambda: master.samples("mine"))[0]
    assert sample["return"] == "installed vim"  # the first sample waited for its module
    assert sample["module"]["commit"] == "c0ffee"
    assert len(sample["module"]["digest"]) == 64
    assert "module bad: refused: line 1: SyntaxError" in agent.logged()
    assert "refused" in master.run("bad.f")["return"]
    digest_before = master.tree_digest()
    master.files["_modules/pkg.py"] = b"def install(name): return 'INSTALLED ' + name\n"
    master.publish("modules", {"digest": master.tree_digest()})
    agent.wait_logged("modules changed: pkg")
    told = [digest_before, master.tree_digest()]
    master.wait_for(lambda: [event["digest"] for event in module_events(master)] == told)
    assert all(event["problems"][0].startswith("modules.bad: refused") for event in module_events(master))
    assert master.run("mypkg.myinstall", "vim")["return"] == "INSTALLED vim"
    assert master.run("saltutil.sync_modules")["return"] == [
        "modules.bad: refused: line 1: SyntaxError: invalid syntax"
    ]
    fetched = len([call for call in master.calls if call["cmd"] == "file_chunk"])
    agent.stop()
    agent.start()
    assert master.run("mypkg.myinstall", "x")["return"] == "INSTALLED x"
    assert len([call for call in master.calls if call["cmd"] == "file_chunk"]) == fetched


def test_what_is_wrong_with_modules_is_told_again_after_a_restart(master: Any, make_agent: Make) -> None:
    master.files = {"_modules/bad.py": b"def f(:\n", "_modules/fine.py": b"def f(): return 1\n"}
    master.sync_on_change = True
    agent = make_agent()
    agent.start()
    line = "modules.bad: refused: line 1: SyntaxError: invalid syntax"
    master.wait_for(lambda: [event["problems"] for event in module_events(master)] == [[line]])
    agent.stop()
    agent.start()
    assert master.run("fine.f")["return"] == 1
    assert master.attachments[-1].body["have"]["modules_problems"] == [line]
    master.files["_modules/bad.py"] = b"def f(): return 2\n"
    master.publish("modules", {"digest": master.tree_digest()})
    master.wait_for(lambda: [event["problems"] for event in module_events(master)] == [[line], []])


# cost


def test_nothing_looks_at_an_outbox_whose_returns_were_acknowledged(
    master: Any, make_agent: Make, module_dir: Path
) -> None:
    (module_dir / "ticks.py").write_text(
        "import saltern_agent.host\n"
        "saltern_agent.host.TICK_S = 3600.0\n"
        "def waits():\n"
        "    agent = __opts__['__agent__']._host\n"
        "    return agent.loop.ask(lambda: (agent.outbox.pending, agent._tick_timer is not None))\n"
    )
    make_agent(module_dirs=[str(module_dir)]).start()
    master.run("ticks.waits")
    seen: list[tuple[int, bool]] = []
    deadline = time.monotonic() + 40
    while (0, False) not in seen:
        seen.append(tuple(master.run("ticks.waits")["return"]))
        assert (0, True) not in seen, "the answer before was acknowledged"
        assert time.monotonic() < deadline


def test_it_stays_small(master: Any, make_agent: Make, tmp_path: Path) -> None:
    """Started as pip leaves it, with its bytecode: one that has to compile its sources keeps a megabyte of that.

    How the C library lays memory out differs by some ten kilobytes from one start to the next.
    """
    master.schedule = {"stats": {"function": "stats.collect", "seconds": 1}}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path / "bytecode")
    agent = make_agent(log_level="info")
    pages = []
    for _ in range(3):
        before = len(master.samples("stats"))
        agent.start(environment=environment)
        samples = master.wait_for(lambda: len(s := master.samples("stats")) >= before + 5 and s)  # noqa: B023  # called here
        assert samples[-1]["success"] is True
        pages.append(int(Path(f"/proc/{agent.process.pid}/statm").read_text().split()[1]))
        agent.stop()
    assert min(pages[1:]) * os.sysconf("SC_PAGE_SIZE") / 2**20 < MOST_MIB
