"""Whom a target means, of 10,000 minions: resolved as our master does it, against Salt's ``CkMinions``, in turns.

Both know the same grains (80 names a minion, ten of them different for each) and pillar (50 different ones) of the
same ids; Salt from its minion data cache, as its master reads it, ours from memory. Each pair must name the same
minions. It is processor time on both sides, so that others on the machine don't count: of one thread here, with the
target's parsing, of one process there, without what it waits for its files. The first time a name is asked for
is a figure of its own, and so is what is asked right after the start, before the index of the grains is made. The
index has figures too: the processor time that it takes in the background, and that of minions whose grains change.

    make bench NAME=targets [ARGS="--quick"]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from saltern_master.targeting import Columns, Known, Nodegroups, Target
from saltern_master.targeting.columns import A_TURN
from saltern_master.targeting.facts import Data, Every, Ids, Values, values_in
from support import report, salt
from support.measure import median
from support.programs import folder
from support.report import Figure, say

MINIONS, QUICK_MINIONS = 10_000, 500
OURS_ROUNDS, SALT_ROUNDS = 20, 2
QUICK_ROUNDS = 2
PILLARS = 50
MS = 1000
US = 1_000_000
CHANGED = 1000
SCRIPT = Path(__file__).parent / "support" / "salt_targets.py"

NODEGROUPS = {"web": "web*0 and G@os:Debian", "net": ["N@web", "or", "S@10.1.0.0/16"]}
TARGETS = (
    ("glob", "web000*"),
    ("glob", "*8.frank*.com"),
    ("pcre", r"web\d+[02468]\.frank"),
    ("pcre", r"(web|db|\d)+\.frank"),
    ("pcre", r"((web|db)\d*)+\.frank"),
    ("grain", "os:Deb*"),
    ("grain", "roles:role3"),
    ("grain", "site:rack:r17"),
    ("grain", "fqdn:*7.frank*"),
    ("grain", "*:Debian"),
    ("grain", "*:*7.frank*"),
    ("grain_pcre", r"*:.*7\.frank"),
    ("grain_pcre", r"fqdn:web\d+7\.fr"),
    ("pillar", "role:a1*"),
    ("pillar_pcre", "deep:x:y:[0-5]"),
    ("ipcidr", "10.3.0.0/16"),
    ("ipcidr", "2001:db8::/64"),
    ("nodegroup", "net"),
    ("compound", r"G@os:Debian and not ( web000* or G@roles:role3 ) and S@10.0.0.0/8 or I@role:a7 or E@web\d+1\."),
)


def bench(options: argparse.Namespace) -> list[Figure]:
    """Resolve every target on both sides and return the medians."""
    count = QUICK_MINIONS if options.quick else MINIONS
    rounds, salts_rounds = (QUICK_ROUNDS, 1) if options.quick else (OURS_ROUNDS, SALT_ROUNDS)
    fleet = _fleet(count)
    before = [_Ours(fleet).resolve(kind, target)[0] for kind, target in TARGETS]
    figures: list[Figure] = []
    with folder("targets") as root:
        (root / "fleet.json").write_text(json.dumps(fleet))
        ours = _Ours(fleet)
        for what, value, unit in ours.index():
            say(f"{what}: {value:.2f} {unit}")
        say(f"making Salt's keys and cache of {count:,} minions")
        with _Salt(root) as theirs:
            for (kind, target), early in zip(TARGETS, before, strict=True):
                first, found = ours.resolve(kind, target)
                seconds = [ours.resolve(kind, target)[0] for _ in range(rounds)]
                salts = [theirs.resolve(kind, target) for _ in range(salts_rounds)]
                if any(ids != found for _, ids in salts):
                    raise RuntimeError(f"{kind} {target}: {len(found)} minions, Salt has {len(salts[0][1])}")
                salts_s = median([one for one, _ in salts]) * MS
                what = f"{kind} {target}, {count:,} minions"
                say(f"{what}: {median(seconds) * MS:.1f} ms, Salt {salts_s:,.0f} ms")
                figures.append(Figure("targets", f"{what}, median", median(seconds) * MS, salts_s, salt.PEER, "ms"))
                figures.append(Figure("targets", f"{what}, first time", first * MS, salts_s, salt.PEER, "ms"))
                figures.append(Figure("targets", f"{what}, no index yet", early * MS, salts_s, salt.PEER, "ms"))
    return figures


def _fleet(count: int) -> dict[str, Any]:
    ids = [f"web{number:05d}.frankfurt.example.com" for number in range(count)]
    grains = {name: _grains(number, name) for number, name in enumerate(ids)}
    pillar = {name: _pillar(number) for number, name in enumerate(ids)}
    return {"ids": ids, "grains": grains, "pillar": pillar, "nodegroups": NODEGROUPS}


def _grains(number: int, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "fqdn": name,
        "os": ("Debian", "Ubuntu", "RedHat")[number % 3],
        "roles": ["web", f"role{number % 7}"],
        "ipv4": ["127.0.0.1", f"10.{number >> 8}.{number & 255}.7"],
        "ipv6": ["::1", f"2001:db8::{number:x}"],
        "mem_total": number % 64 * 1024,
        "site": {"zone": f"z{number % 10}", "rack": f"r{number % 200}"},
        **{f"shared{n}": f"value{number % (n + 1)}" for n in range(62)},
        **{f"own{n}": f"value{number}-{n}" for n in range(10)},
    }


def _pillar(number: int) -> dict[str, Any]:
    return {"role": f"a{number % PILLARS}", "deep": {"x": {"y": number % PILLARS}}}


class _Ours:
    """The targeting of our master: grains by value, pillar by what is different of it."""

    def __init__(self, fleet: dict[str, Any]) -> None:
        self._ids = fleet["ids"]
        keys = dict.fromkeys(self._ids, "key")
        self._grains = dict(fleet["grains"])
        self._columns = Columns(lambda minion: self._grains[minion], lambda: keys)
        self._known = Known(self._columns, _Pillars(self._ids))
        self._nodegroups = Nodegroups(NODEGROUPS, "the benchmark")

    def index(self) -> list[tuple[str, float, str]]:
        """Make the index; return what that costs, and what a minion costs whose grains change."""
        count = len(self._ids)
        figures = [(f"index of {count:,} minions, processor time", self._catch_up(), "s")]
        for what, names in (("one grain", ["own1"]), ("all grains that are text", None)):
            kept = {minion: self._grains[minion] for minion in self._ids[:: max(1, count // CHANGED)]}
            for minion, grains in kept.items():
                changed = {name: f"{grains[name]}x" for name in names or grains if isinstance(grains[name], str)}
                self._grains[minion] = {**grains, **changed}
                self._columns.changed(minion)
            figures.append((f"a minion whose {what} changed", self._catch_up() / len(kept) * US, "us"))
            self._grains.update(kept)
            for minion in kept:
                self._columns.changed(minion)
            self._catch_up()
        return figures

    def _catch_up(self) -> float:
        began = time.thread_time()
        while self._columns.catch_up(A_TURN):
            pass
        return time.thread_time() - began

    def resolve(self, kind: str, target: str) -> tuple[float, list[str]]:
        """Return the processor seconds that a target takes, and whom it means."""
        began = time.thread_time()
        found = Target(target, kind, limit_s=60.0, nodegroups=self._nodegroups).select(self._ids, self._known)
        return time.thread_time() - began, found


class _Pillars:
    """Pillar as the master has it: each different one once."""

    def __init__(self, ids: list[str]) -> None:
        self._different: list[tuple[Data, Ids]] = [(_pillar(n), set(ids[n::PILLARS])) for n in range(PILLARS)]

    def values(self, name: str, minions: Any) -> Values:
        return values_in(self._different, name)

    def whole(self, minions: Any) -> list[tuple[Data, Ids]]:
        return self._different

    def every(self, minions: Any) -> Every:
        return Every({}, (), self._different)


class _Salt:
    """Salt's ``CkMinions`` in a process of its own."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [salt.install() / "python", "-P", SCRIPT, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> _Salt:
        self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def resolve(self, kind: str, target: str) -> tuple[float, list[str]]:
        """Return the processor seconds that a target takes in that process, and whom it means."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([kind, target]) + "\n")
        self._process.stdin.flush()
        seconds, ids = self._answer()
        return seconds, ids

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sys.exit(report.run(parser, bench))
