"""``pam``: the users of this host, and whom else its PAM knows, by the service ``auth.pam.service`` (``login``).

PAM runs modules of the host's in the process that asks, some of which wait, some of which end it: so each question is
asked by a child (``pam_child.py``) that runs with this same Python, is told name and password by its standard input,
and is killed when it takes too long. Whose passwords may be tried is the host's own rule: with ``pam_unix`` the master
must run as root, or in the group ``shadow``.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading

from saltern.errors import ChannelError
from saltern.own_python import python_module
from saltern.process_group import signal_group
from saltern.visible import visible
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.eauth.given import Given

SERVICE = "login"
CHILDREN = 4
WITHIN_S = 15.0
"""``pam_unix`` and ``pam_faildelay`` wait some seconds before they say no."""
MAX_PASSWORD_BYTES = 511
"""Libpam's own bound (PAM_MAX_RESP_SIZE)."""
MAX_ANSWER_BYTES = 256 * 1024
CHILD = "saltern_master.auth.eauth.pam_child"


class PamDriver:
    """Asks PAM, *service* of it; *folder* has the services in the place of ``/etc/pam.d``."""

    def __init__(self, service: str = SERVICE, folder: str = "", within_s: float = WITHIN_S) -> None:
        self._service = service
        self._folder = folder
        self._within_s = within_s
        self._children = threading.BoundedSemaphore(CHILDREN)

    def authenticate(self, username: str, password: str) -> Identity | None:
        """Return who *username* is, with all his groups, when PAM says so and that his account may be used."""
        if "\0" in username + password or len(password.encode()) > MAX_PASSWORD_BYTES:
            return None  # libpam would take its beginning alone
        asked = {"service": self._service, "folder": self._folder, "username": username, "password": password}
        with self._children:
            output = self._answer(json.dumps(asked).encode())
        try:
            answer = json.loads(output)
            error, name, groups = answer["error"], answer["name"], answer["groups"]
        except (ValueError, KeyError, TypeError):
            raise ChannelError(f"pam: {self._service}: the process that asks it ended without an answer") from None
        if error:
            raise ChannelError(f"pam: {self._service}: {visible(error)[:200]}")
        return Identity(name, frozenset(groups)) if name else None

    def _answer(self, asked: bytes) -> bytes:
        process = subprocess.Popen(
            python_module(CHILD),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # modules may say there whatever they like
            start_new_session=True,
            cwd="/",
        )
        try:
            output, _ = process.communicate(asked, self._within_s)
        except subprocess.TimeoutExpired:
            raise ChannelError(f"pam: {self._service}: no answer within {self._within_s:g} s") from None
        finally:
            signal_group(process.pid, signal.SIGKILL)  # with what it started, but for what made itself a session
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        return output[: MAX_ANSWER_BYTES + 1] if len(output) <= MAX_ANSWER_BYTES else b""


def configured(given: Given) -> PamDriver:
    """Return the driver that ``auth.pam.…`` asks for; Salt's ``python`` is of no use here. Raises ``ConfigError``."""
    given.known(("service", "python"))
    service = given.text("service", SERVICE)
    if not service or "/" in service or "\0" in service:
        raise given.fault("service", f"must be the name of a file in /etc/pam.d, as in {SERVICE}")
    return PamDriver(service)
