"""A throw-away Debian with a systemd of its own, of this machine's files: whatever happens in it is gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOOT_TIMEOUT_S = 330
PACKAGES = ("core", "agent", "modules", "master", "graphite", "web")

_UNIT = """[Unit]
DefaultDependencies=no
After=basic.target

[Service]
Type=oneshot
ExecStart=/bin/bash /shared/script
StandardOutput=file:/shared/out
StandardError=inherit
ExecStopPost=/bin/sh -c "exec systemctl poweroff --no-block >/dev/null 2>&1"
TimeoutStartSec=300
"""

_PROGRAM = """#!/bin/sh
export PYTHONPATH={path} PYTHONDONTWRITEBYTECODE=1 LD_LIBRARY_PATH=/opt/python/lib
exec /opt/python/bin/python{version} -c 'import sys, saltern.programs as p; sys.exit(p.{function}())' "$@"
"""

_PRELUDE = """
soon() { for _ in $(seq 900); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; echo "in vain: $*"; exit 1; }
install -m 755 /shared/bin/* /usr/local/bin/
export PATH=/usr/local/bin:$PATH
get() { /opt/python/bin/python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read())' "$1"; }
export -f get
touch /shared/began
"""


def run_in_container(folder: Path, script: str) -> str:
    """Boot, run *script* (bash, as root) with Saltern's programs on its PATH, and return what it printed.

    The repository is at ``/opt/saltern``. ``soon COMMAND`` tries a command for 90 s and ends the script then; ``get
    URL`` prints an answer as a literal. Skips the test where no container can be had.
    """
    if os.geteuid() != 0 or not shutil.which("systemd-nspawn"):
        pytest.skip("this test boots a container: it needs root and systemd-nspawn")
    shared, root = folder / "shared", folder / "root"
    root.mkdir()
    _write_programs(shared / "bin")
    (shared / "script").write_text(_PRELUDE + script)
    unit = shared / "saltern-test.service"
    unit.write_text(_UNIT)
    binds: Mapping[str, str] = {
        str(unit): "/etc/systemd/system/saltern-test.service",
        sys.base_prefix: "/opt/python",
        sysconfig.get_paths()["purelib"]: "/opt/site",
        str(ROOT): "/opt/saltern",
    }
    command = ["systemd-nspawn", "-D", str(root), "--volatile=overlay", f"--machine=saltern-test-{os.getpid()}"]
    command += ["--register=no", "--keep-unit", "--private-network", f"--bind={shared}:/shared"]
    command += [f"--bind-ro={inner}:{outer}" for inner, outer in binds.items()]
    command += ["-b", "systemd.unit=basic.target", "systemd.wants=saltern-test.service"]
    # A bind mount of / in a mount namespace of its own: nspawn refuses / itself.
    own = 'mount --make-rprivate / && mount --bind / "$0" && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", own, str(root), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=BOOT_TIMEOUT_S,
        check=False,
    )
    if not (shared / "began").exists():
        pytest.skip(f"no container can be booted here: {' '.join(done.stdout.split())[-300:]}")
    return (shared / "out").read_text()


def _write_programs(folder: Path) -> None:
    """Write what pip would have installed, for a Python that every user can read."""
    folder.mkdir(parents=True)
    path = ":".join([*(f"/opt/saltern/{package}" for package in PACKAGES), "/opt/site"])
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for program in (
        "saltern",
        "saltern-key",
        "saltern-run",
        "saltern-agent",
        "saltern-master",
        "saltern-graphite",
        "saltern-api",
        "saltern-web",
    ):
        function = program.replace("-", "_")
        (folder / program).write_text(_PROGRAM.format(path=path, version=version, function=function))
