"""Pages that show the fleet, and beside it what someone keeps: the fleet is shown though the database fails."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from django.db import Error as DatabaseError

from saltern.visible import visible

log = logging.getLogger(__name__)

T = TypeVar("T")


async def as_far_as_kept(asking: Awaitable[Sequence[T]]) -> Sequence[T]:
    """Return what *asking* gives, or nothing where the database fails, which the log says."""
    try:
        return await asking
    except DatabaseError as error:
        log.error("the console's database fails: %s", visible(" ".join(str(error).split()))[:1000])
        return ()
