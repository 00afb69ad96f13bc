"""The module ``hosts``: files of host names in the scenario's folder."""

from __future__ import annotations

from scenario import Scenario, kw

OPTS = {"hosts.file": "{dir}/hosts"}
PLAIN = "127.0.0.1\t\tlocalhost\n10.0.0.7\t\tweb1 www\n::1\t\tip6-localhost ip6-loopback\n"
ODD = (
    "# the first comment\n"
    "127.0.0.1   localhost  # ourselves\n"
    "10.0.0.7\tweb1 www\n"
    "   # a comment further in\n"
    "10.0.0.7 web1.example # the web, once more\n"
    "fe80::1%eth0 router\n"
    "10.0.0.8 ünïcode\n"
    "10.0.0.9\n"
)

SCENARIOS = {
    "reading": Scenario(
        files={"hosts": ODD},
        opts=OPTS,
        calls=(
            ("hosts.list_hosts",),
            ("hosts.get_ip", "localhost"),
            ("hosts.get_ip", "www"),
            ("hosts.get_ip", "web1.example"),
            ("hosts.get_ip", "nobody"),
            ("hosts.get_ip", ""),
            ("hosts.get_alias", "10.0.0.7"),
            ("hosts.get_alias", "10.0.0.9"),
            ("hosts.get_alias", "fe80::1%eth0"),
            ("hosts.get_alias", "1.2.3.4"),
            ("hosts.has_pair", "10.0.0.7", "web1"),
            ("hosts.has_pair", "10.0.0.7", ["web1", "www"]),
            ("hosts.has_pair", "10.0.0.7", ["web1", "nobody"]),
            ("hosts.has_pair", "10.0.0.7", "we"),
            ("hosts.has_pair", "1.2.3.4", "web1"),
            ("hosts.has_pair", kw(ip="10.0.0.8", alias="ünïcode")),
        ),
    ),
    "nothing": Scenario(
        opts=OPTS,
        calls=(
            ("hosts.list_hosts",),
            ("hosts.get_ip", "localhost"),
            ("hosts.get_alias", "127.0.0.1"),
            ("hosts.has_pair", "127.0.0.1", "localhost"),
        ),
    ),
    "made": Scenario(
        opts=OPTS,
        calls=(("hosts.add_host", "10.0.0.1", "one"), ("hosts.list_hosts",), ("hosts.rm_host", "1.2.3.4", "x")),
    ),
    "set_made": Scenario(opts=OPTS, calls=(("hosts.set_host", "10.0.0.1", "one"), ("hosts.list_hosts",))),
    "add": Scenario(
        files={"hosts": PLAIN},
        opts=OPTS,
        calls=(
            ("hosts.add_host", "10.0.0.7", "web2"),
            ("hosts.add_host", "10.0.0.7", "web2"),
            ("hosts.add_host", "10.0.0.9", "db1"),
            ("hosts.add_host", "fd00::7", "web6"),
            ("hosts.list_hosts",),
        ),
    ),
    "set": Scenario(
        files={"hosts": ODD},
        opts=OPTS,
        calls=(
            ("hosts.set_host", "10.0.0.7", "one"),
            ("hosts.set_host", "10.0.0.11", "two three"),
            ("hosts.set_host", "10.0.0.12", "four", "why"),
            ("hosts.set_host", "10.0.0.8", "five", kw(comment="because")),
            ("hosts.set_host", "10.0.0.9", ""),
            ("hosts.set_host", "10.0.0.13", ""),
            ("hosts.list_hosts",),
        ),
    ),
    "set_without_end": Scenario(
        files={"hosts": "127.0.0.1 localhost"},
        opts=OPTS,
        calls=(("hosts.set_host", "10.0.0.7", "one"), ("hosts.set_host", "10.0.0.7", "two")),
    ),
    "remove": Scenario(
        files={"hosts": ODD},
        opts=OPTS,
        calls=(
            ("hosts.rm_host", "10.0.0.7", "www"),
            ("hosts.rm_host", "10.0.0.7", "web1.example"),
            ("hosts.rm_host", "127.0.0.1", "nobody"),
            ("hosts.rm_host", "10.0.0.8", "ünïcode"),
            ("hosts.rm_host", "1.2.3.4", "nobody"),
            ("hosts.list_hosts",),
        ),
    ),
    "comments": Scenario(
        files={"hosts": PLAIN},
        opts=OPTS,
        calls=(
            ("hosts.set_comment", "10.0.0.7", "the web"),
            ("hosts.set_comment", "10.0.0.7", "the web"),
            ("hosts.set_comment", "10.0.0.7", "another"),
            ("hosts.set_comment", "1.2.3.4", "nobody"),
            ("hosts.list_hosts",),
        ),
    ),
    "folder": Scenario(
        files={"hosts/": ""},
        opts=OPTS,
        calls=(
            ("hosts.add_host", "10.0.0.7", "web1"),
            ("hosts.set_host", "10.0.0.7", "web1"),
            ("hosts.set_comment", "10.0.0.7", "web1"),
        ),
    ),
    "arguments": Scenario(
        files={"hosts": PLAIN},
        opts=OPTS,
        calls=(("hosts.set_host", "10.0.0.7"), ("hosts.add_host",), ("hosts.get_ip", 127), ("hosts.get_alias", None)),
        tree=False,
    ),
}

DIFFERENT: dict[str, str] = {}
