"""The collectors tcp, udp and softnet: how traffic got through, on built trees and on this host."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors import softnet, tcp, udp
from saltern_modules.collectors.explained import unnamed
from saltern_modules.collectors.reading import network_files
from saltern_modules.collectors.source import Source
from support.trees import plant

SNMP = (
    "Ip: Forwarding DefaultTTL\nIp: 2 64\n"
    "Tcp: RtoAlgorithm MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs"
    " InErrs OutRsts\nTcp: 1 -1 10 20 1 2 3 {segments_in} {segments_out} {retransmits} 4 5\n"
    "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdp: 100 1 2 50 3 4\n"
    "UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdpLite: 9 9 9 9 9 9\n"
)
NETSTAT = (
    "TcpExt: SyncookiesSent SyncookiesRecv ListenOverflows ListenDrops TCPTimeouts\nTcpExt: 7 0 11 12 13\n"
    "IpExt: InNoRoutes InOctets\nIpExt: 0 5\n"
)
SNMP6 = (
    "Ip6InReceives                   \t7\nUdp6InDatagrams                 \t5\nUdp6RcvbufErrors                \t2\n"
)


def snmp(segments_out: int, retransmits: int, segments_in: int = 1000) -> str:
    return SNMP.format(segments_in=segments_in, segments_out=segments_out, retransmits=retransmits)


def test_segments_sent_again_are_a_share_of_all_that_were_sent(tmp_path: Path) -> None:
    plant(tmp_path, {"proc/net/netstat": NETSTAT})
    collector = tcp.Tcp(plant(tmp_path, {"proc/net/snmp": snmp(1000, 50)}), {})
    first = collector.collect(100.0)
    assert (first["segments_out"], first["retransmits"], first["opens_in"], first["resets"]) == (1000, 50, 20, 2)
    assert (first["listen_overflows"], first["listen_drops"], first["syn_cookies_sent"]) == (11, 12, 7)
    assert "retransmit_percent" not in first
    collector.files = plant(tmp_path, {"proc/net/snmp": snmp(1090, 60)})
    second = collector.collect(110.0)
    assert second["retransmits_per_s"] == 1.0
    assert second["retransmit_percent"] == 10.0
    collector.files = plant(tmp_path, {"proc/net/snmp": snmp(1090, 60)})
    assert "retransmit_percent" not in collector.collect(120.0), "nothing was sent, so there is no share of it"
    assert not list(unnamed("tcp", second))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"Tcp: InSegs OutSegs\nTcp: 5 6\n", {"segments_in": 5, "segments_out": 6}),
        (b"Tcp: OutSegs New InSegs\nTcp: 6 x 5", {"segments_in": 5, "segments_out": 6}),
        (b"Tcp: InSegs OutSegs\nTcp: 5\n", {"segments_in": 5}),
        (b"Tcp: InSegs OutSegs\nTcp: -1 6\n", {"segments_out": 6}),
        (b"Tcp: InSegs\nIp: 5\n", {}),
        (b"Tcp: InSegs\n", {}),
        (b"XTcp: InSegs\nXTcp: 4\n", {}),
        (b"", {}),
    ],
)
def test_any_kernels_columns_are_found_by_their_names(data: bytes, expected: dict[str, int]) -> None:
    assert network_files.counters_of(data, b"Tcp", tcp.TCP) == expected


def test_both_families_datagrams_are_one_sum(tmp_path: Path) -> None:
    collector = udp.Udp(plant(tmp_path, {"proc/net/snmp": snmp(1, 1), "proc/net/snmp6": SNMP6}), {})
    first = collector.collect(1.0)
    expected = {"in": 105, "no_port": 1, "errors": 2, "out": 50, "receive_buffer_errors": 5, "send_buffer_errors": 4}
    assert first == expected
    collector.files.begin()
    second = collector.collect(2.0)
    assert second == {**expected, "in_per_s": 0.0, "out_per_s": 0.0, "errors_per_s": 0.0}
    assert not list(unnamed("udp", second))


def test_a_host_without_ipv6_has_udp_too(tmp_path: Path) -> None:
    assert udp.Udp(plant(tmp_path, {"proc/net/snmp": snmp(1, 1)}), {}).collect(1.0)["in"] == 100


def test_softnet_is_summed_over_the_processors(tmp_path: Path) -> None:
    lines = "000066da 00000001 00000002 00000000\n0000bbae 00000010 00000001 00000000 00000000\n"
    collector = softnet.Softnet(plant(tmp_path, {"proc/net/softnet_stat": lines}), {})
    assert collector.collect(1.0) == {"packets": 0x66DA + 0xBBAE, "dropped": 0x11, "squeezed": 3}
    assert not list(unnamed("softnet", collector.collect(2.0)))
    assert softnet.parse_softnet(b"nothing here\n") == {}


def test_in_a_container_the_network_is_the_hosts(tmp_path: Path) -> None:
    files = plant(tmp_path, {"proc/net/snmp": snmp(5, 5), "proc/1/net/snmp": snmp(7, 7)})
    assert tcp.Tcp(files, {}).collect(1.0)["segments_out"] == 7
    assert network_files.read_net(Source(), "snmp") == Source().read("net/snmp")


def test_a_network_that_tells_nothing_is_no_failure(tmp_path: Path) -> None:
    for collector in (tcp.Tcp, udp.Udp, softnet.Softnet):
        assert collector(plant(tmp_path, {}), {}).collect(1.0) == {}


def test_this_hosts_own_connections_are_counted() -> None:
    files = Source()
    collector = tcp.Tcp(files, {})
    files.begin()
    before = collector.collect(1.0)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    files.begin()
    after = collector.collect(2.0)
    assert after["opens_out"] > before["opens_out"]
    assert after["opens_in"] > before["opens_in"]
    assert after["segments_out_per_s"] > 0


def test_a_queue_that_is_full_is_told_by_this_host() -> None:
    files = Source()
    collector = tcp.Tcp(files, {})
    files.begin()
    before = collector.collect(1.0)["listen_overflows"]
    with contextlib.ExitStack() as held:
        server = held.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(8):  # nobody accepts: the second or third finds no room any more
            caller = held.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(server.getsockname())
        after = before
        while after == before:  # the test's timeout ends it
            files.begin()
            after = collector.collect(2.0)["listen_overflows"]
    assert after > before


@given(data=st.binary(max_size=300) | st.text(alphabet="Tcp: InSegs0159\n", max_size=200).map(str.encode))
def test_garbage_gives_whole_numbers_or_nothing(data: bytes) -> None:
    for found in (tcp.parse_tcp(data, data), udp.parse_udp(data, data), softnet.parse_softnet(data)):
        assert all(isinstance(value, int) and value >= 0 for value in found.values())
    for row in network_files.rows_in_hex(data):
        assert all(isinstance(value, int) for value in row.values())


def test_what_the_hosts_network_lacks_is_not_taken_from_our_own(tmp_path: Path) -> None:
    files = plant(tmp_path, {"proc/net/snmp": snmp(5, 5), "proc/1/net/dev": ""})
    assert network_files.read_net(files, "snmp") == b""
