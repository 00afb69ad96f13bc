"""``network``: this host's name, and the buffers of its interfaces."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError, os_errors
from saltern_modules._needed import PLAIN, found, operand

__virtualname__ = "network"

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__powers__ = {
    "get_hostname": "reads",
    "get_fqdn": "reads",
    "mod_hostname": "writes",
    "get_bufsize": "reads",
    "mod_bufsize": "writes",
}

ETC = "/etc"
ETHTOOL = "/sbin/ethtool"
BUFFERS = ("rx", "tx", "rx-mini", "rx-jumbo")
_NAME = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,253}")


def get_hostname() -> str:
    """Return this host's name.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.get_hostname
    """
    import socket

    return socket.gethostname()


def get_fqdn() -> str:
    """Return this host's name with its domain, as far as its resolver knows that.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.get_fqdn
    """
    import socket

    return socket.getfqdn()


def mod_hostname(hostname: str | None) -> bool:
    """Have this host be called *hostname*, now and when it boots, and in ``/etc/hosts`` in place of its old name.

    ``False`` for None, and when it can't be set. Raises ``ArgumentError`` for what is no name of a host.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.mod_hostname master.saltern.example
    """
    import socket

    if hostname is None:
        return False
    if not _NAME.fullmatch(hostname):
        raise ArgumentError(f"network.mod_hostname: {hostname!r} is no name of a host")
    old = socket.getfqdn()
    if program := found("hostnamectl"):
        old = _static_name(program) or get_hostname()
        if __salt__["cmd.run_all"]([program, "set-hostname", hostname], python_shell=False)["retcode"] != 0:
            return False
    else:
        try:
            socket.sethostname(hostname)
        except OSError:
            return False
    _rewrite("hosts", lambda text: _renamed(text, old, hostname))
    family = __grains__.get("os_family")
    if family == "Debian":
        _rewrite("hostname", lambda text: f"{hostname}\n")
    elif family == "RedHat" and os.path.exists(f"{ETC}/sysconfig/network"):
        _rewrite(
            "sysconfig/network", lambda text: re.sub(r"(?m)^(HOSTNAME=)(['\"]?).*?\2$", rf"\1\2{hostname}\2", text)
        )
    return True


def get_bufsize(iface: str) -> dict[str, Any]:
    """Return the buffers of the interface *iface*: ``{'result': True, 'rx-max': 4096, 'rx': 512, …}``.

    ``{'result': False, 'comment': text}`` when it has none; ``{}`` without ``ethtool``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.get_bufsize eth0
    """
    if not os.path.exists(ETHTOOL):
        return {}
    argv = [ETHTOOL, "-g", operand("network.get_bufsize", "interface", iface)]
    output = str(__salt__["cmd.run"](argv, python_shell=False, env=PLAIN))
    buffers = _buffers(output)
    return {"result": True, **buffers} if buffers else {"result": False, "comment": output}


def mod_bufsize(iface: str, *args: Any, **kwargs: Any) -> dict[str, Any] | bool:
    """Set buffers of the interface *iface*, ``rx``, ``tx``, ``rx-mini`` or ``rx-jumbo``, to numbers.

    Return ``{'result': bool, 'comment': text}``, ``False`` without ``ethtool``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.mod_bufsize eth0 tx=256 rx=256
    """
    if not os.path.exists(ETHTOOL):
        return False
    wanted = [(name, str(kwargs[name])) for name in BUFFERS if kwargs.get(name) is not None]
    if args and kwargs:
        return {"result": False, "comment": f"Unknown arguments: {' '.join(map(str, args))}"}
    if not wanted:
        return {"result": False, "comment": "Requires rx=<val> tx==<val> rx-mini=<val> and/or rx-jumbo=<val>"}
    words = [operand("network.mod_bufsize", "number", word) for pair in wanted for word in pair]
    argv = [ETHTOOL, "-G", operand("network.mod_bufsize", "interface", iface), *words]
    output = str(__salt__["cmd.run"](argv, python_shell=False, env=PLAIN))
    return {"result": not output, "comment": output or " ".join(words)}


def _buffers(text: str) -> dict[str, int]:
    """Return the numbers in what ``ethtool -g`` prints; those that are possible end in ``-max``."""
    ending = "max-"
    buffers = {}
    for line in text.split("\n"):
        if line.endswith("maximums:"):
            ending = "-max"
        elif line.endswith("settings:"):
            ending = ""
        elif match := re.fullmatch(r"(.+):\s+(\d{1,18})", line):
            buffers[match[1].lower().replace(" ", "-") + ending] = int(match[2])
    return buffers


def _static_name(program: str) -> str:
    """Return the name that ``hostnamectl`` tells, ``""`` for none."""
    done = __salt__["cmd.run_all"]([program, "status"], python_shell=False, env=PLAIN)
    match = re.search(r"Static hostname:\s*(\S+)", done["stdout"]) if done["retcode"] == 0 else None
    return match[1] if match else ""


def _renamed(text: str, old: str, new: str) -> str:
    """Return the file of host names *text* with *new* for the first *old* of each line, but not in comments."""
    word = re.compile(rf"(?<!\S){re.escape(old)}(?!\S)")
    lines = []
    for line in text.split("\n"):
        content, mark, comment = line.partition("#")
        lines.append(word.sub(lambda match: new, content, count=1) + mark + comment)
    return "\n".join(lines)


def _rewrite(name: str, change: Callable[[str], str]) -> None:
    from saltern_modules._rewriting import rewrite

    path = f"{ETC}/{name}"
    with os_errors(CommandError, path, f"can't rewrite {path}", called="network.mod_hostname"):
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                old = file.read()
        except FileNotFoundError:
            old = ""
        new = change(old)
        if new != old:
            rewrite(path, new.encode("utf-8", "surrogateescape"))
