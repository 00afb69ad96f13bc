"""An agent that can't reach its master tries ever more rarely, for ever, and soon again once it was taken in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import zmq

from saltern.pki import KeyPair
from saltern.wire import pack
from saltern_agent import channel as channel_module
from saltern_agent.channel import PENDING, REFUSED, REFUSED_RETRIES, UP, WHO_INTERVAL_S, Address, Channel
from saltern_agent.link import Link, Timing
from saltern_agent.loop import Timer

FIRST_S, MOST_S = 0.5, 30.0
TIMING = Timing(FIRST_S, MOST_S, 1.0, 3.0)
PENDING_RETRY_S = 10.0
KEYS = KeyPair(*(half.decode() for half in zmq.curve_keypair()))
MASTER = KEYS.public


class FakeLoop:
    """Keeps what is to be called later, and never calls it."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        self.timers.append((delay_s, call))
        return Timer(delay_s, len(self.timers), call)

    def watch(self, *_: Any) -> None:
        """Nothing comes."""

    def unwatch(self, *_: Any) -> None:
        """Nothing comes."""


class Listening:
    """Counts how often a link was said to be down."""

    def __init__(self) -> None:
        self.downs = 0

    def link_up(self, link: Link) -> None: ...

    def link_down(self, link: Link, handshake_failed: bool) -> None:
        self.downs += 1

    def link_frame(self, link: Link, frame: bytes) -> None: ...


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    made: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield made
    made.destroy(linger=0)


def waits(link: Link, loop: FakeLoop, failures: int) -> list[float]:
    """Return how long is waited after each of so many failures in a row."""
    found = []
    for _ in range(failures):
        link.restart()
        found.append(loop.timers[-1][0])
    return found


def backed_off(found: list[float]) -> None:
    for number, wait_s in enumerate(found):
        most = min(FIRST_S * 2 ** min(number, 30), MOST_S)
        assert 0.5 * most <= wait_s <= most, (number, found)


def test_attempts_become_rarer_up_to_a_bound_and_never_end(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    loop: Any = FakeLoop()
    link = Link(loop, context, "tcp://127.0.0.1:1", KEYS, MASTER, TIMING, Listening())
    backed_off(waits(link, loop, 2000))
    link.close()


def test_they_spread_out_so_that_a_fleet_does_not_come_back_at_once(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    loop: Any = FakeLoop()
    link = Link(loop, context, "tcp://127.0.0.1:1", KEYS, MASTER, TIMING, Listening())
    assert len(set(waits(link, loop, 40)[10:])) > 20
    link.close()


def test_after_it_was_taken_in_the_next_failure_is_tried_again_soon(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    loop: Any = FakeLoop()
    link = Link(loop, context, "tcp://127.0.0.1:1", KEYS, MASTER, TIMING, Listening())
    for _ in range(3):
        backed_off(waits(link, loop, 12))
        link.settled()
    link.close()


# who says that it was taken in


class FakeLink:
    """A link that a test speaks for."""

    def __init__(self, _loop: Any, _context: Any, endpoint: str, *_: Any) -> None:
        self.endpoint = endpoint
        self.up = True
        self.settles = self.opened = 0
        self.sent: list[bytes] = []

    def settled(self) -> None:
        self.settles += 1

    def open(self) -> None:
        self.opened += 1

    def close(self) -> None: ...

    def restart(self) -> None: ...

    def send(self, frame: bytes) -> bool:
        self.sent.append(frame)
        return True


class Member:
    """An agent that has nothing to say."""

    def hello(self) -> dict[str, Any]:
        return {"id": "web1"}

    def attachment(self) -> dict[str, Any]:
        return {}

    def welcomed(self, body: dict[str, Any]) -> None: ...

    def lost(self) -> None: ...

    def received(self, message: Any) -> None: ...


@pytest.fixture
def joining(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Channel, FakeLoop, Any, Any]]:
    """A channel with its loop, its link for returns and its link for jobs."""
    monkeypatch.setattr(channel_module, "Link", FakeLink)
    loop: Any = FakeLoop()
    made = Channel(loop, Address("127.0.0.1", 1, 2, MASTER), KEYS, TIMING, Member(), pending_retry_s=PENDING_RETRY_S)
    yield made, loop, made._ret, made._publish
    made.close()


def says(channel: Channel, link: Any, type_: str, **body: Any) -> None:
    channel.link_frame(link, pack(type_, 0, body))


def test_a_connection_alone_is_not_yet_being_taken_in(joining: tuple[Channel, FakeLoop, Any, Any]) -> None:
    """A master that lets everybody connect and answers nobody is tried ever more rarely too."""
    channel, loop, ret, _ = joining
    channel.link_up(ret)
    assert (ret.settles, loop.timers[-1][0]) == (0, TIMING.heartbeat_timeout_s)
    for type_, body in (("wait", {}), ("refused", {"state": "denied"}), ("who", {})):
        says(channel, ret, type_, **body)
        assert ret.settles == 0
    says(channel, ret, "welcome")
    assert (ret.settles, channel.state) == (1, UP)


def test_the_connection_for_jobs_is_settled_when_it_is_there(joining: tuple[Channel, FakeLoop, Any, Any]) -> None:
    channel, _, ret, publish = joining
    channel.link_up(ret)
    says(channel, ret, "welcome")
    assert (publish.opened, publish.settles) == (1, 0)
    channel.link_up(publish)
    assert publish.settles == 1


def test_a_pending_key_asks_again_at_its_interval_and_a_refused_one_more_rarely(
    joining: tuple[Channel, FakeLoop, Any, Any],
) -> None:
    channel, loop, ret, _ = joining
    channel.link_up(ret)
    for type_, state, wait_s in (
        ("wait", PENDING, PENDING_RETRY_S),
        ("refused", REFUSED, PENDING_RETRY_S * REFUSED_RETRIES),
    ):
        says(channel, ret, type_)
        assert (channel.state, loop.timers[-1][0], loop.timers[-1][1].__name__) == (state, wait_s, "greet")


def test_a_master_that_keeps_asking_who_this_is_is_answered_once_a_second(
    joining: tuple[Channel, FakeLoop, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(channel_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    channel, loop, ret, _ = joining
    channel.link_up(ret)
    for _ in range(3):
        now[0] += 0.25
        says(channel, ret, "welcome")
        says(channel, ret, "who")
        wait_s, greet = loop.timers[-1]
        assert wait_s == pytest.approx(WHO_INTERVAL_S - 0.25)
        now[0] += wait_s
        greet()
    assert len(ret.sent) == 4
