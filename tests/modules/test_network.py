"""The module ``network``: hosts of other kinds than this one, other hosts, and what isn't there."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _interfaces, _net_tables, _rtnetlink
from saltern_modules._salt_errors import CommandNotFoundError
from saltern_modules._traced import parse_traceroute

HERE = Path(__file__).parent


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 0) + body + bytes(-len(body) % 4)


def link(number: int, name: str, flags: int = 1, kind: int = 1, **attributes: bytes) -> bytes:
    more = {"address": 1, "link": 5, "netns": 37}
    body = struct.pack("=BxHiII", 0, kind, number, flags, 0) + attribute(3, name.encode() + b"\0")
    return message(16, body + b"".join(attribute(more[key], value) for key, value in attributes.items()))


def address(number: int, family: int, length: int, scope: int, flags: int, *attributes: bytes) -> bytes:
    return message(20, struct.pack("=BBBBI", family, length, flags, scope, number) + b"".join(attributes))


def ip(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


LINKS = b"".join(
    [
        link(1, "lo", address=bytes(6), kind=772),
        link(2, "eth0", address=bytes.fromhex("020000000001")),
        link(3, "eth0.7", 0, link=struct.pack("=I", 2)),
        link(4, "veth0", link=struct.pack("=I", 9), netns=bytes(4)),
        link(5, "tunl0", 0, 768, link=bytes(4), address=ip("0.0.0.0")),
        link(6, "ip6tnl0", 0, 769, link=bytes(4), address=ip("::")),
        link(7, "tun0", 1, 65534),
        message(3, bytes(4)),
    ]
)
ADDRESSES = b"".join(
    [
        address(1, socket.AF_INET, 8, 254, 0x80, attribute(2, ip("127.0.0.1")), attribute(3, b"lo\0")),
        address(2, socket.AF_INET, 24, 0, 0, attribute(1, ip("10.0.0.5")), attribute(2, ip("10.0.0.5")),
                attribute(4, ip("10.0.0.255")), attribute(3, b"eth0:x\0")),
        address(2, socket.AF_INET, 24, 0, 1, attribute(2, ip("10.0.0.6"))),
        address(2, socket.AF_INET6, 64, 253, 0, attribute(1, ip("fe80::5"))),
        address(2, socket.AF_INET6, 64, 0, 1, attribute(1, ip("2001:db8::5"))),
        address(7, socket.AF_INET, 32, 0, 0, attribute(2, ip("10.9.0.1")), attribute(1, ip("10.9.0.2"))),
        address(99, socket.AF_INET, 32, 0, 0, attribute(2, ip("10.9.9.9"))),
        address(2, 77, 32, 0, 0, attribute(2, b"123")),
    ]
)  # fmt: skip
KNOWN = _interfaces.described(_rtnetlink.parse_links(LINKS), _rtnetlink.parse_addresses(ADDRESSES))


def test_interfaces_of_all_kinds() -> None:
    eth0 = {"address": "10.0.0.5", "netmask": "255.255.255.0", "broadcast": "10.0.0.255", "label": "eth0:x"}
    second = {"type": "inet", "address": "10.0.0.6", "netmask": "255.255.255.0", "broadcast": None, "label": "eth0"}
    lo = {"address": "127.0.0.1", "netmask": "255.0.0.0", "broadcast": None, "label": "lo"}
    tun = {"address": "10.9.0.1", "netmask": "255.255.255.255", "broadcast": None, "label": "tun0"}
    found = dict(KNOWN)
    assert found == {
        "lo": {"up": True, "hwaddr": "00:00:00:00:00:00", "inet": [lo]},
        "eth0": {
            "up": True,
            "hwaddr": "02:00:00:00:00:01",
            "inet": [eth0],
            "secondary": [second],
            "inet6": [
                {"address": "fe80::5", "prefixlen": "64", "scope": "link"},
                {"address": "2001:db8::5", "prefixlen": "64", "scope": "global"},
            ],
        },
        "eth0.7": {"up": False, "parent": "eth0"},
        "veth0": {"up": True, "parent": "if9"},
        "tunl0": {"up": False, "parent": "NONE", "hwaddr": "0.0.0.0"},
        "ip6tnl0": {"up": False, "parent": "NONE", "hwaddr": "::"},
        "tun0": {"up": True, "inet": [tun]},
    }


@pytest.fixture
def network(minion: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(_interfaces, "interfaces", lambda: KNOWN)
    return minion.load("network")


def test_addresses_and_networks(network: Any) -> None:
    assert network.ip_addrs() == ["10.0.0.5", "10.0.0.6", "10.9.0.1"]
    assert network.ip_addrs("eth*, lo", include_loopback=True) == ["10.0.0.5", "10.0.0.6", "127.0.0.1"]
    assert network.ip_addrs(cidr="10.9.0.0/16") == ["10.9.0.1"]
    assert network.ip_addrs6() == ["2001:db8::5", "fe80::5"]
    assert network.ip_addrs6(cidr="2000::/3") == ["2001:db8::5"]
    assert network.subnets() == ["10.0.0.0/24", "10.9.0.1/32"]
    assert network.subnets(["tun0", "nothing"]) == ["10.9.0.1/32"]
    assert network.subnets6() == ["2001:db8::/64", "fe80::/64"]
    assert network.ip_networks("eth0", verbose=True) == {
        "10.0.0.0/24": {"address": "10.0.0.0", "netmask": "255.255.255.0", "num_addresses": 256, "prefixlen": 24}
    }
    assert (network.in_subnet("10.9.0.0/24"), network.in_subnet("10.8.0.0/24")) == (True, False)
    assert network.in_subnet("fe80::/10") is True
    assert network.ifacestartswith("10.") == ["eth0:x", "tun0"]
    assert network.interface("eth0.7") == network.interface_ip("eth0.7") == network.hw_addr("tun0") == ""
    names = '"lo", "eth0", "eth0.7", "veth0", "tunl0", "ip6tnl0", "tun0"'
    assert network.hwaddr("x") == network.interface_ip("x") == f'Interface "x" not in available interfaces: {names}'


def test_a_kernel_that_does_not_answer_is_one_line(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any) -> Any:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refused)
    with pytest.raises(CommandError, match=r"doesn't tell the interfaces: .*not permitted"):
        minion.load("network").interfaces()
    tables = minion.load("network_tables")
    with pytest.raises(CommandError, match="doesn't tell the neighbours"):
        tables.ip_neighs()
    with pytest.raises(CommandError, match=r"get_route: 10\.0\.0\.1: Operation not permitted"):
        tables.get_route("10.0.0.1")


def test_an_answer_of_an_error_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rtnetlink, "GET_LINK", 12345)
    with pytest.raises(OSError, match="not supported"):
        _rtnetlink.links()


@given(st.binary(max_size=400), st.sampled_from([LINKS, ADDRESSES]), st.integers(0, 300))
def test_any_answer_of_the_kernel_is_parsed(junk: bytes, real: bytes, at: int) -> None:
    for data in (junk, real[:at] + junk + real[at:]):
        links = _rtnetlink.parse_links(data)
        told = _interfaces.described(links, _rtnetlink.parse_addresses(data))
        assert {link.name for link in links} <= told.keys()
        assert all(isinstance(entry["up"], bool) for entry in told.values())
        assert isinstance(_rtnetlink.parse_neighbours(data), list)


@pytest.fixture
def tables(minion: Any, tmp_path: Path) -> Any:
    net = tmp_path / "self/net"
    net.mkdir(parents=True)
    (net / "route").write_text(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "*\t00001FAC\t00000000\t0200\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        "odd\n"
    )
    (net / "ipv6_route").write_text(
        f"{'0' * 32} 00 {'0' * 32} 00 fd{'0' * 29}1 00000400 00000002 00000000 00450003     eth0\n"
        f"fe80{'0' * 28} 40 {'0' * 32} 00 {'0' * 32} 00000100 00000002 00000000 00000001     eth0\n"
        f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200       lo\n"
    )
    (net / "arp").write_text(
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0\n"
        "192.0.2.9        0x1         0x0         00:00:00:00:00:00     *        eth0\n"
    )
    (net / "tcp").write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 00000000:0016 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 18721 1 0 100 0\n"
        "   1: 0100007F:1F90 0200007F:D431 01 0000000A:00000010 00:00000000 00000000  1000        0 4711 1 0 20 4\n"
        "   2: 0100007F:1F90 0200007F:D432 77 00000000:00000000 00:00000000 00000000  1000        0 0 1 0 20 4\n"
    )
    (net / "tcp6").write_text(
        f"  sl  local_address rem_address st\n   0: {'0' * 32}:0016 {'0' * 32}:0000 0A 00000000:00000000 00:00000000 "
        "00000000     0        0 18722 1\n   1: 0000000000000000FFFF00000100007F:0016 "
        "0000000000000000FFFF00000200007F:8000 01 00000000:00000000 02:000A 00000000     0        0 18723 2\n"
    )
    (net / "udp").write_text(
        "   7: 0100007F:0143 0200007F:0144 01 00000000:00000000 00:00000000 00000000     5        0 18724 2 0 0\n"
    )
    for pid, inode, name in ((812, 18721, b"/usr/sbin/sshd\0-D"), (9, 18722, b"sshd: listener"), (813, 18721, b"x")):
        (tmp_path / f"{pid}/fd").mkdir(parents=True)
        (tmp_path / f"{pid}/fd/3").symlink_to(f"socket:[{inode}]")
        (tmp_path / f"{pid}/fd/4").symlink_to("/dev/null")
        (tmp_path / f"{pid}/cmdline").write_bytes(name)
    (tmp_path / "814").mkdir()
    minion.opts["proc_root"] = str(tmp_path)
    (tmp_path / "net").symlink_to("self/net")
    return minion.load("network_tables")


def test_sockets(tables: Any) -> None:
    rows = [list(row.values()) for row in tables.netstat()]
    assert rows == [
        ["tcp", "1", "0", "0.0.0.0:22", "0.0.0.0:*", "LISTEN", "0", "18721", "812/sshd"],
        ["tcp", "16", "10", "127.0.0.1:8080", "127.0.0.2:54321", "ESTABLISHED", "1000", "4711", "-"],
        ["tcp", "0", "0", "127.0.0.1:8080", "127.0.0.2:54322", "UNKNOWN", "1000", "0", "-"],
        ["tcp6", "0", "0", ":::22", ":::*", "LISTEN", "0", "18722", "9/sshd:"],
        ["tcp6", "0", "0", "127.0.0.1:22", "127.0.0.2:32768", "ESTABLISHED", "0", "18723", "-"],
        ["udp", "0", "0", "127.0.0.1:323", "127.0.0.2:324", "5", "18724", "-"],
    ]
    names = ["proto", "recv-q", "send-q", "local-address", "remote-address", "state", "user", "inode", "program"]
    assert list(tables.netstat()[0]) == names
    assert tables.active_tcp() == {
        0: {"local_addr": "127.0.0.1", "local_port": 8080, "remote_addr": "127.0.0.2", "remote_port": 54321},
        1: {"local_addr": "127.0.0.1", "local_port": 22, "remote_addr": "127.0.0.2", "remote_port": 32768},
    }


def test_routes(tables: Any) -> None:
    assert [list(route.values()) for route in tables.routes()] == [
        ["inet", "0.0.0.0", "192.0.2.1", "0.0.0.0", "UG", "eth0"],
        ["inet", "192.0.2.0", "0.0.0.0", "255.255.255.0", "U", "eth0"],
        ["inet", "172.31.0.0", "-", "255.255.0.0", "!", "-"],
        ["inet6", "::/0", "fd00::1", "", "UGDAe", "eth0"],
        ["inet6", "fe80::/64", "::", "", "U", "eth0"],
        ["inet6", "::/0", "::", "", "!n", "lo"],
    ]
    assert [route["gateway"] for route in tables.default_route()] == ["192.0.2.1", "fd00::1", "::"]
    assert [route["gateway"] for route in tables.default_route("inet")] == ["192.0.2.1"]
    assert tables.arp() == {"02:fc:00:00:00:05": "192.0.2.1", "<incomplete>": "192.0.2.9"}


def test_a_kernel_without_ipv6(tables: Any, minion: Any) -> None:
    Path(minion.opts["proc_root"], "self/net/ipv6_route").unlink()
    assert tables.routes("inet6") == []


@given(st.text())
def test_any_table_is_parsed(text: str) -> None:
    lines = len(text.splitlines())
    for parsed in (
        list(_net_tables.parse_sockets(text)),
        _net_tables.parse_routes(text),
        _net_tables.parse_routes6(text),
        _net_tables.parse_arp(text),
        parse_traceroute(text, text),
    ):
        assert len(parsed) <= lines


def test_the_way_to_an_address(minion: Any) -> None:
    tables = minion.load("network_tables")
    assert tables.get_route("127.0.0.5")["interface"] == "lo"
    with pytest.raises(CommandError, match="does not appear to be"):
        tables.get_route("127.0.0.5; reboot")


@pytest.fixture
def ran(minion: Any) -> list[list[str]]:
    """What was to be run."""
    argvs: list[list[str]] = []

    def run_all(argv: list[str], **kwargs: Any) -> dict[str, Any]:
        argvs.append(argv)
        return {"retcode": 0, "stdout": "out", "stderr": ""}

    minion.functions.update({"cmd.run_all": run_all, "cmd.run": lambda *args, **kw: run_all(*args)["stdout"]})
    return argvs


@pytest.mark.parametrize("host", ["-f", "--flood", "", "!!", "; -f", "-"])
def test_no_host_is_an_option(minion: Any, ran: list[list[str]], host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reach = minion.load("network_reach")
    monkeypatch.setattr(reach, "needed", lambda name: name)
    for function in (reach.ping, reach.dig, reach.traceroute):
        with pytest.raises(CommandError, match="is no name of a host"):
            function(host)
    assert ran == []


def test_what_is_run(minion: Any, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    reach = minion.load("network_reach")
    monkeypatch.setattr(reach, "needed", lambda name: name)
    assert reach.ping("db1; reboot") == "out"
    assert reach.ping("fe80::1%eth0", timeout=3, return_boolean=True) is True
    assert reach.dig("@8.8.8.8 x") == "out"
    assert ran == [
        ["ping", "-c", "4", "--", "db1reboot"],
        ["ping", "-W", "3", "-c", "4", "--", "fe80::1%eth0"],
        ["dig", "8.8.8.8x"],
    ]
    for timeout in ("x", -1, "1e9"):
        with pytest.raises(CommandError, match="a number of seconds"):
            reach.ping("db1", timeout=timeout)


def test_a_program_that_is_missing_is_said_as_salt_says_it(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("saltern_modules._needed.FOLDERS", ())
    minion.functions["cmd.run"] = lambda argv, **kwargs: ""
    for function in (minion.load("network_reach").dig, minion.load("network_reach").traceroute):
        with pytest.raises(CommandNotFoundError, match=r"The '\w+' binary was not found in \$PATH\."):
            function("x")


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_connecting(minion: Any, family: int, host: str) -> None:
    reach = minion.load("network_reach")
    with socket.socket(family, socket.SOCK_STREAM) as server:
        try:
            server.bind((host, 0))
        except OSError:
            pytest.skip(f"this host has no {host}")
        server.listen()
        port = server.getsockname()[1]
        assert reach.connect(host, port) == {
            "result": True,
            "comment": f"Successfully connected to {host} ({host}) on tcp port {port}",
        }
    assert reach.connect(host, port)["result"] is False


def test_datagrams_are_answered_or_not(minion: Any) -> None:
    reach = minion.load("network_reach")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert reach.connect("127.0.0.1", port, proto="udp", timeout=0.05)["result"] is False
        server.recvfrom(10)
        answerer = threading.Thread(target=lambda: server.sendto(b"x", server.recvfrom(10)[1]))
        answerer.start()
        assert reach.connect("127.0.0.1", port, proto="udp", timeout=5)["comment"].endswith(f"on udp port {port}")
        answerer.join()


def test_a_magic_packet(minion: Any) -> None:
    reach = minion.load("network_reach")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        assert reach.wol("08-00-27-13-69-77", "127.0.0.1", server.getsockname()[1]) is True
        assert server.recv(200) == b"\xff" * 6 + bytes.fromhex("080027136977") * 16
    for broadcast, port in (("no such host.", 9), ("127.0.0.1", "x"), ("127.0.0.1", 70000)):
        with pytest.raises(CommandError, match=r"network\.wol"):
            reach.wol("080027136977", broadcast, port)


MODERN = (
    "traceroute to x (10.0.0.9), 30 hops max, 60 byte packets\n"
    " 1  gateway (10.0.0.1)  0.1 ms  0.2 ms  0.3 ms\n 2  * * *\n 3  odd\nnoblank\n"
)
OLD = "traceroute to x\n 1  gw (10.0.0.1) (1) 0.1 ms2 0.2 ms 0.3 ms\n 2 * * *\n"


def test_ways_to_hosts() -> None:
    hop = {"count": 1, "hostname": "gateway", "ip": "10.0.0.1", "ms1": 0.1, "ms2": 0.2, "ms3": 0.3}
    unknown: dict[str, Any] = {"count": 2, "hostname": "*"}
    for version in ("Modern traceroute for Linux, version 2.1.2", "version 2.0.22", "version 3.1"):
        assert parse_traceroute(MODERN, version) == [hop, unknown, {}]
    old = parse_traceroute(OLD, "traceroute (GNU inetutils) 2.4")
    assert [row.get("hostname") for row in old] == ["gw", None]
    assert old[0]["ms1"] == "0.1"


def test_names_of_this_host(minion: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = minion.load("network_names")
    monkeypatch.setattr(names, "ETC", str(tmp_path))
    monkeypatch.setattr(names, "found", lambda name: name)
    minion.grains["os_family"] = "Debian"
    asked: list[list[str]] = []

    def run_all(argv: list[str], **kwargs: Any) -> dict[str, Any]:
        asked.append(argv[1:])
        return {"retcode": int("bad" in argv), "stdout": "   Static hostname: old.example\n         Icon name: x"}

    minion.functions["cmd.run_all"] = run_all
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.1.1\told.example old  # not old.example\n10.0.0.1 very-old.example\n\n")
    (tmp_path / "hostname").write_text("old.example\n")
    assert names.mod_hostname("new.example") is True
    assert asked == [["status"], ["set-hostname", "new.example"]]
    assert hosts.read_text() == "127.0.1.1\tnew.example old  # not old.example\n10.0.0.1 very-old.example\n\n"
    assert (tmp_path / "hostname").read_text() == "new.example\n"
    assert names.mod_hostname("bad") is False
    minion.grains["os_family"] = "RedHat"
    (tmp_path / "sysconfig").mkdir()
    (tmp_path / "sysconfig/network").write_text('NETWORKING=yes\nHOSTNAME="old"\n')
    assert names.mod_hostname("new") is True
    assert (tmp_path / "sysconfig/network").read_text() == 'NETWORKING=yes\nHOSTNAME="new"\n'
    for name in ("-x", "a b", "", "a\nb", "x" * 300):
        with pytest.raises(ArgumentError, match="no name of a host"):
            names.mod_hostname(name)


def test_a_host_without_hostnamectl(minion: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = minion.load("network_names")
    monkeypatch.setattr(names, "ETC", str(tmp_path))
    monkeypatch.setattr(names, "found", lambda name: None)
    set_to: list[str] = []
    monkeypatch.setattr(socket, "sethostname", set_to.append)
    assert names.mod_hostname("new") is True
    assert set_to == ["new"]
    assert list(tmp_path.iterdir()) == [], "no file is made that wasn't there"

    def refused(name: str) -> None:
        raise PermissionError

    monkeypatch.setattr(socket, "sethostname", refused)
    assert names.mod_hostname("new") is False


RINGS = (
    "Ring parameters for eth0:\nPre-set maximums:\nRX:\t\t4096\nRX Mini:\tn/a\nTX:\t\t4096\n"
    "Current hardware settings:\nRX:\t\t512\nRX Mini:\tn/a\nTX:\t\t256\n"
)


def test_buffers(minion: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = minion.load("network_names")
    monkeypatch.setattr(names, "ETHTOOL", str(tmp_path / "ethtool"))
    assert (names.get_bufsize("eth0"), names.mod_bufsize("eth0", rx=1)) == ({}, False)
    (tmp_path / "ethtool").touch()
    output = [RINGS]
    argvs: list[list[str]] = []
    minion.functions["cmd.run"] = lambda argv, **kwargs: (argvs.append(argv[1:]), output[0])[1]
    assert names.get_bufsize("eth0") == {"result": True, "rx-max": 4096, "tx-max": 4096, "rx": 512, "tx": 256}
    output[0] = "netlink error: Operation not supported"
    assert names.get_bufsize("lo") == {"result": False, "comment": output[0]}
    assert names.mod_bufsize("lo", rx=5, tx=None) == {"result": False, "comment": output[0]}
    output[0] = ""
    assert names.mod_bufsize("eth0", **{"rx": 5, "rx-mini": 6}) == {"result": True, "comment": "rx 5 rx-mini 6"}
    assert argvs[-1] == ["-G", "eth0", "rx", "5", "rx-mini", "6"]
    assert names.mod_bufsize("eth0", "x", rx=1)["comment"] == "Unknown arguments: x"
    assert names.mod_bufsize("eth0")["comment"].startswith("Requires rx=<val>")
    for call in (lambda: names.get_bufsize("--version"), lambda: names.mod_bufsize("eth0", rx="-x")):
        with pytest.raises(CommandError, match="is no"):
            call()
