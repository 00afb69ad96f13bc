"""A proxy that only holds others, as in Salt: it stands for no device itself, and is there as long as its program is.

::

    proxy:
      proxytype: deltaproxy
      ids: [switch1, switch2]     each with a proxy: in a pillar of its own
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__proxyenabled__ = ["deltaproxy"]


def init(opts: Mapping[str, Any]) -> None:
    """Open nothing."""


def shutdown(opts: Mapping[str, Any]) -> None:
    """Close nothing."""


def ping() -> bool:
    """Return ``True``: who is asked is there."""
    return True
