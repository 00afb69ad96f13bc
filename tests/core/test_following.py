"""What comes back to a job, also from where the master keeps it when it came too fast for its follower."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

import saltern.following
from saltern.following import NOT_STORED, Following

JID = "20260101000000000001"


class Connection:
    """A connection on which *messages* come, to a master that keeps *stored* answers, some at a time."""

    def __init__(self, messages: list[dict[str, Any]], stored: list[dict[str, Any]] | None = None) -> None:
        self.messages = deque(messages)
        self.stored = deque(stored or [])
        self.waited: list[float | None] = []
        self.asked: list[list[str]] = []

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def receive(self, timeout_s: float | None) -> dict[str, Any] | None:
        self.waited.append(timeout_s)
        return self.messages.popleft() if self.messages else None

    def call(self, command: str, jid: str, minions: list[str]) -> dict[str, Any]:
        assert (command, jid) == ("job.returns", JID)
        self.asked.append(minions)
        return self.stored.popleft() if self.stored else {}


def data(minion_id: str, **more: Any) -> dict[str, Any]:
    return {"tag": f"salt/job/{JID}/ret/{minion_id}", "data": {"id": minion_id, **more}}


@pytest.fixture
def following(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(connection: Connection) -> Following:
        monkeypatch.setattr(saltern.following, "LocalConnection", lambda _: connection)
        now = [0.0]
        monkeypatch.setattr(saltern.following.time, "monotonic", lambda: now[0])
        monkeypatch.setattr(saltern.following.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
        return Following("", connection, JID)  # type: ignore[arg-type]

    return make


def test_all_that_is_there_comes_at_once(following: Any) -> None:
    connection = Connection([data("a", **{"return": 1}), data("b", failed="gone")])
    follow = following(connection)
    assert follow.receive(7.0) == [
        ("a", {"id": "a", "return": 1, "ret": 1}),
        ("b", {"failed": "gone", "retcode": 1}),
    ]
    assert connection.waited == [7.0, 0.0, 0.0]
    assert not follow.over
    connection.messages.append({"end": True})
    assert follow.receive(None) == []
    assert follow.over
    assert follow.receive(None) == []


def test_what_came_too_fast_is_fetched(following: Any) -> None:
    stored = [{"a": {"return": 1}}, {}, {"b": {"return": 2}, "stranger": {"return": 3}}]
    connection = Connection([data("a", later=True), data("b", later=True), {"end": True}], stored)
    assert following(connection).receive(None) == [("a", {"return": 1, "ret": 1}), ("b", {"return": 2, "ret": 2})]
    assert connection.asked == [["a", "b"], ["b"], ["b"]]


def test_what_is_never_stored_is_said_so(following: Any) -> None:
    connection = Connection([data("a", later=True), {"end": True}])
    assert following(connection).receive(None) == [("a", {"failed": NOT_STORED.format(JID), "retcode": 1})]


def test_a_job_for_nobody_is_over() -> None:
    connection: Any = None
    assert list(Following("", connection, "", over=True).answers()) == []
