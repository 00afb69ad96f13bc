"""From a name to an address that takes connections: both families, several addresses, and why there is none."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from saltern_agent.cause import CUT, NAME, REFUSED, SILENT, UNREACHABLE, Cause, of_addresses, of_name
from saltern_agent.dialler import MAX_ADDRESSES, Dialler, addresses_of, endpoint, find_address
from support.ports import free_port

TIMEOUT_S = 5.0


class Names:
    """A resolver of a test's own: its addresses can be changed, and a lookup can be made to hang."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        self.asked += 1
        assert self.go_on.wait(20)
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [found for address in self.addresses for found in socket.getaddrinfo(address, port, type=1)]


class Posted:
    """Stands for the loop: what was posted is run by ``next``."""

    def __init__(self) -> None:
        self._calls: list[Callable[[], None]] = []
        self._there = threading.Condition()

    def __call__(self, call: Callable[[], None]) -> None:
        with self._there:
            self._calls.append(call)
            self._there.notify()

    def next(self) -> None:
        with self._there:
            assert self._there.wait_for(lambda: self._calls, 20)
            call = self._calls.pop(0)
        call()


@pytest.fixture
def listening() -> Iterator[int]:
    """A port that takes connections on ``::1`` alone."""
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this host has no IPv6")
    with listener:
        yield listener.getsockname()[1]


def find(names: Names, port: int, *, good: str = "", bad: tuple[str, ...] = (), trying: bool = False) -> str | Cause:
    return find_address("master.test", port, good, bad, TIMEOUT_S, names, trying=trying)


def test_a_name_with_ipv6_alone(listening: int) -> None:
    assert find(Names("::1"), listening) == "::1"
    assert find(Names("::1"), listening, trying=True) == "::1"


@pytest.mark.parametrize("addresses", [("127.0.0.1", "::1"), ("::1", "127.0.0.1"), ("127.0.0.9", "127.0.0.1", "::1")])
def test_of_several_addresses_the_one_that_works(listening: int, addresses: tuple[str, ...]) -> None:
    assert find(Names(*addresses), listening) == "::1"


def test_an_address_that_never_answers_holds_up_no_other(listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    class Mute(socket.socket):
        """A socket whose connecting to 192.0.2.1 goes on for ever, as where a firewall drops packets."""

        def connect_ex(self, where: Any) -> int:
            begun.append(where[0])
            if where[0] == "192.0.2.1":
                self.bind(("127.0.0.1", 0))
                return errno.EINPROGRESS if super().connect_ex(full) == errno.EINPROGRESS else errno.EIO
            return super().connect_ex(where)

    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        full = silent.getsockname()
        queued = [socket.socket() for _ in range(4)]
        for connection in queued:
            connection.setblocking(False)
            connection.connect_ex(full)
        monkeypatch.setattr(socket, "socket", Mute)
        assert find(Names("192.0.2.1", "::1"), listening) == "::1"
        for connection in queued:
            connection.close()
    assert begun == ["192.0.2.1", "::1"]


def test_the_address_that_was_right_is_taken_without_trying(listening: int) -> None:
    assert find(Names("::1", "127.0.0.1"), listening, good="127.0.0.1") == "127.0.0.1"
    assert find(Names("::1", "127.0.0.1"), listening, good="127.0.0.1", trying=True) == "::1"
    assert find(Names("::1"), listening, good="127.0.0.1") == "::1", "it has moved"


def test_an_address_where_the_master_isnt_comes_last(listening: int) -> None:
    with socket.create_server(("127.0.0.1", listening)):
        assert find(Names("::1", "127.0.0.1"), listening, bad=("::1",)) == "127.0.0.1"
        assert find(Names("::1", "127.0.0.1"), listening, bad=("::1", "127.0.0.1")) == "::1"
    assert find(Names("::1"), listening, bad=("::1",)) == "::1"


def test_why_there_is_none() -> None:
    port = free_port()
    assert find(Names(), port) == of_name(
        "master.test", socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    )
    refused = find(Names("127.0.0.1", "::1"), port)
    assert isinstance(refused, Cause)
    assert refused.kind == REFUSED
    assert "127.0.0.1: connection refused, ::1: " in refused.text
    assert find(Names("127.0.0.1"), port, trying=True) == of_addresses({"127.0.0.1": errno.ECONNREFUSED})


@pytest.mark.parametrize(
    ("failed", "kind", "text"),
    [
        ({"10.0.0.1": errno.ETIMEDOUT}, SILENT, "silence (10.0.0.1: no answer)"),
        ({"10.0.0.1": errno.EHOSTUNREACH}, UNREACHABLE, "no route to host"),
        ({"10.0.0.1": errno.ECONNRESET}, CUT, "cut as soon as it is made (10.0.0.1: connection reset by peer)"),
        ({"10.0.0.1": errno.EMFILE}, UNREACHABLE, "too many open files"),
        ({"fd00::1": errno.ENETUNREACH, "10.0.0.1": errno.ETIMEDOUT}, SILENT, "fd00::1: network is unreachable, 10."),
        ({"fd00::1": errno.ENETUNREACH, "10.0.0.1": errno.ECONNREFUSED}, REFUSED, "10.0.0.1: connection refused"),
    ],
)
def test_the_cause_that_says_most(failed: dict[str, int], kind: str, text: str) -> None:
    cause = of_addresses(failed)
    assert cause.kind == kind
    assert text in cause.text


def test_a_name_server_that_is_away_is_another_thing_than_a_wrong_name() -> None:
    away = of_name("master", socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))
    wrong = of_name("a..b", UnicodeError("label empty or too long"))
    assert away.kind == wrong.kind == NAME
    assert "no name server answers" in away.text
    assert "label empty" in wrong.text


def test_every_attempt_looks_the_name_up_anew(listening: int) -> None:
    names, posted = Names(), Posted()
    dialler = Dialler("master.test", listening, posted, TIMEOUT_S, lookup=names)
    found: list[str | Cause] = []
    for addresses in ((), ("::1",), ("127.0.0.1",)):
        names.addresses = addresses
        dialler.find(found.append, trying=False)
        posted.next()
    assert isinstance(found[0], Cause)
    assert found[1:] == ["::1", "127.0.0.1"]


def test_a_lookup_that_hangs_is_one_thread_and_answers_the_last_who_asked() -> None:
    names, posted = Names("127.0.0.1"), Posted()
    names.go_on.clear()
    dialler = Dialler("master.test", 4506, posted, TIMEOUT_S, lookup=names)
    before = set(threading.enumerate())
    found: list[tuple[int, str | Cause]] = []
    for number in range(50):
        dialler.find(lambda address, number=number: found.append((number, address)), trying=False)  # type: ignore[misc]
    assert len(set(threading.enumerate()) - before) == 1
    names.go_on.set()
    posted.next()
    assert found == [(49, "127.0.0.1")]
    assert names.asked == 1


def test_an_address_needs_no_lookup_and_no_thread() -> None:
    names, posted = Names("127.0.0.1"), Posted()
    for host in ("127.0.0.1", "::1", "fe80::1%lo"):
        found: list[str | Cause] = []
        Dialler(host, 4506, posted, TIMEOUT_S, lookup=names).find(found.append, trying=False)
        assert found == [host]
    assert names.asked == 0
    followed: list[str | Cause] = []
    follower = Dialler("master.test", 4505, posted, TIMEOUT_S, instead=lambda: "127.0.0.7", lookup=names)
    follower.find(followed.append, trying=False)
    assert (followed, names.asked) == (["127.0.0.7"], 0)


def test_when_there_is_no_thread_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    dialler = Dialler("master.test", 4506, Posted(), TIMEOUT_S, lookup=Names("127.0.0.1"))
    found: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none)
        dialler.find(found.append, trying=False)
    assert "can't start new thread" in found[0].text
    dialler.find(found.append, trying=False)
    assert dialler._looking, "the next attempt has one"


def test_the_right_and_the_wrong_addresses_take_turns() -> None:
    dialler = Dialler("master.test", 4506, Posted(), TIMEOUT_S)
    turns = []
    for address in ("a", "b", "a", "b"):
        dialler.wrong(address)
        turns.append(list(dialler._bad))
    assert turns == [["a"], ["a", "b"], ["a"], ["a", "b"]]
    dialler.right("a")
    assert dialler._bad == []


def test_addresses_are_bounded_and_named_once() -> None:
    many = Names(*(f"127.0.1.{number}" for number in range(100)), "127.0.1.0")
    found = addresses_of("x", 1, many)
    assert len(found) == MAX_ADDRESSES
    assert found[0].text == "127.0.1.0"
    assert [endpoint(host, 1) for host in ("a", "::1")] == ["tcp://a:1", "tcp://[::1]:1"]
