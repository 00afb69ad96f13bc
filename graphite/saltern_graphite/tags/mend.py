"""Mending the tag index after a fault of its file: nothing that it knew or learned meanwhile is forgotten."""

from __future__ import annotations

import logging
from itertools import islice

from saltern_graphite.tags.index import TagIndex
from saltern_graphite.tags.salvage import salvaged

AT_ONCE = 500
"""How many series one transaction enters."""

log = logging.getLogger(__name__)


def mend(index: TagIndex) -> None:
    """Take up the file again, enter what was entered meanwhile, and what can be read of a damaged one.

    For one thread. ``StoreError`` if that can't be done yet; it may be called again then.
    """
    file = index.file
    if file.fault:
        index.take_up_file()
    while file.left:
        index.add(file.left[:AT_ONCE])
        del file.left[:AT_ONCE]
    while file.asides:
        names, new = salvaged(file.asides[0]), 0
        while some := list(islice(names, AT_ONCE)):
            new += index.add(some)
        log.warning("%d series were read from the damaged tag index %s", new, file.asides[0])
        file.asides.pop(0)
