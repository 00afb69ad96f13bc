"""A host with more minions than itself: each has its jobs, schedule and values, all one loop and its threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import zmq

from saltern.config import MinionOptions, minion_config
from saltern.errors import CommandError
from saltern.pki import KeyPair
from saltern.wire import unpack
from saltern_agent.begun import Begun
from saltern_agent.host import Host
from saltern_agent.jobs import Job
from saltern_agent.kept_schedule import ScheduleFile
from saltern_agent.ledger import Ledger
from saltern_agent.loader.bound import CarriedCurrent
from saltern_agent.loader.marks import Marks
from saltern_agent.loader.shared_library import SharedLibrary
from saltern_agent.loader.tenant import Tenant
from saltern_agent.minion import Minion, Records
from saltern_agent.services import Services

WAIT_S = 20.0
JID = "20260101000000000000"
MODULE = """
import time
def who(): return [__opts__["id"], __grains__["id"], __pillar__["whose"], __opts__["__agent__"].current_job()["jid"]]
def hangs():
    while True: time.sleep(0.01)
def running(): return [job["fun"] for job in __opts__["__agent__"].running()]
"""


class Bench:
    """A host that runs but never connects, with devices; ``returns`` are what its minions would send, by function."""

    def __init__(self, folder: Path) -> None:
        (folder / "modules").mkdir()
        (folder / "modules" / "whose.py").write_text(MODULE)
        (folder / "minion").write_text(
            f"id: host\ncachedir: {folder}/cache\npki_dir: {folder}/pki\nmodule_dirs: [{folder}/modules]\n"
            "master: 127.0.0.1\nmaster_key: x\nworker_threads: 3\n"
        )
        options = minion_config(folder / "minion")
        public, secret = (half.decode() for half in zmq.curve_keypair())
        self.host = Host(options, KeyPair(public, secret), public)
        kinds = {"modules": [str(folder / "modules")], "utils": [], "returners": [], "grains": []}
        library = SharedLibrary(cast(dict[str, Any], options), kinds, Marks())
        current = CarriedCurrent()

        def device(name: str) -> Minion:
            def load(services: Services) -> Tenant:
                return Tenant(library, {"id": name, "__agent__": services}, current)

            own = cast(MinionOptions, {**options, "id": name})
            records = Records(
                Ledger(str(folder / name / "ledger")),
                Begun(str(folder / name / "slots")),
                ScheduleFile(str(folder / name / "schedule")),
            )
            made = Minion(self.host, own, records, current, load, self.host.pools)
            made.facts = SimpleNamespace(grains={}, refresh=lambda: None)
            return made

        self.minions = {"host": self.host.own, **{name: device(name) for name in ("one", "two", "three")}}
        self.returns: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self.host.send_later = self._sent  # type: ignore[method-assign]  # what would go to the outbox
        for name, minion in self.minions.items():
            minion.take_pillar({"whose": name})
            minion.facts.grains = {"id": name}
            minion.loader.set_grains({"id": name})
        self._thread = threading.Thread(target=self.host.loop.run)
        self._thread.start()

    def _sent(self, frame: bytes, origin: object = None, *, voice: str = "") -> None:
        with self._changed:
            self.returns.append(unpack(frame).body)
            self._changed.notify_all()

    def start(self, name: str, function: str, jid: str = JID) -> None:
        self.host.loop.ask(lambda: self.minions[name].start(Job(jid, function, [], {}, user="fred", sees=True)))

    def wait(self, condition: Callable[[], Any]) -> Any:
        with self._changed:
            assert self._changed.wait_for(condition, WAIT_S), self.returns
            return condition()

    def stop(self) -> None:
        self.host.loop.post(self.host.loop.stop)
        self._thread.join(WAIT_S)
        for minion in self.minions.values():
            minion.runner.close()
            minion.close()
        self.host.loop.close()
        self.host.channel.close()
        self.host.outbox.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.stop()
    threading.stack_size(0)


def test_one_job_for_all_is_run_by_each_as_itself(bench: Bench) -> None:
    for name in bench.minions:
        bench.start(name, "whose.who")
    bench.wait(lambda: len(bench.returns) == 4)
    assert sorted(body["return"] for body in bench.returns) == [[name] * 3 + [JID] for name in sorted(bench.minions)]


def test_schedules_are_each_minions_own(bench: Bench) -> None:
    for name in ("one", "two"):
        schedule = {f"of {name}": {"function": "whose.who", "seconds": 3600}}
        minion = bench.minions[name]
        bench.host.loop.ask(lambda minion=minion, schedule=schedule: minion.take_schedule(schedule))
        bench.host.loop.ask(minion.install_schedule)
        bench.host.loop.ask(lambda minion=minion, name=name: minion.run_scheduled_now(f"of {name}"))
    bench.wait(lambda: {body["schedule"] for body in bench.returns} == {"of one", "of two"})
    assert all(body["schedule"] == f"of {body['return'][0]}" for body in bench.returns)
    assert list(bench.minions["one"].scheduled()) == ["of one"]


def test_a_job_of_one_is_neither_seen_nor_ended_by_another(bench: Bench) -> None:
    bench.start("one", "whose.hangs")
    bench.start("two", "whose.running")
    assert bench.wait(lambda: [body["return"] for body in bench.returns]) == [["whose.running"]]
    with pytest.raises(CommandError, match="there is no running job"):
        bench.minions["two"].runner.kill(JID, 15)
    bench.minions["one"].runner.kill(JID, 15)
    bench.wait(lambda: len(bench.returns) == 2)
    assert "killed by signal 15" in str(bench.returns[1]["return"])
