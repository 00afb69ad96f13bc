"""``salt.runner``: functions of the master's, run on its host."""

from __future__ import annotations

from typing import Any


class RunnerClient:
    """The client of the master on this host."""

    def __new__(cls, opts: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return that of ``saltern.runner``."""
        from saltern.runner import RunnerClient as of_master

        return of_master(opts)


Runner = RunnerClient
