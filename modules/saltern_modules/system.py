"""Halting and starting the host anew, and what it is called; the clock is in ``system_clock.py``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.errors import ArgumentError
from saltern_modules import _accounts

__salt__: Mapping[str, Callable[..., Any]]

__powers__ = {
    "halt": "writes",
    "init": "writes",
    "poweroff": "writes",
    "reboot": "writes",
    "shutdown": "writes",
    "get_computer_desc": "reads",
    "set_computer_desc": "writes",
    "get_computer_name": "reads",
    "set_computer_name": "writes",
    "get_reboot_required_witnessed": "reads",
    "set_reboot_required_witnessed": "writes",
}

TIMEOUT_S = 60
MACHINE_INFO = "/etc/machine-info"
REBOOT_WITNESS = "/var/volatile/tmp/salt/reboot_witnessed"
PRETTY = re.compile(r"^\s*PRETTY_HOSTNAME=(.*)$")
RUNLEVEL = re.compile(r"[0-6a-cA-CsSqQuU]")
WHEN = re.compile(r"now|\+?[0-9]{1,9}|[0-9]{1,2}:[0-9]{2}")
ESCAPES = ((r"\\", "\\"), (r"\"", '"'), (r"\n", "\n"), (r"\t", "\t"))


def halt() -> str:
    """Halt the host, and return what the program said.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.halt
    """
    return _said(["halt"])


def poweroff() -> str:
    """Switch the host off, and return what the program said.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.poweroff
    """
    return _said(["poweroff"])


def init(runlevel: str | int) -> str:
    """Take the host to a *runlevel* of System V's, and return what the program said. Raises ``ArgumentError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.init 3
    """
    if not RUNLEVEL.fullmatch(str(runlevel)):
        raise ArgumentError(f"system.init: a runlevel is a digit from 0 to 6, or S, not {runlevel!r}")
    return _said(["init", str(runlevel)])


def reboot(at_time: str | int | None = None) -> str:
    """Start the host anew, now or at a time: in so many minutes, or at ``HH:MM``. Raises ``ArgumentError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.reboot
        saltern '*' system.reboot 5
    """
    return _said(["shutdown", "-r", _when("reboot", at_time)])


def shutdown(at_time: str | int | None = None) -> str:
    """Shut the host down, now or at a time: in so many minutes, or at ``HH:MM``. Raises ``ArgumentError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.shutdown 5
    """
    return _said(["shutdown", "-h", _when("shutdown", at_time)])


def _when(function: str, at_time: str | int | None) -> str:
    when = str(at_time) if at_time else "now"
    if not WHEN.fullmatch(when):
        raise ArgumentError(f"system.{function}: at_time is a number of minutes or HH:MM, not {at_time!r}")
    return when


def _said(argv: Sequence[str]) -> str:
    return str(__salt__["cmd.run"](list(argv), python_shell=False, timeout=TIMEOUT_S))


def _ran(argv: Sequence[str], **options: Any) -> dict[str, Any]:
    done: dict[str, Any] = __salt__["cmd.run_all"](list(argv), python_shell=False, timeout=TIMEOUT_S, **options)
    return done


def get_computer_desc() -> str | bool:
    """Return what the host calls itself to people (``PRETTY_HOSTNAME`` of machine-info(5)), ``False`` without any.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.get_computer_desc
    """
    program = _accounts.found_program("hostnamectl")
    text: str | None = None
    if program:
        text = _said([program, "status", "--pretty"])
    else:
        for line in _machine_info():
            if found := PRETTY.match(line):
                text = _unquoted(found[1].strip())
    if text is None:
        return False
    for escaped, plain in ESCAPES:
        text = text.replace(escaped, plain)
    return text


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _machine_info() -> list[str]:
    try:
        with open(MACHINE_INFO, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:
        return []


def set_computer_desc(desc: str) -> bool:
    """Set what the host calls itself to people, and return whether that went well.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.set_computer_desc "Michael's laptop"
    """
    text = str(desc).replace('"', r"\"").replace("\n", r"\n").replace("\t", r"\t")
    program = _accounts.found_program("hostnamectl")
    if program:
        return bool(_ran([program, "set-hostname", "--pretty", "--", text])["retcode"] == 0)
    from saltern.files import replacement

    lines = _machine_info()
    at = next((index for index, line in enumerate(lines) if PRETTY.match(line)), len(lines))
    lines[at : at + 1] = [f'PRETTY_HOSTNAME="{text}"']
    try:
        with replacement(MACHINE_INFO, 0o644, keep_mode=True) as stream:
            stream.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    except OSError:
        return False
    return True


def get_computer_name() -> str:
    """Return the host's name.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.get_computer_name
    """
    return str(__salt__["network.get_hostname"]())


def set_computer_name(hostname: str) -> bool:
    """Give the host another name, and return whether that went well.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.set_computer_name web1.example.com
    """
    return bool(__salt__["network.mod_hostname"](hostname))


def get_reboot_required_witnessed() -> bool:
    """Return whether ``system.set_reboot_required_witnessed`` was called since the host started.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.get_reboot_required_witnessed
    """
    return os.path.exists(REBOOT_WITNESS)


def set_reboot_required_witnessed() -> bool:
    """Keep in mind, until the host starts anew, that it has to; return whether that went well.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.set_reboot_required_witnessed
    """
    from saltern.files import make_folder, write_atomic

    try:
        make_folder(os.path.dirname(REBOOT_WITNESS), 0o755)
        write_atomic(REBOOT_WITNESS, b"")
    except OSError as error:
        raise ArgumentError(f"Error creating {error.filename} (-{error.errno}): {error.strerror}") from None
    return True
