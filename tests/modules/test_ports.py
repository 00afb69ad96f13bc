"""The collector ports, and the work aside that it does: over real sockets on loopback."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern_modules.collectors import ports
from saltern_modules.collectors.asking.errand import Errand
from saltern_modules.collectors.explained import unnamed
from saltern_modules.collectors.reading import endpoint
from saltern_modules.collectors.source import Source
from support.trees import fault_of

LONG_S = 30.0


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for what is aside, however loaded this machine is."""
    go = Errand.go
    monkeypatch.setattr(Errand, "go", lambda self, wait_s=LONG_S, *, afresh=False: go(self, LONG_S, afresh=afresh))


@pytest.fixture
def open_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def watch(*targets: str, timeout_s: float = 5.0) -> ports.Ports:
    return ports.Ports(Source(), {"targets": list(targets), "timeout_s": timeout_s})


@pytest.mark.usefixtures("patient")
def test_open_closed_and_unknown(open_port: int, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_names(host: bytes, *args: object, **kwargs: object) -> object:
        if host == b"nowhere.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *args, **kwargs)  # type: ignore[arg-type]

    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    collector = watch(f"a=127.0.0.1:{open_port}", f"127.0.0.1:{closed_port}", f"c=nowhere.invalid:{open_port}")
    found = collector.collect(0.0)
    assert found["a"].pop("connect_ms") > 0
    assert found == {
        "a": {"open": 1, "resolved": 1},
        f"127_0_0_1_{closed_port}": {"open": 0, "resolved": 1},
        "c": {"open": 0, "resolved": 0},
    }
    assert not list(unnamed("ports", {"a": {"open": 1, "connect_ms": 1.0, "resolved": 1}}))


@pytest.mark.usefixtures("patient")
def test_a_port_that_opens_later_is_open_at_the_next_sample() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        collector = watch(f"a=127.0.0.1:{server.getsockname()[1]}")
        assert collector.collect(0.0)["a"]["open"] == 0
        server.listen()
        assert collector.collect(1.0)["a"]["open"] == 1


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
@pytest.mark.usefixtures("patient")
def test_ipv6_alone_and_a_name_of_both() -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this host has no IPv6 loopback")
    with server:
        port = server.getsockname()[1]
        found = watch(f"six=[::1]:{port}", f"four=127.0.0.1:{port}").collect(0.0)
    assert (found["six"]["open"], found["four"]["open"]) == (1, 0)


def test_one_address_that_is_silent_does_not_hide_another(open_port: int, closed_port: int) -> None:
    good: ports.Address = (socket.AF_INET, ("127.0.0.1", open_port))
    bad: ports.Address = (socket.AF_INET, ("127.0.0.1", closed_port))
    took = ports.connect_all({"a": [bad, good], "b": [bad], "c": []}, 5.0)
    assert took["a"] is not None
    assert (took["b"], took["c"]) == (None, None)


def test_a_target_that_never_answers_costs_the_timeout_and_no_more() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        place = server.getsockname()
        with socket.create_connection(place):  # its queue is full from here on
            took = ports.connect_all({"full": [(socket.AF_INET, place)], "more": [(socket.AF_INET, place)]}, 0.05)
    assert None in took.values()


def test_what_is_near_is_told_while_another_is_silent(
    open_port: int, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, bool]] = []
    both_told = threading.Event()

    def tell(name: str, took_ms: float | None) -> None:
        told.append((name, took_ms is not None))
        if len(told) == 2:
            both_told.set()

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        full = (socket.AF_INET, server.getsockname())
        near = {name: [(socket.AF_INET, ("127.0.0.1", port))] for name, port in (("a", open_port), ("b", closed_port))}
        with socket.create_connection(full[1]), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(full[1])  # its queue is full from here on
            wanted: dict[str, list[ports.Address]] = {"silent": [full, full], **near}
            work = threading.Thread(target=ports.connect_all, args=(wanted, LONG_S, tell), daemon=True)
            work.start()
            assert both_told.wait(LONG_S / 2)
            assert dict(told) == {"a": True, "b": False}
        server.close()
    work.join()


def test_a_name_that_is_looked_up_for_long_keeps_no_other(open_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go, came = threading.Event(), threading.Event()
    look_up = ports.addresses

    def slow(place: endpoint.Endpoint) -> list[ports.Address]:
        if place.host == "slow":
            assert let_go.wait(LONG_S)
        return look_up(place._replace(host="127.0.0.1"))

    def resolve(name: str) -> None:
        resolved(name)
        if name == "a":
            came.set()

    monkeypatch.setattr(ports, "addresses", slow)
    collector = watch(f"a=slow:{open_port}", f"b=quick:{open_port}")
    resolved = collector._resolve
    monkeypatch.setattr(collector, "_resolve", resolve)
    collector._look_up()
    collector._connect()
    assert {name: told["open"] for name, told in collector._found.items()} == {"b": 1}
    let_go.set()
    assert came.wait(LONG_S)
    collector._connect()
    assert {name: told["open"] for name, told in collector._found.items()} == {"a": 1, "b": 1}


def test_a_port_that_answers_itself_is_closed(closed_port: int) -> None:
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        link.bind(("127.0.0.1", 0))
        link.connect(link.getsockname())
        assert not ports._is_connected(link)


def test_what_hangs_makes_its_own_numbers_old_and_nothing_late(open_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go, asked = threading.Event(), threading.Event()

    def hang(wanted: object, timeout_s: float, tell: ports.Tell) -> None:
        asked.set()
        assert let_go.wait(LONG_S)
        tell("a", 1.0)

    monkeypatch.setattr(ports, "connect_all", hang)
    collector = watch(f"a=127.0.0.1:{open_port}")
    assert collector.collect(0.0) == {}
    assert asked.wait(LONG_S)
    assert collector.collect(15.0) == {}
    let_go.set()
    assert collector._connector._thread is not None
    collector._connector._thread.join()
    assert collector.collect(30.0)["a"]["open"] == 1


def test_work_aside_is_told_once_done_and_begun_again_when_asked() -> None:
    begun = []
    errand = Errand("test", lambda: begun.append(1))
    assert errand.go(LONG_S)
    assert errand.go(LONG_S)
    assert len(begun) == 2
    gate = threading.Event()
    slow = Errand("slow", lambda: begun.append(gate.wait(LONG_S)))  # type: ignore[func-returns-value]
    assert not slow.go(0.0)
    gate.set()
    assert slow._thread is not None
    slow._thread.join()
    assert slow.go(LONG_S)
    assert len(begun) == 3, "what got done meanwhile is told, not begun again"


def test_what_fails_aside_fails_the_sample_once() -> None:
    def fail() -> None:
        raise OSError("no")

    errand = Errand("test", fail)
    with pytest.raises(OSError, match="no"):
        errand.go(LONG_S)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("db1:5432", ("db1", 5432)),
        ("db1.example.org:1", ("db1.example.org", 1)),
        ("10.0.0.1:22", ("10.0.0.1", 22)),
        ("[::1]:22", ("::1", 22)),
        ("[fe80::1%eth0]:65535", ("fe80::1%eth0", 65535)),
    ],
)
def test_targets(text: str, expected: tuple[str, int]) -> None:
    assert endpoint.parse_endpoint(text) == expected


@pytest.mark.parametrize("text", ["db1", "db1:0", "db1:65536", "::1:22", "[::1]", "http://db1:80", "a b:1", ":22", ""])
def test_a_wrong_target_is_one_clear_line(tmp_path: Path, text: str) -> None:
    fault = fault_of(tmp_path, {"ports": {"targets": [text]}})
    assert fault.startswith("stats: ports: targets: ")
    assert " is no host and port: write one such as" in fault
    assert "\n" not in fault


def test_other_wrong_options(tmp_path: Path) -> None:
    assert re.search(
        "timeout_s must be more than 0", fault_of(tmp_path, {"ports": {"targets": ["a:1"], "timeout_s": 0.0}})
    )
    assert re.search("would both be called 'a_1'", fault_of(tmp_path, {"ports": {"targets": ["a:1", "a:1"]}}))


def test_names_are_one_to_one() -> None:
    targets = ["a:1", "a.1:2", "a_1:2", "a:12", "[::1]:1", "::1", "a.b.c:3", "a_b.c:3"]
    assert len({endpoint.label(text) for text in targets}) == len(targets)
    assert endpoint.label("db1.example.org:5432") == "db1_example_org_5432"
