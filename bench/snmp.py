"""What a bulk of 40 values by SNMP costs the one who asks, through our driver and by the library below, pysnmp, alone.

Debian's snmpd answers. It is processor time of the asking process alone; memory is what the library and its first bulk
take. Version 3 signs with SHA-256 and encrypts with AES.

    make bench NAME=snmp [ARGS="--quick"]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from support import report
from support.measure import median
from support.programs import folder, free_ports, start, stop
from support.report import Figure, say
from support.snmp_asker import AUTH_KEY, COMMUNITY, PRIV_KEY, USER

ASKER = Path(__file__).parent / "support" / "snmp_asker.py"
ROUNDS, QUICK_ROUNDS = 500, 50
TURNS = 3
SAYS = b"NET-SNMP version"


def bench(options: argparse.Namespace) -> list[Figure]:
    """Ask in turns and return the medians."""
    snmpd = shutil.which("snmpd", path="/usr/sbin:/usr/bin")
    if snmpd is None:
        raise SystemExit("it needs Debian's snmpd: apt-get install snmpd")
    figures: list[Figure] = []
    with folder("snmp") as root:
        port = free_ports(1)[0]
        config, log = root / "snmpd.conf", root / "log"
        config.write_text(
            f"agentAddress udp:127.0.0.1:{port}\n[snmp] persistentDir {root}\n[snmpd]\n"
            f"rocommunity {COMMUNITY} 127.0.0.1\n"
            f'createUser {USER} SHA-256 "{AUTH_KEY}" AES "{PRIV_KEY}"\nrouser {USER} priv\n'
        )
        server = start([snmpd, "-f", "-Lo", "-C", "-c", str(config), "-I", "-smux"], log)
        try:
            while SAYS not in log.read_bytes():
                if server.poll() is not None:
                    raise RuntimeError(log.read_text())
                time.sleep(0.05)
            for version in ("2c", "3"):
                figures += _both(port, version, QUICK_ROUNDS if options.quick else ROUNDS)
        finally:
            stop([server])
    return figures


def _both(port: int, version: str, rounds: int) -> list[Figure]:
    told: dict[str, list[dict[str, Any]]] = {"ours": [], "pysnmp": []}
    for _ in range(TURNS):
        for side, found in told.items():
            argv = [sys.executable, "-P", str(ASKER), side, str(port), version, str(rounds)]
            found.append(json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout))
    figures = []
    for name, what, unit in (("ms", "processor time", "ms"), ("kb", "memory", "kB")):
        ours, theirs = (median([one[name] for one in found]) for found in told.values())
        say(f"version {version}, {what}: {ours:.2f} {unit}, pysnmp alone {theirs:.2f} {unit}")
        figures.append(Figure("snmp", f"bulk of 40 values, version {version}, {what}", ours, theirs, "pysnmp", unit))
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sys.exit(report.run(parser, bench))
