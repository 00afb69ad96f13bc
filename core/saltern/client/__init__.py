"""Running functions on minions from Python, under the names that Salt's users know.

::

    import saltern.client
    client = saltern.client.LocalClient()
    client.cmd("*", "test.ping")                                # {"host01": True, …}
    client.cmd("*", "test.arg", ["a", "b"], kwarg={"foo": 1})
    client.run_job("*", "test.sleep", [300])                    # {"jid": "…", "minions": ["jerry"]}
    saltern.client.Caller().cmd("grains.get", "os")             # here, as this minion
    await saltern.client.AsyncLocalClient().cmd("*", "test.ping")

``Caller`` and ``AsyncLocalClient`` are loaded when they are asked for: a command line needs neither.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from saltern.batch import batch_size
from saltern.client.local_client import LocalClient
from saltern.client.silence import NO_ANSWER, NOT_CONNECTED, no_response

if TYPE_CHECKING:
    from saltern.asynchronous import AsyncLocalClient

    Caller: Any  # the agent's, which this package may not name

__all__ = [
    "NOT_CONNECTED",
    "NO_ANSWER",
    "AsyncLocalClient",
    "Caller",
    "LocalClient",
    "batch_size",
    "get_local_client",
    "no_response",
]


def get_local_client(c_path: str | os.PathLike[str] | None = None, mopts: Any = None, **kwargs: Any) -> LocalClient:
    """Return a ``LocalClient``; Salt's name for it."""
    return LocalClient(c_path, mopts, **kwargs)


def __getattr__(name: str) -> Any:
    if name == "Caller":
        from saltern.client.caller import caller_class

        return caller_class()
    if name == "AsyncLocalClient":
        from saltern.asynchronous import AsyncLocalClient

        return AsyncLocalClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
