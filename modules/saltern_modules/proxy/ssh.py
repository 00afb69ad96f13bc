r"""Devices that are spoken with over SSH: whatever answers commands in text. Needs ``saltern[ssh]``.

::

    proxy:
      proxytype: ssh
      host: 192.0.2.9
      port: 22
      username: monitor
      password: …                # or key: a private key, or the path of a file with one; passphrase
      host_key: "ssh-ed25519 AAAA…"     # whom it must be; or known_hosts: /a/file; or trust: any
      connect_timeout: 10        # seconds
      command_timeout: 8         # seconds, for one command
      max_bytes: 1048576         # of one command's answer; what says more is stopped
      ping: version              # the command that shows that it is well; else: that it is connected
      commands:
        version: show version                                # its answer is a text
        memory: {run: cat /proc/meminfo, parse: keys}        # "key: value" lines
        mounts: {run: df -P, parse: table}                   # a first line of names, then rows
        status: {run: status --json, parse: json}            # also in the midst of text
        errors: {run: show log, regex: "(?P<when>\\S+) ERROR (?P<what>.*)", timeout: 30}
        restart: {run: "restart {name}"}                     # what is put there is quoted for a shell
      metrics:
        free_kb: {command: memory, path: MemFree}
        load: {command: status, path: cpu.load.0, scale: 100}
        sessions: {command: version, regex: "sessions: (\\d+)"}
      grains:
        model: {command: version, regex: "Model: (.*)"}

``stats.collect`` has the metrics, each command being run once for all of its; ``ssh_device.call restart apache`` runs a
command. A value is a number that its text begins with, or true and false.

A device that has no commands but in a shell of its own::

      interactive: true          # commands are typed there, answers end at its next prompt
      prompt: "\\(Cmd\\)"        # a regular expression; else the line that it shows when one has logged in
      prepare: [terminal length 0]      # typed first

There nothing quotes: arguments are letters, digits and ``@%+=:,./_-`` alone. The device of Salt's ``ssh_sample`` is::

      interactive: true
      ping: help
      commands:
        help: help
        info: {run: info, parse: json}
        ps: {run: ps, parse: json}
        start: {run: "start {name}", parse: json}
        stop: {run: "stop {name}", parse: json}
        restart: {run: "restart {name}", parse: json}
        pkg_list: {run: pkg_list, parse: json}
        pkg_install: {run: "pkg_install {name} {version}", defaults: {version: ""}, parse: json}
        pkg_remove: {run: "pkg_remove {name}", parse: json}
      grains:
        os: {command: info, path: os}
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saltern.errors import CommandError

if TYPE_CHECKING:
    from saltern_modules._ssh_remote import SshRemote

__context__: dict[str, Any]

__proxyenabled__ = ["ssh"]

_KEY = "ssh"


def __virtual__() -> bool | tuple[bool, str]:
    """Say whether what it needs is installed; that is loaded by the first device, for it takes 20 MB."""
    if importlib.util.find_spec("asyncssh") is None:
        return False, "devices by SSH need the package asyncssh: install saltern[ssh]"
    return True


async def init(opts: Mapping[str, Any]) -> None:
    """Connect, and learn the grains. Raises ``CommandError`` when an option is wrong, and when that fails."""
    from saltern_modules._ssh_remote import SshRemote
    from saltern_modules._ssh_settings import settings

    remote = SshRemote(settings(opts["proxy"]))
    await remote.open()
    __context__[_KEY] = remote


def initialized() -> bool:
    """Return whether it was connected."""
    return _KEY in __context__


async def alive(opts: Mapping[str, Any]) -> bool:
    """Return whether it answers to ``ping``, or without that is connected."""
    remote = _remote()
    return remote.is_open and await ping()


async def ping() -> bool:
    """Return whether it answers to ``ping``, or without that can be connected."""
    try:
        await _remote().answers()
    except CommandError:
        return False
    return True


async def shutdown(opts: Mapping[str, Any]) -> None:
    """Disconnect."""
    remote = __context__.pop(_KEY, None)
    if remote is not None:
        await remote.close()


def grains() -> dict[str, Any]:
    """Return the grains that were read when it was connected, or last refreshed."""
    return dict(_remote().grains)


async def grains_refresh() -> dict[str, Any]:
    """Read the grains anew. Raises ``CommandError``."""
    return dict(await _remote().refresh())


async def stats() -> dict[str, Any]:
    """Return the numbers that ``metrics`` name. Raises ``CommandError``."""
    return await _remote().sample()


async def call(name: str, /, *args: Any, **kwargs: Any) -> Any:
    """Run the declared command *name* with arguments, and return its answer, read as declared.

    Raises ``ArgumentError`` and ``CommandError``.
    """
    return await _remote().call(name, *args, **kwargs)


async def run(command: str, timeout: float = 0) -> dict[str, Any]:
    """Run a *command* as it is: ``{"stdout", "stderr", "retcode"}``, the last ``None`` from a shell.

    Raises ``CommandError``.
    """
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 <= timeout <= 3600:
        raise CommandError(f"ssh: timeout={timeout!r}: seconds from 0 to 3600 are right")
    answer = await _remote().run(str(command), timeout)
    stdout, stderr = (told.decode("utf-8", "replace") for told in (answer.stdout, answer.stderr))
    return {"stdout": stdout, "stderr": stderr, "retcode": answer.status}


def commands() -> dict[str, dict[str, Any]]:
    """Return the declared commands: ``{name: {"run", "arguments", "defaults"}}``."""
    from saltern_modules._ssh_settings import shown

    return shown(_remote().settings.commands)


def _remote() -> SshRemote:
    remote: SshRemote | None = __context__.get(_KEY)
    if remote is None:
        raise CommandError("ssh: the device has not been opened")
    return remote
