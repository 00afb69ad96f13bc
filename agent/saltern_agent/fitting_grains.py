"""Grains of a device that are too large for the master are left out, the largest first: the others are told."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from saltern.wire import pack_value

log = logging.getLogger(__name__)

MAX_BYTES = 1_000_000
"""Of all of them, packed: the master keeps a little more, which is for how the device is."""

SHOWN = 5


def fitting(grains: Mapping[str, Any]) -> dict[str, Any]:
    """Return *grains*, which are plain, without those that make them more than ``MAX_BYTES``; that is said once each.

    A device says what it likes, and a message to the master is bounded.
    """
    size = len(pack_value(grains))
    if size <= MAX_BYTES:
        return dict(grains)
    sizes = {name: len(pack_value({name: value})) for name, value in grains.items()}
    left_out = []
    for name in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        if size <= MAX_BYTES:
            break
        size -= sizes[name]
        left_out.append(name)
    some = ", ".join(str(name)[:80] for name in left_out[:SHOWN])
    more = f" and {len(left_out) - SHOWN} more" if len(left_out) > SHOWN else ""
    over = f"a device's grains are over {MAX_BYTES:,} bytes"
    log.warning("%s: %s: left out are %s%s", grains.get("id"), over, some, more)
    gone = set(left_out)
    return {name: value for name, value in grains.items() if name not in gone}
