"""Calling functions that run on the master (``saltern-run`` in Python)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltern.local import LocalConnection


class RunnerClient:
    """``RunnerClient(opts).cmd("jobs.list_jobs")``."""

    def __init__(self, opts: Mapping[str, Any]) -> None:
        self.opts = opts

    def cmd(
        self, fun: str, arg: Sequence[Any] = (), kwarg: Mapping[str, Any] | None = None, timeout: float = 60.0
    ) -> Any:
        """Run *fun* on the master and return its result. Raises ``FunctionNotFound``, ``SalternError``."""
        with LocalConnection(self.opts["sock_dir"]) as connection:
            return connection.call(f"runner.{fun}", *arg, within_s=timeout, **(kwarg or {}))
