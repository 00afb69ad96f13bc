"""What ``dnsutil``'s functions come to where there is no ``dig``."""

from __future__ import annotations

from scenario import Scenario, kw

HOSTS = "# comment\n127.0.0.1 localhost\n10.0.0.1 a b c\n10.0.0.1 d\n\n10.0.0.2  e\n"
ZONE = """$ORIGIN example.com.
$TTL 3600
example.com. IN SOA ns.example.com. root.example.com. (
    2012081701 ; serial
    1H
    2D
    1W
    300 )
example.com. 86400 NS ns1.example.com.
www 300 IN A 10.0.0.1
six 300 IN AAAA fe80::1
"""

SCENARIOS = {
    "files": Scenario(
        files={"hosts": HOSTS, "hosts2": HOSTS, "zone": ZONE},
        calls=(
            ("dnsutil.parse_hosts", "{dir}/hosts"),
            ("dnsutil.parse_hosts", kw(hosts="10.0.0.9 x y\n")),
            ("dnsutil.parse_hosts", "{dir}/missing"),
            ("dnsutil.hosts_append", "{dir}/hosts", "10.0.0.3", "x.example,y.example"),
            ("dnsutil.hosts_append", "{dir}/hosts", "10.0.0.2", "e"),
            ("dnsutil.hosts_append", "{dir}/hosts", "10.0.0.2", "e,f"),
            ("dnsutil.hosts_remove", "{dir}/hosts2", "a,c"),
            ("dnsutil.hosts_remove", "{dir}/hosts2", "e"),
            ("dnsutil.parse_zone", "{dir}/zone"),
            ("dnsutil.parse_zone", kw(zone="$ORIGIN a.\n")),
            ("dnsutil.parse_zone", "{dir}/missing"),
            ("dnsutil.A", "127.0.0.1"),
            ("dnsutil.A", "name.invalid"),
            ("dnsutil.AAAA", "::1"),
            ("dnsutil.A", "localhost", "127.0.0.1"),
            ("dnsutil.NS", "example.com"),
            ("dnsutil.MX", "example.com"),
            ("dnsutil.SPF", "example.com"),
        ),
    ),
}

DIFFERENT: dict[str, str] = {}
