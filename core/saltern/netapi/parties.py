"""The parts of the Python API that calls go through, all of them as one caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.client import LocalClient
from saltern.errors import SalternError
from saltern.runner import RunnerClient
from saltern.wheel import WheelClient


class Parties:
    """Clients of one master that call as who shows *auth*, from the address *origin*."""

    def __init__(self, opts: Mapping[str, Any], auth: Mapping[str, Any], origin: str) -> None:
        self.local = LocalClient(mopts=opts)
        self.runner = RunnerClient(opts)
        self.wheel = WheelClient(opts)
        for one in (self.local, self.runner, self.wheel):
            one.auth = auth
            one.origin = origin

    def user(self) -> str:
        """Return the name of who calls, ``""`` where the master doesn't say."""
        try:
            with self.runner.connect() as connection:
                return str(connection.call("login.about")["user"])
        except SalternError:
            return ""

    def interrupt(self) -> None:
        """End what is under way, from another thread."""
        for one in (self.local, self.runner, self.wheel):
            one.interrupt()
