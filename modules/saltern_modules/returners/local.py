"""Prints returns: to see what returners are given."""

from __future__ import annotations

from typing import Any

from saltern_modules._return import masked_options


def returner(ret: dict[str, Any]) -> None:
    """Print *ret*, with ``***`` for what its returners are given: with ``saltern-call`` on the terminal, of an agent to
    where its service's output goes.

    CLI Example:

    .. code-block:: bash

        saltern-call --return local test.ping
    """
    print(masked_options(ret))
