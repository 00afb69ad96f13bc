"""The pillars of a fleet of 5,000: from cold, after a change of one file, and after one that is for everybody.

The tree has 16 sls files with templates, an import, an include and a map of packages; a minion gets seven of them, by
id, by grains and by a compound target, and three of its values are its own. Our pillars are compiled as the master does
it, by two processes that the loop gives work; the loop's longest stall is measured too. Salt's are compiled by its own
library, one after the other, for a few minions, whose pillars must be the same as ours.

    make bench NAME=pillar [ARGS="--quick"]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from saltern.config.master import DEFAULTS
from saltern_master.pillar.keeper import Pillars
from saltern_master.timed_loop import TimedLoop
from support import report, salt
from support.programs import folder
from support.report import Figure, say

MINIONS, QUICK_MINIONS = 5000, 300
OF_SALT, QUICK_OF_SALT = 20, 3
SCRIPT = Path(__file__).parent / "support" / "salt_pillar.py"
ROLES = ("web", "db", "cache", "queue", "proxy")
MS = 1000
BUDGET_S = 60.0
STALL_MS = 20.0


def tree(root: Path) -> None:
    """Write the tree."""
    top = ["base:", "  '*':", "    - common", "    - users", "    - network"]
    for role in ROLES:
        top += [f"  '{role}*':", f"    - role.{role}", f"  'G@role:{role} and G@os:Debian':", f"    - os.{role}"]
    top += ["  'os:Debian':", "    - match: grain", "    - packages"]
    files = {
        "top.sls": "\n".join(top) + "\n",
        "map.jinja": "{% set packages = salt['grains.filter_by']({'Debian': {'ssh': 'openssh-server', 'web': 'nginx'}, "
        "'RedHat': {'ssh': 'openssh', 'web': 'httpd'}}) %}\n",
        "common.sls": "include:\n  - defaults\nhost: {{ grains.id }}\naddress: {{ grains.ipv4[-1] }}\n"
        "cpus: {{ grains.num_cpus }}\n",
        "defaults.sls": "".join(f"option{number}: {{value: {number}, active: true}}\n" for number in range(30)),
        "users.sls": "users:\n{% for n in range(20) %}\n  user{{ n }}: {uid: {{ 1000 + n }}, shell: /bin/sh}\n"
        "{% endfor %}\n",
        "network.sls": "network: {domain: {{ grains.domain }}, servers: [192.0.2.1, 192.0.2.2]}\n",
        "packages.sls": "{% from 'map.jinja' import packages with context %}\npackages: {{ packages | json }}\n",
    }
    for role in ROLES:
        files[f"role/{role}.sls"] = f"role: {role}\nservices:\n" + "".join(
            f"  - {{name: {role}{number}, port: {{{{ 8000 + {number} }}}}}}\n" for number in range(10)
        )
        files[f"os/{role}.sls"] = f"kernel:\n  {role}: {{{{ grains.osrelease }}}}\n"
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def grains_of(number: int) -> dict[str, Any]:
    """Return a minion's grains, 60 of them."""
    role = ROLES[number % len(ROLES)]
    return {
        "os": "Debian",
        "os_family": "Debian",
        "osrelease": "12",
        "role": role,
        "domain": "example.com",
        "num_cpus": 1 + number % 16,
        "ipv4": ["127.0.0.1", f"10.{number >> 8 & 255}.{number & 255}.7"],
        **{f"grain{n}": f"value {n} of {number}" for n in range(53)},
    }


async def ours(root: Path, count: int) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Return what was measured (s), and the first pillars."""
    fleet = {f"{ROLES[number % len(ROLES)]}{number}": grains_of(number) for number in range(count)}
    options: Any = {
        **DEFAULTS,
        "pillar_roots": {"base": [str(root)]},
        "config_dir": str(root),
        "conf_file": str(root / "master"),
        "cachedir": str(root / "cache"),
    }
    pillars = Pillars(options, lambda name: fleet[name], lambda: list(fleet))
    told: list[str] = []
    pillars.on_changed = told.append
    loop = asyncio.get_running_loop()
    assert isinstance(loop, TimedLoop)
    measured: dict[str, float] = {}

    async def until(number: int) -> float:
        began = time.perf_counter()
        while len(told) < number:
            await asyncio.sleep(0.005)
        return time.perf_counter() - began

    gc.freeze()  # as the master does once it is there
    loop.longest_stall_s()
    began = time.perf_counter()
    task = asyncio.create_task(pillars.run())
    await until(count)
    measured["cold"] = time.perf_counter() - began
    measured["stall"] = loop.longest_stall_s()
    for name, path, about in (("role", "role/web.sls", count // len(ROLES)), ("common", "defaults.sls", count)):
        told.clear()
        with (root / path).open("a") as stream:
            stream.write("new: 1\n")
        began = time.perf_counter()
        await pillars.fresh(next(iter(fleet)))
        measured[f"{name} first"] = time.perf_counter() - began
        await until(about)
        measured[name] = time.perf_counter() - began
        say(f"{name}: {measured[name]:.1f} s")
    measured["stall"] = max(measured["stall"], loop.longest_stall_s())
    began = time.perf_counter()
    await asyncio.gather(*(pillars.current(name) for name in fleet))
    measured["kept"] = time.perf_counter() - began
    task.cancel()
    await asyncio.wait([task])
    return measured, [pillars.of(name) for name in list(fleet)[:OF_SALT]]


def of_salt(root: Path, count: int) -> tuple[float, list[dict[str, Any]]]:
    """Return Salt's time for one pillar (s), and the pillars."""
    asked = [
        [f"{ROLES[n % len(ROLES)]}{n}", {"id": f"{ROLES[n % len(ROLES)]}{n}", **grains_of(n)}] for n in range(count)
    ]
    done = subprocess.run(
        [str(salt.install() / "python"), "-P", str(SCRIPT), str(root)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    answer = json.loads(done.stdout)
    return answer["seconds"] / count, answer["pillars"]


def bench(options: argparse.Namespace) -> list[Figure]:
    """Compile everything on both sides."""
    count = QUICK_MINIONS if options.quick else MINIONS
    of = QUICK_OF_SALT if options.quick else OF_SALT
    with folder("pillar") as place:
        root = place / "tree"
        root.mkdir()
        tree(root)
        with asyncio.Runner(loop_factory=TimedLoop) as runner:
            measured, first = runner.run(ours(root, count))
        one_s, pillars = of_salt(root, of)
        for mine, theirs in zip(first[:of], pillars, strict=True):
            assert mine == theirs, (mine, theirs)
    own = measured["cold"] / count * MS
    rows = (
        (
            f"{count:,} from cold, against the budget of 60 s for 5,000",
            measured["cold"],
            BUDGET_S * count / MINIONS,
            "s",
        ),
        ("one of them, from cold", own, one_s * MS, "ms"),
        (f"anew when a file of {count // len(ROLES):,} changes", measured["role"], one_s * count / len(ROLES), "s"),
        ("anew when a file of all changes", measured["common"], one_s * count, "s"),
        ("a fresh one while all are compiled", measured["common first"] * MS, one_s * MS, "ms"),
        (f"{count:,} that are kept", measured["kept"] * MS, one_s * count * MS, "ms"),
        ("the loop's longest stall, against its budget", measured["stall"] * MS, STALL_MS, "ms"),
    )
    peers = ("budget", *["Salt's library, one after the other"] * 5, "budget")
    return [
        Figure("pillar", what, mine, theirs, peer, unit)
        for (what, mine, theirs, unit), peer in zip(rows, peers, strict=True)
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sys.exit(report.run(parser, bench))
