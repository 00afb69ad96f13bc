"""Calls of ``service`` on a host that systemd started: run by Salt's loader or by ours, in a throw-away container.

``booted_services.json`` is what Salt came to (``record_booted_services.py``). Nothing here is imported from ours.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any

from scenario import Scenario, kw

ETC = "/etc/systemd/system"
SLEEP = "[Service]\nExecStart=/bin/sleep 999999\n"
INSTALL = "[Install]\nWantedBy=multi-user.target\n"
UNITS = {
    "slt-web.service": f"[Unit]\nDescription=a web\nAfter=slt-stat.service\n{SLEEP}ExecReload=/bin/true\n{INSTALL}"
    "Alias=slt-also.service\n",
    "slt-work@.service": SLEEP + INSTALL,
    "slt-fail.service": f"[Service]\nType=oneshot\nExecStart=/bin/false a=b\n{INSTALL}",
    "slt-stat.service": SLEEP,
    "slt-tick.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "slt-tick.timer": "[Timer]\nOnCalendar=2099-01-01\n[Install]\nWantedBy=timers.target\n",
    "slt-sock.socket": "[Socket]\nListenStream=/run/slt-sock\n[Install]\nWantedBy=sockets.target\n",
    "slt-sock.service": SLEEP,
}
SCRIPT = """#!/bin/sh
### BEGIN INIT INFO
# Provides:          slt-old
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: nothing
### END INIT INFO
case "$1" in start) touch /run/slt-old ;; stop) rm -f /run/slt-old ;; esac
"""
SHOWN = ("Id", "Names", "Description", "ActiveState", "LoadState", "UnitFileState", "Type", "After", "WantedBy")
IN_EXEC = ("path", "argv[]", "ignore_errors")


def setup(folder: str) -> None:
    """Make the units."""
    for name, text in UNITS.items():
        with open(os.path.join(ETC, name), "w") as stream:
            stream.write(text)
    with open("/etc/init.d/slt-old", "w") as stream:
        stream.write(SCRIPT)
    os.chmod("/etc/init.d/slt-old", 0o755)
    subprocess.run(["systemctl", "daemon-reload"], check=True)


def kept(fun: str, value: Any) -> Any:
    """Keep what is of these units."""
    if isinstance(value, list):
        return [one for one in value if "slt" in one]
    if fun == "service.show" and isinstance(value, dict):
        found = {name: value[name] for name in SHOWN if name in value}
        if isinstance(found.get("After"), list):
            found["After"] = [one for one in found["After"] if "slt" in one]
        if "ExecStart" in value:
            found["ExecStart"] = {name: value["ExecStart"][name] for name in IN_EXEC}
        return found
    if fun == "service.execs" and isinstance(value, dict):
        return {name: run for name, run in value.items() if "slt" in name}
    return value


def write(name: str, text: str) -> tuple[Any, ...]:
    """Return the call that writes a unit file."""
    return ("cmd.run", f"printf '{text}' > {ETC}/{name}", kw(python_shell=True))


LISTS = tuple((f"service.{fun}",) for fun in ("get_all", "get_running", "get_enabled", "get_disabled", "get_static"))
NAMES = (
    "slt-web",
    "slt-web.service",
    "slt-work@x",
    "slt-fail",
    "slt-tick.timer",
    "slt-sock.socket",
    "slt-old",
    "slt-no",
)
SCENARIOS = {
    "booted": Scenario(
        root=True,
        tree=False,
        setup=setup,
        calls=(
            ("service.offline",),
            *((f"service.{fun}", name) for fun in ("available", "missing", "enabled", "disabled") for name in NAMES),
            ("service.available", "slt-work@"),
            ("service.available", "slt/a"),
            ("service.available", "-x"),
            ("service.available", ""),
            *LISTS,
            *(("service.start", name) for name in NAMES),
            *(("service.status", name) for name in NAMES),
            ("service.status", "slt-w*"),
            ("service.status", "slt-[tx]*"),
            ("service.status", "slt-none*"),
            *LISTS,
            *(("service.show", name) for name in NAMES if name != "slt-old"),
            ("service.execs",),
            *(("service.reload", name) for name in NAMES if name != "slt-old"),
            *(("service.force_reload", name) for name in ("slt-web", "slt-stat", "slt-no")),
            ("service.force_reload", "slt-web", kw(no_block=False)),
            *(("service.restart", name) for name in NAMES),
            ("service.restart", "slt-web", True),
            *(("service.enable", name) for name in NAMES),
            ("service.enable", "slt-stat"),
            *(("service.enabled", name) for name in (*NAMES, "slt-also", "slt-work@y", "slt-stat")),
            *LISTS,
            *(("service.stop", name) for name in NAMES),
            *(("service.disable", name) for name in (*NAMES, "slt-stat")),
            *(("service.enabled", name) for name in NAMES),
            ("service.mask", "slt-stat"),
            ("service.masked", "slt-stat"),
            ("cmd.run", f"rm {ETC}/slt-stat.service && systemctl daemon-reload", kw(python_shell=True)),
            ("service.mask", "slt-stat"),
            ("service.masked", "slt-stat"),
            ("service.masked", "slt-stat", True),
            ("service.start", "slt-stat"),
            ("service.unmask", "slt-stat"),
            ("service.unmask", "slt-stat"),
            ("service.mask", "cron"),
            ("service.mask", "cron", True),
            ("service.masked", "cron"),
            ("service.masked", "cron", True),
            ("service.enable", "cron"),
            ("service.start", "cron", kw(unmask=True)),
            ("service.masked", "cron"),
            ("service.start", "cron", kw(unmask_runtime=True)),
            ("service.masked", "cron", True),
            ("service.status", "cron"),
            ("service.stop", "cron", kw(no_block=False)),
            ("service.mask", "slt-no"),
            ("service.masked", "slt-no"),
            ("service.unmask", "slt-no"),
            write("slt-new.service", SLEEP.replace("\n", "\\n")),
            ("service.start", "slt-new"),
            ("service.status", "slt-new"),
            write("slt-new.service", (SLEEP + "Environment=A=b\n").replace("\n", "\\n")),
            ("service.restart", "slt-new", kw(no_block=False, unmask=True, unmask_runtime=True)),
            ("service.stop", "slt-new"),
            ("service.systemctl_reload",),
            *((f"service.{fun}", name) for fun in ("start", "stop", "enable") for name in ("", "slt a")),
        ),
    ),
}
DIFFERENT = {
    'service.available "-x"': "a name is no option: systemctl took it for one and told of other units",
}
