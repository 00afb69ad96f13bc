"""The same bytes to a real carbon-cache and to ``saltern-graphite``: the same files and values, but for what is listed.

``docs/carbon-compatibility.md`` has the list in words, with reasons.
"""

from __future__ import annotations

import contextlib
import json
import math
import pickle
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import whisper

from saltern_graphite.rules.metric_name import canonical, relative_path
from support.carbon import CarbonCache
from support.ports import free_port
from support.stacks import wait_for

SERVE = [sys.executable, "-c", "import sys; from saltern_graphite.main import main; sys.exit(main())", "serve"]
ANY = "127.0.0.1:0"
T = "{t}"  # stands for a time within the retention
NOW = "now"

Tree = dict[str, tuple[float, ...]]

# A line, the file it makes, and its value.
SAME_LINES: list[tuple[str, str, float]] = [
    ("plain.line 1 {t}", "plain/line", 1),
    ("tab\t2\t{t}", "tab", 2),
    ("many.blanks    3    {t}", "many/blanks", 3),
    ("  lead.blanks 4 {t}", "lead/blanks", 4),
    ("trail.blanks 5 {t}  ", "trail/blanks", 5),
    ("crlf 6 {t}\r", "crlf", 6),
    ("nbsp\u00a07\u00a0{t}", "nbsp", 7),
    (".lead.dot 8 {t}", "lead/dot", 8),
    ("...lead.dots 9 {t}", "lead/dots", 9),
    ("unicode.größe 10 {t}", "unicode/größe", 10),
    ("exp 1e3 {t}", "exp", 1000),
    ("under 1_000 {t}", "under", 1000),
    ("neg -1.5 {t}", "neg", -1.5),
    ("plus +2 {t}", "plus", 2),
    ("frac.time 11 {t}.9", "frac/time", 11),
    ("now.one 12 -1", "now/one", 12),
    ("now.more 13 -1.9", "now/more", 13),
    ("glob.star* 14 {t}", "glob/star*", 14),
    ("pct%a:b-c_d 15 {t}", "pct%a:b-c_d", 15),
    ("tagged;b=2;a=1 16 {t}", "tagged;a=1;b=2", 16),
    ('openmetrics{b="2",a="1"} 17 {t}', "openmetrics;a=1;b=2", 17),
    ("twice;a=1;a=2 18 {t}", "twice;a=2", 18),
    ("named;name=x;a=1 19 {t}", "named;a=1", 19),
    ("~tilde;a=1 20 {t}", "tilde;a=1", 20),
    ("sorted;dc=1;dc.x=2 21 {t}", "sorted;dc.x=2;dc=1", 21),
    ("slash.in.tag;a=b/c 22 {t}", "slash.in.tag;a=b/c", 22),
    # As collectd's write_graphite, Telegraf and StatsD spell theirs.
    ("collectd.web1.cpu-0.cpu-user 23.000000 {t}\r", "collectd/web1/cpu-0/cpu-user", 23),
    ("telegraf.web1.mem.used_percent 24.25 {t}", "telegraf/web1/mem/used_percent", 24.25),
    ("stats.timers.api.upper_90 25 {t}", "stats/timers/api/upper_90", 25),
]

NEITHER_TAKES = [
    "hex 0x10 {t}", "comma 1,5 {t}", "two.fields 1", "four 1 {t} x", "nan nan {t}", "", "no.time 1 soon",
    "x" * 300 + " 1 {t}",
]  # fmt: skip

# A line, the file that Carbon makes of it and we don't, its value.
ONLY_CARBON: list[tuple[str, str, float]] = [
    ("infinite inf {t}", "infinite", math.inf),
    ("huge 1e999 {t}", "huge", math.inf),
    ("empty..part 1 {t}", "empty/part", 1),
    ("trail.dot. 2 {t}", "trail/dot/", 2),
    ("slash/x 3 {t}", "slash/x", 3),
    ("../../escape 4 {t}", "escape", 4),
    ("brace{x} 5 {t}", "brace{x}", 5),
    ("control\x01x 6 {t}", "control\x01x", 6),
    ("badtag;x 7 {t}", "badtag;x", 7),
    ("emptytag;a= 8 {t}", "emptytag;a=", 8),
    ("tildetag;a=~x 9 {t}", "tildetag;a=~x", 9),
]

# Lines that end a connection to Carbon, so that what follows is lost; here they are counted.
FATAL_TO_CARBON = [b"long " + b"9" * 17_000 + b" 1", b"utf8\xff 1 1", b"time.inf 1 inf", b"time.nan 1 nan"]


def path_of(name: str) -> str:
    """Return the file of a metric given as a path, or as a tagged name."""
    return relative_path(name) if ";" in name else name + ".wsp"


def tree_of(root: Path, since: int) -> Tree:
    """Return the values in each file below *root* since then, the server's own metrics left out."""
    found = {}
    for path in root.rglob("*.wsp"):
        name = str(path.relative_to(root))
        if not name.startswith("carbon/agents/"):
            with contextlib.suppress(whisper.WhisperException, OSError):  # being made
                _, values = whisper.fetch(str(path), since, int(time.time()) + 5)
                found[name] = tuple(value for value in values if value is not None)
    return {name: values for name, values in found.items() if values}


class Both:
    """Carbon and ours, side by side."""

    def __init__(self, root: Path) -> None:
        self.at = int(time.time()) - 100
        self._carbon = CarbonCache(root / "carbon")
        conf = root / "carbon" / "conf" / "carbon.conf"
        text, udp_port = conf.read_text(), free_port()
        conf.write_text(
            text + f"ENABLE_UDP_LISTENER = True\nUDP_RECEIVER_INTERFACE = 127.0.0.1\nUDP_RECEIVER_PORT = {udp_port}\n"
        )
        pickle_port = int(text.partition("PICKLE_RECEIVER_PORT = ")[2].split()[0])
        self._carbon_ports = {"line": self._carbon.port, "pickle": pickle_port, "udp": udp_port}
        self._ours = root / "ours"
        (self._ours / "conf").mkdir(parents=True)
        (self._ours / "conf" / "storage-schemas.conf").write_text("[all]\npattern = .*\nretentions = 1s:1h\n")
        self._trees = (root / "carbon" / "whisper", self._ours / "whisper")

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run both."""
        run_file = self._ours / "run" / "graphite.json"
        receivers = ["--line", ANY, "--udp", ANY, "--pickle", ANY, "--batch", "off", "--http", ANY]
        with open(self._ours / "console", "wb") as log:
            command = [*SERVE, "--root", str(self._ours), "--flush-interval", "1", *receivers]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        try:
            self._carbon.start()
            wait_for(run_file.exists, "saltern-graphite to listen")
            endpoints = json.loads(run_file.read_text())
            ours = {name: int(endpoints[name].rpartition(":")[2]) for name in self._carbon_ports}
            self.ports = (self._carbon_ports, ours)
            yield
        finally:
            process.terminate()
            process.wait(40)
            self._carbon.stop()

    def stream(self, kind: str, data: bytes) -> None:
        """Send *data* to both on a connection of its own, and wait until each has read all it will read."""
        for ports in self.ports:
            with socket.create_connection(("127.0.0.1", ports[kind]), timeout=20) as sock, contextlib.suppress(OSError):
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                sock.recv(1)

    def datagram(self, data: bytes) -> None:
        """Send a datagram to both."""
        for ports in self.ports:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(data, ("127.0.0.1", ports["udp"]))

    def expect(self, carbon: Tree, ours: Tree) -> None:
        """Wait until both have these files and values; then they have no other."""
        for tree, wanted in zip(self._trees, (carbon, ours), strict=True):
            wait_for(
                lambda tree=tree, wanted=wanted: wanted.keys() <= tree_of(tree, self.at - 5).keys(),
                f"all of {tree}",
                40,
            )  # type: ignore[misc]
        assert tree_of(self._trees[0], self.at - 5) == carbon
        assert tree_of(self._trees[1], self.at - 5) == ours


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    pair = Both(tmp_path)
    with pair.running():
        yield pair


@pytest.mark.timeout(120)
def test_lines(both: Both) -> None:
    t = str(both.at)
    same: Tree = {}
    for number, (line, path, value) in enumerate(SAME_LINES + ONLY_CARBON):
        both.stream("line", f"{line}\nafter.x{number} 1 {T}\n".replace(T, t).encode())
        same[f"after/x{number}.wsp"] = (1.0,)
        if number < len(SAME_LINES):
            same[path_of(path)] = (float(value),)
    both.stream("line", "\n".join([*NEITHER_TAKES, "after.neither 1 {t}\n"]).replace(T, t).encode())
    same["after/neither.wsp"] = (1.0,)
    ours: Tree = {}
    for number, bad in enumerate(FATAL_TO_CARBON):
        both.stream("line", bad + f"\nafter.fatal{number} 1 {t}\n".encode())
        ours[f"after/fatal{number}.wsp"] = (1.0,)
    both.stream("line", f"now.n 5 N\nempty.tags{{}} 6 {t}\nunterminated 7 {t}".encode())
    ours |= {"now/n.wsp": (5.0,), "empty/tags.wsp": (6.0,), "unterminated.wsp": (7.0,)}
    carbon = {path_of(path): (float(value),) for _, path, value in ONLY_CARBON}
    carbon["empty/tags{}.wsp"] = (6.0,)
    both.expect({**same, **carbon}, {**same, **ours})
    assert all(canonical(line.split()[0]) for line, _, _ in SAME_LINES)


@pytest.mark.timeout(120)
def test_pickles(both: Both) -> None:
    t = both.at

    def send(*bodies: bytes) -> None:
        both.stream("pickle", b"".join(struct.pack(">I", len(body)) + body for body in bodies))

    same: Tree = {}
    for protocol in range(5):  # Debian's Python knows 5 as well, older Carbons' don't
        items: list[Any] = [
            ("p.plain", (t, 1)), ("p.text", (str(t), "1.5")), ("p.short", (t,)), "xx", ("p.list", [t, 2]),
            ["p.lists", [t, 3]], ("p.none", (t, None)), ("p.now", (-1, 5)), ("p.nan", (t, math.nan)),
            ("p.bool", (t, True)), ("p.again", (t, 6)),
        ]  # fmt: skip
        spelled = [(f"{item[0]}{protocol}", *item[1:]) if isinstance(item, tuple) else item for item in items]
        spelled[5] = [f"p.lists{protocol}", [t, 3]]
        send(pickle.dumps(spelled, protocol))
        values = {"plain": 1, "text": 1.5, "list": 2, "lists": 3, "now": 5, "bool": 1, "again": 6}
        same |= {f"p/{name}{protocol}.wsp": (float(value),) for name, value in values.items()}
    refused = [b"garbage", b"cos\nsystem\n(S'true'\ntR.", pickle.dumps([("p.object", (t, Path))], 2), b""]
    refused.append(pickle.dumps([(b"p.old.bytes", (t, 1))], 2))
    send(*refused, pickle.dumps([("after.refused", (t, 1))], 2))
    same["after/refused.wsp"] = (1.0,)
    send(pickle.dumps([("p.inf", (t, math.inf)), ("p.bl ank", (t, 2)), ("after.odd", (t, 3))], 2))
    same["after/odd.wsp"] = (3.0,)
    ours: Tree = {}
    fatal = [[(5, (t, 1))], 5, [("p.when", (math.inf, 1))], [(b"p.bytes", (t, 1))]]
    for number, thing in enumerate(fatal):
        send(pickle.dumps(thing, 4), pickle.dumps([(f"after.fatal{number}", (t, 1))], 2))
        ours[f"after/fatal{number}.wsp"] = (1.0,)
    ours["p/bytes.wsp"] = (1.0,)
    both.stream("pickle", struct.pack(">I", 2**20 + 1) + b"x" * 50 + struct.pack(">I", 0))  # too long for both
    both.expect({**same, "p/inf.wsp": (math.inf,), "p/bl ank.wsp": (2.0,)}, {**same, **ours})


@pytest.mark.timeout(120)
def test_datagrams(both: Both) -> None:
    t = str(both.at)
    for data in ("u.a 1 {t}\nu.b 2 {t}", "u.c 3 {t}\ru.d 4 {t}", "bad\nu.e 5 {t}\n", "u.f 6 {t}\n\n\nu.g 7 {t}\r\n"):
        both.datagram(data.replace(T, t).encode())
    both.datagram(b"\xff\nu.h 8 " + t.encode())
    both.datagram(b"u.end 9 " + t.encode())
    same: Tree = {f"u/{name}.wsp": (float(value),) for value, name in enumerate("abcdefg", start=1)} | {
        "u/end.wsp": (9.0,)
    }
    both.expect(same, {**same, "u/h.wsp": (8.0,)})
