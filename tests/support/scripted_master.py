"""A master in a test's own process whose minions answer by a script: what ``LocalConnection`` is to a real one."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

from saltern.errors import MasterNotRunning
from support.salt_answers.scripted_fleet import Fleet, answer

NOT_CONNECTED = "Minion did not return. [Not connected]"
NO_RESPONSE = "Minion did not return. [No response]"


class ScriptedMaster:
    """Knows a fleet, and every call that was made."""

    def __init__(self, fleet: Fleet, *, running: bool = True, one_by_one: bool = False) -> None:
        """*one_by_one*: an answer comes only when it is waited for."""
        self.fleet = fleet
        self.running = running
        self.one_by_one = one_by_one
        self.waited: list[float | None] = []
        """How long it was waited for an answer, each time."""
        self.problem = ""
        """What is wrong with every target."""
        self.broken: BaseException | None = None
        """What a wait for an answer ends with when there is none."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.open = 0
        self.streams: dict[str, deque[dict[str, Any]]] = {}
        self.held: dict[str, set[str]] = {}
        self._numbers = itertools.count(1)

    def connect(self, sock_dir: str) -> ScriptedConnection:
        """Stand for ``LocalConnection``."""
        if not self.running:
            raise MasterNotRunning(f"no master answers at {sock_dir}")
        return ScriptedConnection(self)

    def publish(self, **asked: Any) -> dict[str, Any]:
        """Do what ``job.publish`` does."""
        jid = asked.pop("jid", "") or f"2026010100000000{next(self._numbers):04d}"
        minions = self.fleet.resolve(asked["tgt"], asked["tgt_type"])
        unknown = [name for name in minions if name not in self.fleet.minions]
        if asked["tgt_type"] == "list" and not minions:
            names = asked["tgt"].split(",") if isinstance(asked["tgt"], str) else asked["tgt"]
            unknown = sorted(names)
        minions = [name for name in minions if name not in unknown]
        stream = self.streams.setdefault(jid, deque())
        if asked.get("hold"):
            self.held[jid] = set(minions)
        else:
            self._send(jid, stream, minions, asked)
            left = self.held.get(jid, set())
            left.difference_update(minions)
            if not left:
                stream.append({"end": True})
        away = [name for name in minions if name in self.fleet.away]
        return {
            "jid": jid if minions else "",
            "minions": minions,
            "missing": away,
            "unknown": unknown,
            "problem": self.problem,
        }

    def _send(self, jid: str, stream: deque[dict[str, Any]], minions: list[str], asked: dict[str, Any]) -> None:
        arg = asked["arg"]
        if asked["kwarg"] and isinstance(asked["fun"], str):
            arg = [*arg, {**asked["kwarg"], "__kwarg__": True}]
        for name in sorted(minions, key=lambda name: not self.fleet.answers(name, asked["fun"])):
            if self.fleet.answers(name, asked["fun"]):
                told = answer(name, asked["fun"], arg)
                data = {"id": name, "jid": jid, "fun": asked["fun"], "success": not told["retcode"], **told}
                stream.append({"tag": f"salt/job/{jid}/ret/{name}", "data": {**data, "return": data.pop("ret")}})
            else:
                why = NOT_CONNECTED if name in self.fleet.away else NO_RESPONSE
                stream.append({"tag": f"salt/job/{jid}/lost/{name}", "data": {"id": name, "failed": why}})


class ScriptedConnection:
    """One connection to it."""

    def __init__(self, master: ScriptedMaster) -> None:
        self._master = master
        self._jid = ""
        master.open += 1

    def __enter__(self) -> ScriptedConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self._master.open -= 1

    def call(self, command: str, **asked: Any) -> Any:
        """Do a command."""
        self._master.calls.append((command, asked))
        if command == "target.preview":
            minions = self._master.fleet.resolve(asked["tgt"], asked["tgt_type"])
            return {"minions": minions, "problem": self._master.problem}
        assert command == "job.publish", command
        result = self._master.publish(**asked)
        self._jid = result["jid"] if asked["follow"] else ""
        return result

    def receive(self, timeout_s: float | None) -> dict[str, Any] | None:
        """Return what comes next of the job that this connection follows."""
        stream = self._master.streams[self._jid]
        if timeout_s != 0.0:
            self._master.waited.append(timeout_s)
        elif self._master.one_by_one and stream and "end" not in stream[0]:
            return None
        if not stream and timeout_s != 0.0 and self._master.broken:
            raise self._master.broken
        assert stream or timeout_s is not None, "waits for ever"
        return stream.popleft() if stream else None
