"""TCP sockets by state as the kernel dumps them, against its own table of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from saltern_modules.collectors.reading import inet_dump
from saltern_modules.collectors.reading.inet_dump import ALL_STATES, RARE_STATES, InetDump
from saltern_modules.collectors.sockets import Sockets
from saltern_modules.collectors.source import Source
from support.descriptors import open_ones

LISTEN = 10

# In a network of its own, so that nobody else's sockets come and go between one look and the other.
PROGRAM = """
import fcntl, json, os, socket, struct, sys
from saltern_modules.collectors import sockets
from saltern_modules.collectors.source import Source

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", 0x1))  # SIOCSIFFLAGS, IFF_UP
four = socket.create_server(("127.0.0.1", 0))
six = socket.create_server(("::1", 0), family=socket.AF_INET6) if socket.has_ipv6 else four
bound = socket.socket()
bound.bind(("127.0.0.1", 0))
kept = []
for number in range(60):
    server = four if number % 2 else six
    client = socket.create_connection(server.getsockname()[:2])
    accepted = server.accept()[0]
    if number % 5 == 0:
        client.close()  # FIN_WAIT2, of which soon only the memory is left; CLOSE_WAIT there
    elif number % 5 == 1:
        client.close()
        accepted.close()  # TIME_WAIT
    elif number % 5 == 2:
        client.shutdown(socket.SHUT_WR)  # FIN_WAIT2, a socket still; CLOSE_WAIT there
    kept += [client, accepted]
collector = sockets.Sockets(Source(), {})
files = sockets.Sockets(Source(), {})
files._dump = None

def settled():
    "Wait until no FIN waits for its acknowledgement."
    moving = [sockets.STATES.index(name) + 1 for name in ("fin_wait1", "last_ack", "closing")]
    while any(state in moving for table in ("tcp", "tcp6") for state in sockets.parse_table(
            open(f"/proc/net/{table}", "rb").read())):
        os.sched_yield()

def tell(now):
    settled()
    for one in (collector, files):
        one.files.begin()
        told.append({name: one.collect(now)["tcp"][name] for name in sockets.STATES})

told = []
tell(0.0)
kept[2 * 3].close()
tell(sockets.RARE_EVERY_S)
json.dump(told, sys.stdout)
"""


def test_the_dump_and_the_table_tell_the_same() -> None:
    alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    done = subprocess.run([*alone, sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    if "unshare" in done.stderr:
        pytest.skip(f"no network of its own here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    dumped, table, dumped_later, table_later = json.loads(done.stdout)
    assert dumped == table
    assert dumped_later == table_later
    assert dumped["established"] == 48
    assert dumped["time_wait"] > 0
    assert dumped["close_wait"] == dumped["fin_wait2"] == 24
    assert dumped_later["close_wait"] == 25, "one more was closed meanwhile, and the kept socket asked again"


def test_the_kernel_is_asked_for_its_sockets_every_half_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def answer(self: InetDump, wanted: int, limit: int) -> inet_dump.States:
        asked.append(wanted)
        return inet_dump.States(bytes([LISTEN] * 2), b"")

    monkeypatch.setattr(InetDump, "tcp_states", answer)
    collector = Sockets(Source(), {})
    in_use = 10
    monkeypatch.setattr(
        "saltern_modules.collectors.sockets.parse_sockstat", lambda data: {"tcp": {"in_use": in_use, "time_wait": 3}}
    )
    monkeypatch.setattr(collector.files, "read", lambda name, optional: b"")
    for now in (0.0, 15.0, 30.0, 45.0):
        in_use += 1
        tcp = collector.collect(now)["tcp"]
        assert (tcp["listen"], tcp["established"], tcp["time_wait"]) == (2, in_use - 2, 3)
    assert len(asked) == 2


def test_the_kernels_dump_sees_our_own_sockets() -> None:
    dump = InetDump()
    before = dump.tcp_states(1 << LISTEN, 100_000).sockets.count(LISTEN)
    with socket.create_server(("127.0.0.1", 0)):
        assert dump.tcp_states(1 << LISTEN, 100_000).sockets.count(LISTEN) == before + 1
        assert dump.tcp_states(RARE_STATES, 100_000).sockets.count(LISTEN) == before + 1


def test_an_answer_that_is_not_read_to_its_end_is_not_taken_for_the_next() -> None:
    dump = InetDump()
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = [socket.create_connection(server.getsockname()) for _ in range(100)]
        assert len(dump.tcp_states(ALL_STATES, 1).sockets) >= 1
        listening = dump.tcp_states(1 << LISTEN, 100_000).sockets
        assert set(listening) == {LISTEN}
        for client in held:
            client.close()


def test_the_socket_to_the_kernel_is_kept_and_given_back() -> None:
    before = open_ones()
    dump = InetDump()
    for _ in range(3):
        dump.tcp_states(1 << LISTEN, 100_000)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    del dump
    assert len(os.listdir("/proc/self/fd")) == before


def test_states_that_were_not_asked_for_do_not_come() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        dumped = InetDump().tcp_states(RARE_STATES, 100_000)
    assert inet_dump.ESTABLISHED not in dumped.sockets
    assert inet_dump.TIME_WAIT not in dumped.sockets + dumped.memories


def test_a_refusal_is_one_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(self: InetDump, wanted: int, limit: int) -> inet_dump.States:
        asked.append(wanted)
        raise OSError("not allowed")

    monkeypatch.setattr(InetDump, "tcp_states", refuse)
    collector = Sockets(Source(), {})
    with socket.create_server(("127.0.0.1", 0)):
        assert collector.collect(0.0)["tcp"]["listen"] >= 1
        assert collector.collect(0.0)["tcp"]["listen"] >= 1
    assert len(asked) == 1
