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
from saltern_agent.cause import REFUSED as PORT_REFUSED
from saltern_agent.cause import Cause
from saltern_agent.channel import PENDING, REFUSED, REFUSED_FIRST_S, UP, WHO_INTERVAL_S, Address, Channel
from saltern_agent.dialler import Dialler
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
        self._made: list[Timer] = []

    def later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        self.timers.append((delay_s, call))
        self._made.append(Timer(delay_s, len(self.timers), call))
        return self._made[-1]

    def due(self) -> list[str]:
        """Return the names of what would still be called."""
        return [timer.call.__name__ for timer in self._made if timer.call is not None]

    def post(self, _: Callable[[], None]) -> None:
        """Nothing is looked up."""

    def watch(self, *_: Any) -> None:
        """Nothing comes."""

    def unwatch(self, *_: Any) -> None:
        """Nothing comes."""


class Listening:
    """Counts how often a link was said to be down."""

    def __init__(self) -> None:
        self.downs = 0

    def link_up(self, link: Link) -> None: ...

    def link_down(self, link: Link, cause: Cause | None) -> None:
        self.downs += 1

    def link_frame(self, link: Link, frame: bytes) -> None: ...


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    made: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield made
    made.destroy(linger=0)


def made_link(loop: Any, context: zmq.Context[zmq.Socket[bytes]]) -> Link:
    return Link(loop, context, Dialler("127.0.0.1", 1, loop.post, 1.0), KEYS, MASTER, TIMING, Listening())


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
    link = made_link(loop, context)
    backed_off(waits(link, loop, 2000))
    link.close()


def test_they_spread_out_so_that_a_fleet_does_not_come_back_at_once(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    loop: Any = FakeLoop()
    link = made_link(loop, context)
    assert len(set(waits(link, loop, 40)[10:])) > 20
    link.close()


def test_after_it_was_taken_in_the_next_failure_is_tried_again_soon(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    loop: Any = FakeLoop()
    link = made_link(loop, context)
    for _ in range(3):
        backed_off(waits(link, loop, 12))
        link.settled()
    link.close()


# who says that it was taken in


class FakeLink:
    """A link that a test speaks for."""

    def __init__(self, _loop: Any, _context: Any, dialler: Dialler, *_: Any) -> None:
        self.endpoint = str(dialler)
        self.address = dialler.host
        self.is_name = False
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

    def attached(self, *, anew: bool) -> None: ...

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


def test_a_pending_key_asks_again_at_its_interval(joining: tuple[Channel, FakeLoop, Any, Any]) -> None:
    channel, loop, ret, _ = joining
    channel.link_up(ret)
    for _ in range(3):
        says(channel, ret, "wait")
        assert (channel.state, *again(loop)) == (PENDING, PENDING_RETRY_S, "greet")


def test_a_refused_key_asks_again_soon_then_ever_more_rarely(
    joining: tuple[Channel, FakeLoop, Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    channel, loop, ret, _ = joining
    for word in ("wait", "welcome"):
        channel.link_up(ret)
        for most_s in (REFUSED_FIRST_S, 2, 4, 8, 16, 30, 30):
            says(channel, ret, "refused", state="rejected", reason="its key was removed on the master")
            wait_s, call = again(loop)
            assert (channel.state, call) == (REFUSED, "greet")
            assert 0.75 * most_s <= wait_s <= most_s
            if most_s == REFUSED_FIRST_S:
                assert channel.reason.endswith(f"its key was removed on the master; tried again in {wait_s:.1f} s")
        says(channel, ret, word)
    (line,) = [message for message in caplog.messages if "refused" in message]
    assert line.startswith("tcp://127.0.0.1:2: refused (rejected): its key was removed")


@pytest.mark.parametrize("answer", [("wait", {}), ("refused", {"state": "rejected", "reason": "removed"})])
def test_a_master_that_answered_is_not_silent_later(
    joining: tuple[Channel, FakeLoop, Any, Any], answer: tuple[str, dict[str, Any]]
) -> None:
    """Else a connection that is up is cut half a minute after its key waited, or was refused."""
    channel, loop, ret, _ = joining
    channel.link_up(ret)
    for _ in range(3):
        says(channel, ret, answer[0], **answer[1])
        assert loop.due() == ["greet"]
    channel.greet()
    says(channel, ret, "welcome")
    assert loop.due() == []


def test_another_refusal_is_asked_about_soon_again(joining: tuple[Channel, FakeLoop, Any, Any]) -> None:
    channel, loop, ret, _ = joining
    channel.link_up(ret)
    for reason in ("this key was rejected", "its key was removed"):
        for _ in range(4):
            says(channel, ret, "refused", state="rejected", reason=reason)
        assert again(loop)[0] > 5
    says(channel, ret, "refused", state="denied", reason="its key was removed")
    assert again(loop)[0] <= REFUSED_FIRST_S


def again(loop: FakeLoop) -> tuple[float, str]:
    wait_s, call = loop.timers[-1]
    return wait_s, call.__name__


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


# what the log says of it


def test_each_cause_is_a_line_and_its_end_says_how_often_it_was(
    joining: tuple[Channel, FakeLoop, Any, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    now = [1000.0]
    monkeypatch.setattr(channel_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    channel, _, ret, _ = joining
    channel.open()
    for number in range(12):
        channel.link_down(ret, Cause("name", "no such name") if number % 3 else Cause(PORT_REFUSED, "nothing there"))
        now[0] += 5
    channel.link_up(ret)
    says(channel, ret, "welcome")
    assert caplog.messages == [
        "tcp://127.0.0.1:2: nothing there",
        "tcp://127.0.0.1:2: no such name",
        "tcp://127.0.0.1:2: connected, after 60 s of attempts that failed (8 name, 4 refused)",
    ]
    assert not any(complaint._goes_on for complaint in channel._complaints._kinds.values())
    caplog.clear()
    now[0] += 30
    channel.link_down(ret, None)
    channel.link_down(ret, Cause(PORT_REFUSED, "nothing there"))
    now[0] += 2
    channel.link_up(ret)
    says(channel, ret, "welcome")
    assert caplog.messages == [
        "tcp://127.0.0.1:2: the master is away; what it misses is kept",
        "tcp://127.0.0.1:2: nothing there",
        "tcp://127.0.0.1:2: connected, after 2 s of attempts that failed (1 refused)",
    ]


def test_a_connection_that_comes_and_goes_is_said_once(
    joining: tuple[Channel, FakeLoop, Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    channel, _, ret, _ = joining
    channel.open()
    for _ in range(50):
        channel.link_up(ret)
        says(channel, ret, "welcome")
        channel.link_down(ret, None)
        channel.link_down(ret, Cause("cut", "cut"))
    assert [message.partition(": ")[2] for message in caplog.messages] == [
        "connected",
        "the master is away; what it misses is kept",
        "cut",
        "connected, after 0 s of attempts that failed (1 cut)",
    ]


def test_another_address_is_said_however_soon(
    joining: tuple[Channel, FakeLoop, Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    channel, _, ret, _ = joining
    ret.is_name = True
    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2"):
        ret.address = address
        for _ in range(3):
            channel.link_up(ret)
            says(channel, ret, "welcome")
            channel.link_down(ret, None)
    connected = [message.partition("connected ")[2] for message in caplog.messages if "connected" in message]
    assert connected == ["to 10.0.0.1", "to 10.0.0.1", "to 10.0.0.2"]


def test_a_host_that_waits_hears_that_the_master_answers(
    joining: tuple[Channel, FakeLoop, Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    channel, _, ret, _ = joining
    channel.open()
    channel.link_down(ret, Cause("silent", "silence"))
    channel.link_up(ret)
    says(channel, ret, "wait")
    assert "the master answers, after 0 s of attempts that failed (1 silent)" in caplog.text
    assert caplog.messages[-1].startswith("tcp://127.0.0.1:2: waiting for this minion's key")


def test_no_jobs_is_a_line_of_its_own(
    joining: tuple[Channel, FakeLoop, Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    channel, _, ret, publish = joining
    channel.link_up(ret)
    says(channel, ret, "welcome")
    caplog.clear()
    for _ in range(5):
        channel.link_down(publish, Cause(PORT_REFUSED, "nothing there"))
    channel.link_up(publish)
    channel.link_up(publish)
    for _ in range(2):
        channel.link_down(publish, Cause("not admitted", "not admitted"))
    assert caplog.messages == ["tcp://127.0.0.1:1: no jobs come: nothing there", "tcp://127.0.0.1:1: jobs come again"]
    channel.link_down(publish, Cause("not admitted", "not admitted"))
    assert caplog.messages[2:] == ["tcp://127.0.0.1:1: no jobs come: not admitted"]
