"""The collector services over a systemd at work, in a container of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from saltern_modules.collectors.services import label
from support.containers import BOOT_TIMEOUT_S, run_in_container

UNIT = """[Service]
ExecStart=/bin/sh -c 'while :; do sleep 1; done'
Restart=always
RestartSec=0
MemoryAccounting=yes
CPUAccounting=yes
TasksAccounting=yes
IOAccounting=yes
"""

WATCH = """
import json, subprocess, time
from saltern_modules.collectors.services import Services
from saltern_modules.collectors.source import Source

def systemctl(*words):
    subprocess.run(["systemctl", *words], check=True)

def soon(right):
    found = watch.collect(time.monotonic())
    for _ in range(900):
        if right(found):
            break
        time.sleep(0.1)
        found = watch.collect(time.monotonic())
    print(json.dumps(found), flush=True)

watch = Services(Source(), {"units": ["web", "work@*", "a-b@1.service", "never"]})
soon(lambda found: found["web"]["up"] and found["web"].get("processes", 0) >= 2)
systemctl("restart", "web")
soon(lambda found: found["web"]["starts"] == 1)
systemctl("kill", "--signal=KILL", "web")
soon(lambda found: found["web"]["starts"] == 2)
systemctl("stop", "web")
soon(lambda found: not found["web"]["up"])
"""


@pytest.mark.timeout(BOOT_TIMEOUT_S + 30)
def test_units_are_found_and_their_restarts_seen(tmp_path: Path) -> None:
    script = f"""
    for unit in web work@ a-b@; do cat > /etc/systemd/system/$unit.service <<'EOF'
{UNIT}
EOF
    done
    systemctl daemon-reload
    systemctl start web 'work@x-y' a-b@1
    cat > /shared/watch.py <<'EOF'
{WATCH}
EOF
    sed 's/exec .*/exec \\/opt\\/python\\/bin\\/python3 -P "$@"/' /usr/local/bin/saltern > /usr/local/bin/python-here
    chmod 755 /usr/local/bin/python-here
    python-here /shared/watch.py
    """
    said = run_in_container(tmp_path, script)
    told: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert len(told) == 4, said
    first, restarted, killed, stopped = told
    assert first["never"] == {"up": 0, "starts": 0}
    assert first["left_out"] == 0
    assert first[label("a-b@1.service")]["up"] == 1, "found where systemd puts an instance of a template"
    assert first[label("work@x-y.service")]["up"] == 1
    assert first["web"]["cpu_ms"] >= 0
    assert first["web"]["starts"] == 0
    assert (restarted["web"]["up"], restarted["web"]["starts"]) == (1, 1)
    assert (killed["web"]["up"], killed["web"]["starts"]) == (1, 2)
    assert stopped["web"] == {"up": 0, "starts": 2}
