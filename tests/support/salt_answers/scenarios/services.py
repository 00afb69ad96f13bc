"""Services of a Debian that systemd didn't start but has its programs: a throw-away script of System V's; only root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

from scenario import Scenario, kw

NAME = "saltern-test-slt"
BOOTED = "/run/systemd/system"
SCRIPT = f"""#!/bin/sh
### BEGIN INIT INFO
# Provides:          {NAME}
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: nothing
### END INIT INFO
echo "$1" >> DIR/log
case "$1" in
    status) test -e DIR/running ;;
    start) touch DIR/running ;;
    stop) rm -f DIR/running ;;
    reload) exit 3 ;;
esac
"""


def with_script(enabled: bool) -> Callable[[str], None]:
    """Return a setup that installs the script anew."""

    def setup(folder: str) -> None:
        remove()
        with open(f"/etc/init.d/{NAME}", "w") as stream:
            stream.write(SCRIPT.replace("DIR", folder))
        os.chmod(f"/etc/init.d/{NAME}", 0o755)
        if enabled:
            subprocess.run(["update-rc.d", NAME, "defaults"], check=True, capture_output=True)

    return setup


def remove() -> None:
    """Remove the script and its links."""
    if os.path.exists(f"/etc/init.d/{NAME}"):
        os.unlink(f"/etc/init.d/{NAME}")
    subprocess.run(["update-rc.d", NAME, "remove"], check=False, capture_output=True)


REMOVED = (
    ("cmd.retcode", f"rm -f /etc/init.d/{NAME}", kw(python_shell=True)),
    (
        "cmd.retcode",
        ["update-rc.d", NAME, "remove"],
    ),
)
UNITS = {
    "r/etc/systemd/system/slt-a.service": "[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=multi-user.target\n",
    "r/etc/systemd/system/slt-b@.service": "[Service]\nExecStart=/bin/b\n[Install]\nWantedBy=multi-user.target\n",
    "r/lib/systemd/system/slt-c.timer": "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
    "r/lib/systemd/system/slt-d.service": "[Service]\nExecStart=/bin/d\n",
    "r/lib/systemd/system/notes.txt": "",
    "r/lib/systemd/system/x.conf/": "",
    "r/etc/init.d/slt-e": "",
}

SCENARIOS = {
    "a script": Scenario(
        root=True,
        without=BOOTED,
        setup=with_script(enabled=True),
        calls=(
            ("service.available", NAME),
            ("service.missing", NAME),
            ("service.status", NAME),
            ("service.start", NAME),
            ("service.status", NAME),
            ("service.status", f"{NAME[:-1]}*"),
            ("service.status", "saltern-test-none*"),
            ("service.restart", NAME),
            ("service.force_reload", NAME),
            ("service.reload", NAME),
            ("service.stop", NAME),
            ("service.status", NAME),
            ("service.enabled", NAME),
            ("service.disabled", NAME),
            ("service.disable", NAME),
            ("service.enabled", NAME),
            ("service.disabled", NAME),
            *REMOVED,
            ("service.available", NAME),
            ("service.missing", NAME),
            ("service.enabled", NAME),
            ("service.disabled", NAME),
        ),
    ),
    "none": Scenario(
        root=True,
        without=BOOTED,
        calls=tuple(
            (f"service.{fun}", name)
            for fun in ("start", "stop", "restart", "reload", "force_reload", "status", "enabled", "disabled", "enable")
            for name in ("saltern-test-none", "saltern-test-none.service", "", "-x", "--help")
        ),
    ),
    "units without systemd": Scenario(
        root=True,
        without=BOOTED,
        files=UNITS,
        tree=False,
        calls=(
            ("service.masked", "saltern-test-none"),
            ("service.masked", "saltern-test-none", True),
            ("service.unmask", "saltern-test-none"),
            ("service.show", "saltern-test-none"),
            ("service.get_running",),
            ("service.systemctl_reload",),
            ("service.offline",),
            ("service.get_static", kw(root="{dir}/r")),
            ("service.execs", kw(root="{dir}/r")),
            ("service.masked", "slt-a", kw(root="{dir}/r")),
            ("service.mask", "slt-a", kw(root="{dir}/r")),
            ("service.masked", "slt-a", kw(root="{dir}/r")),
            ("service.masked", "slt-a.service", kw(root="{dir}/r")),
            ("service.masked", "slt-a", True, "{dir}/r"),
            ("service.unmask", "slt-a", kw(root="{dir}/r")),
            ("service.mask", "slt-d", kw(root="{dir}/r")),
            ("service.masked", "slt-d", kw(root="{dir}/r")),
            ("service.mask", "slt-d", kw(root="{dir}/r")),
            ("service.masked", "slt-d.service", False, "{dir}/r"),
            ("service.masked", "slt-d", True, "{dir}/r"),
            ("service.mask", "slt-d", True, "{dir}/r"),
            ("service.masked", "slt-d", True, "{dir}/r"),
            ("service.unmask", "slt-d", True, "{dir}/r"),
            ("service.unmask", "slt-d", kw(root="{dir}/r")),
            ("service.masked", "slt-d", kw(root="{dir}/r")),
            ("service.unmask", "slt-none", kw(root="{dir}/r")),
        ),
    ),
}

DIFFERENT = {
    f'service.{fun} "--help"': "a name is no option: what only shows a help text is no success"
    for fun in ("start", "stop", "restart", "reload", "force_reload", "status")
}
