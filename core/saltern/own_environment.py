"""What a daemon passes on to the programs that it starts: its account's variables, and nothing that is its service's.

systemd starts a daemon without HOME unless its unit names a user, and tells it things that are about the daemon alone.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

OF_THE_SERVICE = frozenset(
    {
        "CACHE_DIRECTORY",
        "CONFIGURATION_DIRECTORY",
        "CREDENTIALS_DIRECTORY",
        "FDSTORE",
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "LISTEN_FDNAMES",
        "LISTEN_FDS",
        "LISTEN_PID",
        "LISTEN_PIDFDID",
        "LOGS_DIRECTORY",
        "MAINPID",
        "MAINPIDFDID",
        "MANAGERPID",
        "MANAGERPIDFDID",
        "MEMORY_PRESSURE_WATCH",
        "MEMORY_PRESSURE_WRITE",
        "NOTIFY_SOCKET",
        "RUNTIME_DIRECTORY",
        "STATE_DIRECTORY",
        "SYSTEMD_EXEC_PID",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
    }
)
"""What systemd tells a daemon about itself: of no program that it starts."""

SHELL = "/bin/sh"


def settle(environment: MutableMapping[str, str]) -> None:
    """Take what is the service's out of *environment*, and put in of the account what isn't there."""
    import pwd  # the commands, which start nothing, need none of it

    for name in OF_THE_SERVICE & environment.keys():
        del environment[name]
    try:
        account = pwd.getpwuid(os.geteuid())
    except KeyError:  # some containers' users have none
        return
    environment.setdefault("HOME", account.pw_dir)
    environment.setdefault("USER", account.pw_name)
    environment.setdefault("LOGNAME", account.pw_name)
    environment.setdefault("SHELL", account.pw_shell or SHELL)
