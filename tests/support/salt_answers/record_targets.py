"""Record whom the real Salt means by some thousand targets, into ``targets.json`` beside this file.

Run by hand, with the Python of a virtual environment that has Salt 3008::

    SALT-VENV/bin/python tests/support/salt_answers/record_targets.py

Each expression goes the way of ``salt '…'``: the client puts nodegroups in, the master looks through its cache of
grains and pillar (``CkMinions``), and each minion asks its own matchers. The first fleet is written here, the rest are
drawn with a fixed seed. A row is ``[kind, target, delimiter, master, minions, missing]``: whom the master expects and
who matches himself, as numbers with a bit for each id in the order of ``ids``; ``minions`` is left out (-1) when it is
the same; -2 for both is what the client refuses.
"""

# ruff: noqa: E501

import itertools
import json
import logging
import random
import sys
import tempfile
import types
from pathlib import Path

import salt.cache  # type: ignore[import-not-found]  # Salt's own environment
import salt.client
import salt.config
import salt.loader
import salt.utils.minions

HERE = Path(__file__).parent
IDS = ["db01", "db02", "web01", "web02", "web03.example.com", "Web04", "cache-1", "x86_64"]
GRAINS = {
    "db01": {
        "os": "Debian",
        "id": "db01",
        "roles": ["db", "backup"],
        "num_cpus": 4,
        "osrelease": "12",
        "load": 1.50,
        "site": {"town": "ulm", "rack": {"row": 7, "name": "R7"}},
        "virtual": True,
        "note": "a:b:c",
        "empty": "",
        "none": None,
        "nothing": {},
        "nobody": [],
        "ipv4": ["127.0.0.1", "192.0.2.9"],
        "ipv6": ["::1", "2001:db8::1"],
        "disks": [{"name": "sda", "size": 10}, {"name": "sdb", "parts": [1, 2]}],
        "path": "/srv/db",
        "mix": ["a", 1, None],
    },
    "db02": {
        "os": "Ubuntu",
        "id": "db02",
        "roles": ["db"],
        "num_cpus": 8,
        "osrelease": "22.04",
        "load": 15.0,
        "site": {"town": "bonn", "rack": {"row": 8, "name": "R8"}},
        "virtual": False,
        "note": "a:b",
        "x:y": "z",
        "ipv4": ["127.0.0.1", "192.0.2.10", "10.1.2.3"],
        "ipv6": ["::1"],
        "empty": "x",
        "none": "none",
        "disks": [{"name": "sda"}],
        "nested": {"a": {"b": {"c": "d"}}},
        "mix": [["a"], {"b": "c"}],
    },
    "web01": {
        "os": "Debian",
        "id": "web01",
        "roles": ["web", "Edge"],
        "num_cpus": 2,
        "osrelease": "11",
        "site": "ulm",
        "virtual": "physical",
        "ipv4": ["10.1.2.4"],
        "ipv6": [],
        "ports": {"80": "http", "443": "https"},
        "1": "one",
        "*": "star",
        "nested": {"a": {"b": ["c", "d"], "*": "s"}},
        "weird": "a*b",
        "note": "b:c",
    },
    "web02": {
        "os": "debian",
        "id": "web02",
        "roles": "web",
        "num_cpus": "2",
        "osrelease": 12,
        "site": {"town": "Ulm", "a": {"b": "c"}},
        "ipv4": "10.1.2.5",
        "nested": {"a": "b:c", "town": {"ulm": 1}},
        "virtual": None,
        "unicode": "Straße",
        "dot": "a.b",
    },
    "web03.example.com": {
        "os": "RedHat",
        "id": "web03.example.com",
        "roles": [],
        "num_cpus": 2,
        "list": [[1, 2], [3]],
        "site": {"town": ["ulm", "bonn"]},
        "nested": [{"a": 1}, {"b": {"c": "d"}}, "x"],
        "ipv4": ["172.16.0.1"],
    },
    "Web04": {
        "os": "CentOS",
        "id": "Web04",
        "roles": ["WEB"],
        "site": {"town": {"ulm": {"row": 1}}},
        "deep": {"a": {"b": {"c": {"d": "e"}}}},
    },
    "cache-1": {
        "os": "Debian GNU/Linux",
        "roles": ["cache", "db:1"],
        "tags": {"env": "prod", "tier:1": "x"},
        "load": 1.5,
    },
    "x86_64": {"cpuarch": "x86_64", "os": "*", "ipv4": ["192.0.2.200"], "ipv6": ["fe80::1", "2001:db8:1::2"]},
}
PILLAR = {
    "db01": {
        "role": "db",
        "users": {"fred": {"uid": 1000}, "ann": {"uid": 1001}},
        "ports": {80: "http", 443: "https"},
        "on": True,
    },
    "db02": {"role": "db", "users": [{"fred": 1}, {"ann": 2}], "ports": [80, 443], "on": False, "secret": "a:b"},
    "web01": {"role": "web", "apps": ["shop", "blog"], "env": {"stage": "prod"}, "n": 1.0},
    "web02": {"role": "Web*", "apps": {"shop": None, "blog": {"port": 8080}}, "env": {"stage": "test"}, "n": 10},
    "web03.example.com": {"role": ["web", "edge"], "env": "prod"},
    "Web04": {},
    "cache-1": {"role": "cache", "env": {"stage": {"prod": "yes"}}, "1": {"2": "3"}},
}
NODEGROUPS = {
    "db": "db*", "ids": "L@db01,web01", "names": ["db01", "web01", "gone"], "words": "db01 web02", "one": "web01",
    "regex": "web0[12]", "regexes": ["db0[1]", "web.*x?"], "deb": "G@os:Debian", "both": "N@db or N@deb",
    "wrapped": "not N@either", "either": "db01 or web01", "star": ["db*", "web*"], "opers": ["db*", "or", "web01"],
    "loop": "web01 or N@loop", "loops": ["web01", "N@loops"], "a": "N@b and web*", "b": "db01 or N@ids", "none": "",
    "unknown": "web01 or N@nowhere", "unknowns": ["db01", "N@nowhere"], "pillar": "I@role:db", "net": "S@192.0.2.0/24",
    "typed": ["G@os:Debian", "and", "not", "L@web01"], "deeper": "N@both and not N@typed", "bad": "db* web*",
    "lonely": "N@names", "compound": "( db* or web* ) and not G@os:Ubuntu", "hyphen-x": "web01 or db01",
}  # fmt: skip

LOOSE = ("either", "opers", "typed", "compound", "hyphen-x", "b", "words", "bad", "star", "loop", "unknown", "loops")
"""Not put in parentheses by Salt where they are no part of another, so other words can bind to half of them."""


def make_master(root: Path) -> dict:
    opts = salt.config.master_config(None)
    opts.update(
        root_dir=str(root), cachedir=str(root / "cache"), pki_dir=str(root / "pki"), sock_dir=str(root / "run"),
        extension_modules=str(root / "ext"), nodegroups=NODEGROUPS, conf_file="/etc/salt/master", user="root",
        resource_registry_dir=str(root / "reg"),
    )  # fmt: skip
    for folder in ("minions", "minions_pre", "minions_rejected", "minions_denied"):
        (root / "pki" / folder).mkdir(parents=True)
    cache = salt.cache.factory(opts)
    for minion in IDS:
        (root / "pki/minions" / minion).write_text(f"key of {minion}")
        if minion in GRAINS:
            cache.store("grains", minion, GRAINS[minion])
            cache.store("pillar", minion, PILLAR.get(minion, {}))
    return opts


def bits(minions) -> int:
    return sum(1 << number for number, minion in enumerate(IDS) if minion in minions)


class Recorder:
    def __init__(self, opts: dict) -> None:
        self._opts = opts
        self._check = salt.utils.minions.CkMinions(opts)
        fake = types.SimpleNamespace(opts={**opts, "order_masters": False}, key="", salt_user="root")
        fake._resolve_nodegroup = types.MethodType(salt.client.LocalClient._resolve_nodegroup, fake)
        self._fake = fake
        self._minions = {}
        for minion in IDS:
            own = salt.config.minion_config(None)
            own.update(
                id=minion, grains=GRAINS.get(minion, {}), pillar=PILLAR.get(minion, {}), cachedir=opts["cachedir"],
                extension_modules=opts["extension_modules"], root_dir=opts["root_dir"],
            )  # fmt: skip
            self._minions[minion] = (own, salt.loader.matchers(own))

    def answer(self, kind: str, target, delimiter: str) -> list:
        try:
            load = salt.client.LocalClient._prep_pub(self._fake, target, "test.ping", [], kind, "", "", 5)
        except Exception:
            return [-2, -2, []]
        tgt, tgt_type = load["tgt"], load["tgt_type"]
        found = self._check.check_minions(tgt, tgt_type, delimiter=delimiter)
        master = bits(found["minions"])
        minions = bits([m for m in IDS if self._matches(m, tgt, tgt_type, delimiter)])
        return [master, -1 if minions == master else minions, found["missing"]]

    def _matches(self, minion: str, tgt, tgt_type: str, delimiter: str) -> bool:
        own, matchers = self._minions[minion]
        match = matchers.get(f"{tgt_type}_match.match")
        if match is None:
            return False
        more = (
            {"delimiter": delimiter}
            if tgt_type in ("grain", "grain_pcre", "pillar", "pillar_pcre", "pillar_exact")
            else {}
        )
        try:
            return bool(match(tgt, opts=own, minion_id=minion, **more))
        except Exception:
            return False


def paths(data, limit: int = 4):
    """Yield keys and values as expressions name them."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield [str(key)]
        if isinstance(value, (dict, list)) and limit:
            for more in paths(value, limit - 1):
                yield [str(key), *more]
                if isinstance(value, list):
                    yield [str(key), *more[1:]] if more[1:] else [str(key), str(value[int(more[0])])[:20]]
        else:
            yield [str(key), str(value)]


def expressions(rng: random.Random, known: dict, delimiter: str, regex: bool):
    pool = sorted({tuple(p) for d in known.values() for p in paths(d)})
    pool = [p for p in pool if len(p) > 1]
    while True:
        parts = list(rng.choice(pool))
        for _ in range(rng.choice([0, 0, 1, 1, 2])):
            at = rng.randrange(len(parts))
            how = rng.randrange(9)
            if how == 0:
                parts[at] = "*"
            elif how == 1 and parts[at]:
                parts[at] = parts[at][:-1] + rng.choice("*?.")
            elif how == 2:
                parts[at] = parts[at].swapcase()
            elif how == 3:
                parts = parts[: at + 1] or parts
            elif how == 4:
                parts.insert(at, rng.choice(["*", "0", "1", "-1", "a", ""]))
            elif how == 5 and parts[at]:
                parts[at] = "[" + parts[at][0] + "x]" + parts[at][1:]
            elif how == 6:
                parts.append(rng.choice(["*", "", "1", "a", "ulm"]))
            elif how == 7 and regex:
                parts[at] = rng.choice(
                    [
                        ".*",
                        r"\d+",
                        r"\D+",
                        "(" + parts[at] + "|q)",
                        parts[at] + "$",
                        "(",
                        "[a-z]*",
                        r"\w",
                        "a|b",
                        "(?i)x",
                        "(?P<n>.)",
                    ]
                )
            elif how == 8:
                parts[at] = rng.choice(list(pool[rng.randrange(len(pool))]))
        yield delimiter.join(parts)


GLOBS = [
    "*",
    "db*",
    "web0?",
    "web0[12]",
    "web0[!1]*",
    "Web*",
    "WEB01",
    "db01",
    "",
    "nosuch",
    "*.example.com",
    "web??",
    "x86*",
    "*-1",
    "[dw]*1",
    "{db01,web01}",
    "db01,web01",
    "no*",
    "cache-[0-9]",
    "[",
    "db0]",
    "web01 ",
    "*0*",
    "***",
    "?",
]
PCRES = [
    "db",
    "web0[12]$",
    ".*1",
    "b",
    "(?i)WEB",
    "web03\\.",
    "(",
    "[",
    "db01|web01",
    "^web",
    "\\w+-\\d",
    "",
    "x86_64$",
    ".",
    "(?:db|web)0\\d",
    "web\\d{2}$",
    "$",
    "a*",
    "*",
    "\\D+$",
    "(?P<a>d)b",
    "db(?!02)",
]
LISTS = [
    "db01",
    "db01,web01",
    "db01, web01",
    " db01",
    "db01,,web01",
    "nosuch",
    "db01,nosuch",
    "DB01",
    "db*",
    "",
    ",",
    "db01 web01",
    "nosuch,gone",
    "web03.example.com,cache-1",
]
NETS = ["192.0.2.9", "192.0.2.0/24", "192.0.2.9/24", "192.0.2.0/255.255.255.0", "2001:db8::1", "2001:0db8::1", "2001:db8::/32", "::/0", "0.0.0.0/0", "10.1.0.0/16", "10.1.2.5", "127.0.0.1", "junk", "", "10.1.2", "192.0.2.0/33", "::1", "fe80::1", "fe80::/10", "10.0.0.0/8", "192.0.2.128/25", "172.16.0.1/32", "192.0.2.9/32", "1", "192.0.2.*", "2001:db8:1::/48"]  # fmt: skip
COMPOUNDS = [
    "db* or web01", "db* and not db01", "not db*", "not not db01", "not ( db* or web* )", "db* not db01", "db01 or", "and db01", "or db01", "db01 and", "db01 web01", "( db01", "db01 )", "( )", "()", "(db01)", "( db01 )", "( db01 or web01 ) and G@os:Debian", "(db01 or web01", "( and db01 )", "db01 and ( not web01 )", "db01 and and web01", "db01 or and web01", "not", "", " ", "not and db01", "AND", "db01 AND web01", "db01 and NOT web01", "db01 or not web01 and not G@os:Debian", "not db01 or web01", "not db01 and web01", "E@( or db01", "E@db0[12] or P@os:(", "P@os:( or db01", "not P@os:(", "not S@junk", "S@junk or db01", "S@192.0.2.0/24 and db*", "L@db01,nosuch or web01", "L@db01,nosuch and not L@gone", "not L@db01,nosuch", "not ( L@nosuch )", "( not L@nosuch )", "L@nosuch", "L@", "G@", "G@os", "D@x", "D@x or db01", "G@os:Debian", "g@os:Debian", "G|@site|town|ulm", "G/@path//srv/db", "G@@site@town@ulm", "P|@os|(Debian|Ubuntu)", "I#@users#fred", "J|@role|(db|web)", "L|@db01", "E|@db01", "GG@os:Debian", "G@site:town:ulm and I@role:db", "I@role:db or J@role:w.*", "N@db", "N@ids and db*", "not N@db", "N@", "N@nowhere", "N@nowhere or db01", "N@names", "N@both", "( N@both )", "db01 or N@loop", "not N@either", "N@either and web*", "web* and N@either", "not N@ids", "N@deeper", "R@x", "T@x", "db01 or ( web01 and ( web02 or db02 ) )", "( ( db01 ) )", "( ( db01 ) or web01 ) not db01", "( db01 ) not ( web01 )", "db01 ( web01 )", "( db01 ) ( web01 )", "not ( not db01 )", "not ( not ( not db01 ) )", "db01\tor\nweb01", "'db01 or web01'", "\"db01\"", "db01 or web01 or web02 or db02 and G@os:nothing", "( db01 or web01", "not ( db01", "db01 or ( )", "db01,web01", "db01,web01 or db02", "* and not G@os:*", "not *", "* not *", "db?? and E@.*1", "G@roles:db and not G@roles:backup", "L@web01 or L@web02", "G@*:Debian", "not G@os:Debian", "( db* or web* ) and ( G@os:Debian or G@os:Ubuntu ) and not L@web02,gone",
]  # fmt: skip
HAND = {
    "grain": ["os:Debian", "os:debian", "os:*", "os:Deb*", "os", "os:", "site:ulm", "site:town", "site:town:ulm", "site:*:ulm", "site:rack:*:7", "site:*", "*:ulm", "*:Debian", "*:*", "*:site", "*:town", "*:*:ulm", "site:rack:row:7", "site:rack:row", "site:rack", "nothing:*", "nobody:*", "empty:*", "empty:", "none:None", "none:none", "none:null", "none:*", "virtual:True", "virtual:true", "load:1.5", "load:1.50", "note:a:b:c", "note:a:*", "note:a", "x:y:z", "roles:db:1", "tags:tier:1", "tags:tier:1:x", "disks:name:sda", "disks:0:name:sda", "disks:1:parts:2", "disks:sda", "disks:*", "disks:-1:name:sdb", "mix:1", "mix:none", "mix:b", "mix:['a']", "list:0:1", "list:[1, 2]", "list:*", "num_cpus:2", "osrelease:12", "nested:a:b:c", "nested:a:b:c:d", "nested:a:b", "nested:*:c", "nested:a:*:c", "nested:a:*:d", "nested:b:c:d", "deep:a:b:c:d:e", "deep:*:*", "deep:*:b", "deep:a:*:*", "deep:*:*:b", "ports:80:http", "ports:80", "1:one", "*:star", "os:\\*", "os:[*]", "weird:a*b", "unicode:straße", "unicode:STRASSE", "unicode:*ß*", ":x", "::", ":", "", "dot:a.b", "dot:a?b", "OS:Debian", "site:TOWN:ulm", "site:town:ULM", "note:b:*", "missing:*", "deep:a:b:c:d", "nested:town:ulm", "nested:a:b:d", "site:a:b:c", "site:rack:name:r*"],
    "grain_pcre": ["os:Deb", "os:deb.*n$", "os:\\D+", "os:(Debian|Ubuntu)$", "os:(", "roles:^db$", "roles:d.$", "site:town:u.m", "site:(town|x)", "num_cpus:\\d", "num_cpus:\\D", "note:a:b", "note:(a:b|x)", "none:N", "empty:^$", "empty:", "os:", "*:Debian", "site:*:ulm", "site:.*", "nothing:.*", "os:\\S+\\Z", "os:(?P<x>D)", "os:(?i)debian", "ipv4:10\\.", "disks:name:sd[ab]", "mix:.*'a'", "os:a", "os:.{6}$", "os:+"],
    "pillar": ["role:db", "role:web", "role:*", "role:Web*", "role:web[*]", "users:fred", "users:fred:uid:1000", "users:*:uid:1001", "users:fred:1", "users:ann:2", "ports:80:http", "ports:80", "ports:443:*", "on:true", "on:True", "apps:shop", "apps:blog:port:8080", "apps:shop:None", "env:prod", "env:stage:prod", "env:*:prod", "n:1.0", "n:1", "n:10", "1:2:3", "secret:a:b", "*:prod", "*:db", "missing:x", "role"],
    "pillar_pcre": ["role:(db|web)", "role:web", "users:f.*", "ports:\\d+", "ports:80:ht", "env:stage:p.*d", "n:1", "role:*"],
    "pillar_exact": ["role:db", "role:Web*", "role:web*", "role:*", "users:fred", "users:*", "env:stage:prod", "ports:80:http", "apps:shop", "*:db", "role:DB", "on:true"],
}  # fmt: skip


def cases(rng: random.Random):
    for kind, targets in (("glob", GLOBS), ("pcre", PCRES), ("list", LISTS), ("ipcidr", NETS), ("compound", COMPOUNDS)):
        yield from ((kind, target, ":") for target in targets)
    yield from (("nodegroup", name, ":") for name in [*NODEGROUPS, "nowhere", ""])
    yield from (("compound", f"N@{name}", ":") for name in NODEGROUPS)
    yield from (("compound", f"N@{name} and web*", ":") for name in NODEGROUPS)
    yield from (("compound", f"db02 or N@{name}", ":") for name in NODEGROUPS)
    for kind, targets in HAND.items():
        yield from ((kind, target, ":") for target in targets)
        yield from ((kind, target.replace(":", "|"), "|") for target in targets[::3])
        yield from ((kind, target.replace(":", "::"), "::") for target in targets[::5])
    yield from (("glub", "*", ":"), ("range", "%x", ":"), ("compound", ["db*", "and", "not", "db01"], ":"))
    made = {kind: expressions(rng, PILLAR if "pillar" in kind else GRAINS, ":", "pcre" in kind) for kind in HAND}
    for kind, many in (
        ("grain", 500),
        ("grain_pcre", 220),
        ("pillar", 200),
        ("pillar_pcre", 100),
        ("pillar_exact", 60),
    ):
        yield from ((kind, target, ":") for target in itertools.islice(made[kind], many))
    letters = {"G": "grain", "P": "grain_pcre", "I": "pillar", "J": "pillar_pcre"}

    def word() -> str:
        how = rng.randrange(8)
        if how < 2:
            return rng.choice([glob for glob in GLOBS if glob.strip() and "," not in glob])
        if how < 5:
            letter = rng.choice("GGPIJ")
            text = next(made[letters[letter]]).replace(" ", "_")
            if rng.random() < 0.15:
                return f"{letter}|@{text.replace(':', '|')}"
            return f"{letter}@{text}"
        if how == 5:
            return "L@" + (rng.choice(LISTS).replace(" ", "") or "db01")
        if how == 6:
            return rng.choice(["E@" + (rng.choice(PCRES) or "db"), "S@" + (rng.choice(NETS) or "::/0")])
        return "N@" + rng.choice([name for name in NODEGROUPS if name not in LOOSE])

    def tree(depth: int) -> str:
        how = rng.randrange(7) if depth else 0
        if how < 2:
            return word()
        if how == 2:
            return f"not {tree(0)}"
        if how == 3:
            return f"( {tree(depth - 1)} )" if rng.random() < 0.8 else f"not ( {tree(depth - 1)} )"
        return f"{tree(depth - 1)} {rng.choice(['and', 'or', 'and not', 'or not', 'not'])} {tree(depth - 1)}"

    for _ in range(700):
        yield "compound", tree(3), ":"
    for _ in range(250):  # anything in any order
        yield "compound", " ".join(rng.choice([word, word, lambda: rng.choice(["and", "or", "not", "(", ")"])])() for _ in range(rng.randrange(1, 7))), ":"  # fmt: skip


def main() -> None:
    logging.disable(logging.CRITICAL)
    rng = random.Random(3008)
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(make_master(Path(folder)))
        rows, seen = [], set()
        for kind, target, delimiter in cases(rng):
            key = json.dumps([kind, target, delimiter])
            if key not in seen:
                seen.add(key)
                rows.append([kind, target, delimiter, *recorder.answer(kind, target, delimiter)])
                if len(rows) % 100 == 0:
                    print(len(rows), file=sys.stderr)
    told = {
        "salt": salt.version.__version__,
        "ids": IDS,
        "grains": repr(GRAINS),
        "pillar": repr(PILLAR),
        "nodegroups": NODEGROUPS,
    }  # JSON has no keys that are numbers
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    head = json.dumps(told, ensure_ascii=False, separators=(",", ":"))[:-1]
    (HERE / "targets.json").write_text(f'{head},"rows":[\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
