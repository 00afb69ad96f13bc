"""Prints returns: to see what returners are given."""

from __future__ import annotations

from typing import Any

from saltern.secret import MASK


def returner(ret: dict[str, Any]) -> None:
    """Print *ret*, with ``***`` for what its returners are given: with ``saltern-call`` on the terminal, of an agent to
    where its service's output goes.

    CLI Example:

    .. code-block:: bash

        saltern-call --return local test.ping
    """
    options = ret.get("ret_kwargs")
    print({**ret, "ret_kwargs": dict.fromkeys(options, MASK)} if options else ret)
