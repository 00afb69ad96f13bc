"""The module ``network``: what is computed, what every host's loopback has, and the shape of the rest."""

from __future__ import annotations

from scenario import Scenario, kw

SCENARIOS = {
    "computing": Scenario(
        calls=(
            ("network.calc_net", "172.17.0.5", "255.255.255.240"),
            ("network.calc_net", "172.17.0.5/28"),
            ("network.calc_net", "172.17.0.5"),
            ("network.calc_net", "172.17.0.5", 24),
            ("network.calc_net", "2a00:1450::5", "64"),
            ("network.calc_net", kw(ip_addr="2a00:1450:4007:810::200e/29")),
            ("network.convert_cidr", "172.31.0.0/16"),
            ("network.convert_cidr", "172.31.5.7/255.255.0.0"),
            ("network.convert_cidr", "10.0.0.1"),
            ("network.convert_cidr", "2001:db8::7/32"),
            ("network.is_private", "10.0.0.3"),
            ("network.is_private", "8.8.8.8"),
            ("network.is_private", "fc00::1"),
            ("network.is_private", "100.64.0.1"),
            ("network.is_private", "169.254.1.1"),
            ("network.is_loopback", "127.8.9.1"),
            ("network.is_loopback", "::1"),
            ("network.is_loopback", "10.0.0.1"),
            ("network.reverse_ip", "172.17.0.4"),
            ("network.reverse_ip", "2001:db8::7"),
            ("network.iphexval", "10.0.0.1"),
            ("network.iphexval", "255.255.1.16"),
            ("network.iphexval", "300.1"),
            ("network.ip_in_subnet", "172.17.0.4", "172.16.0.0/12"),
            ("network.ip_in_subnet", "172.17.0.4", "10.0.0.0/8"),
            ("network.ip_in_subnet", "172.17.0.4", "172.17.0.4/12"),
            ("network.ip_in_subnet", "172.17.0.4", "nonsense"),
            ("network.ip_in_subnet", "::1", "172.16.0.0/12"),
            ("network.ip_in_subnet", ["1.1.1.1", "10.0.0.1"], "10.0.0.0/8"),
            ("network.ip_in_subnet", "fe80::5", "fe80::/64"),
            ("network.in_subnet", "nonsense"),
            ("network.in_subnet", "203.0.113.0/32"),
        ),
    ),
    "wrong": Scenario(
        calls=(
            ("network.calc_net", "nonsense"),
            ("network.calc_net", "1.2.3.4", "5.6.7.8"),
            ("network.convert_cidr", "10.0.0.0/99"),
            ("network.is_private", "nonsense"),
            ("network.is_loopback", ""),
            ("network.reverse_ip", "10.0.0"),
            ("network.iphexval", "a.b"),
            ("network.ip_in_subnet", "nonsense", "10.0.0.0/8"),
            ("network.wol", "08:00:27"),
            ("network.wol", "zz:00:27:13:69:77"),
            ("network.calc_net",),
            ("network.routes", "inet7"),
            ("network.default_route", "ipx"),
        ),
    ),
    "loopback": Scenario(
        calls=(
            ("network.interfaces",),
            ("network.interface", "lo"),
            ("network.interface_ip", "lo"),
            ("network.hw_addr", "lo"),
            ("network.hwaddr", "lo"),
            ("network.ip_addrs", "lo", True),
            ("network.ip_addrs", "lo"),
            ("network.ipaddrs", kw(interface="lo", include_loopback=True, cidr="127.0.0.0/8")),
            ("network.ipaddrs", kw(interface="lo", include_loopback=True, cidr="10.0.0.0/8")),
            ("network.ip_addrs", kw(interface=["l?"], include_loopback=True, type="private")),
            ("network.ip_addrs", kw(interface="x,lo", include_loopback=True, type="public")),
            ("network.ip_addrs", kw(interface="lo", include_loopback=True, type="other")),
            ("network.ip_addrs6", "no-such-one"),
            ("network.ipaddrs6", "no-such-one", True, "::/0"),
            ("network.ip_networks", "lo"),
            ("network.ip_networks", "lo", True),
            ("network.ip_networks", "lo", True, True),
            ("network.ip_networks6", "no-such-one", True, True),
            ("network.subnets", "lo"),
            ("network.subnets", ["lo"]),
            ("network.subnets", "no-such-one"),
            ("network.ifacestartswith", "127.0.0"),
            ("network.ifacestartswith", 127),
            ("network.ifacestartswith", "no"),
            ("network.in_subnet", "127.0.0.0/8"),
            ("network.interface", "no-such-one"),
            ("network.interface_ip", "no-such-one"),
            ("network.hw_addr", "no-such-one"),
        ),
    ),
    "reaching": Scenario(
        calls=(
            ("network.connect", ""),
            ("network.connect", None, 22),
            ("network.connect", "127.0.0.1"),
            ("network.connect", "127.0.0.1", 0),
            ("network.connect", "127.0.0.1", 1),
            ("network.connect", "127.0.0.1", "1"),
            ("network.connect", "127.0.0.1", 1, kw(proto="udp", timeout=1)),
            ("network.connect", "127.0.0.1", 1, kw(proto="sctp", family="ipv4")),
            ("network.connect", "127.0.0.1", 1, kw(family="ipv6")),
            ("network.connect", "no such host!", 1, kw(family="ipv4")),
            ("network.connect", "127.0.0.1", "no-such-service"),
            ("network.wol", "08:00:27:13:69:77", "127.0.0.1"),
            ("network.wol", "080027136977", kw(bcast="127.255.255.255", destport="7")),
            ("network.wol", "08-00-27-13-69-77", "127.0.0.1", 40000),
            ("network.mod_hostname", None),
            ("network.get_route", "127.0.0.1"),
        ),
    ),
    "shapes": Scenario(
        calls=(
            ("network.routes",),
            ("network.routes", "inet"),
            ("network.default_route", "inet"),
            ("network.netstat",),
            ("network.active_tcp",),
            ("network.get_hostname",),
            ("network.get_fqdn",),
        ),
    ),
}

NO_TRACEBACK = "one line in place of a traceback: CommandError with the same text"
DIFFERENT: dict[str, str] = {
    'network.calc_net "nonsense"': NO_TRACEBACK,
    'network.calc_net "1.2.3.4" "5.6.7.8"': NO_TRACEBACK,
    'network.convert_cidr "10.0.0.0/99"': NO_TRACEBACK,
    'network.is_private "nonsense"': NO_TRACEBACK,
    'network.is_loopback ""': NO_TRACEBACK,
    'network.reverse_ip "10.0.0"': NO_TRACEBACK,
    'network.iphexval "a.b"': NO_TRACEBACK,
    'network.ip_in_subnet "nonsense" "10.0.0.0/8"': NO_TRACEBACK,
    'network.wol "08:00:27"': NO_TRACEBACK,
    'network.wol "zz:00:27:13:69:77"': NO_TRACEBACK,
}


def kept(fun, value):
    """Keep of the host what all have."""
    if fun == "network.interfaces":
        lo = value["lo"]
        return {
            "up": lo["up"],
            "hwaddr": lo["hwaddr"],
            "inet": lo["inet"][:1],
            "names": {type(n).__name__ for n in value},
        }
    if isinstance(value, str) and "not in available" in value:
        return value.partition('available interfaces: "lo"')[:2]
    if fun in ("network.routes", "network.default_route"):
        return sorted({(route["addr_family"], *route) for route in value if route["addr_family"] == "inet"})
    if fun == "network.netstat":
        return type(value).__name__
    if fun in ("network.active_tcp", "network.get_hostname", "network.get_fqdn"):
        return type(value).__name__
    return value
