"""The mark on jobs by which pages look at hosts: lists of jobs tell what people did, and leave these out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.look import LOOK


def is_look(told: Mapping[str, Any]) -> bool:
    """Return whether a job, as ``jobs.list_jobs`` tells of it, only looked; who isn't shown its metadata can't say."""
    found = told.get("Metadata")
    return isinstance(found, Mapping) and LOOK.items() <= found.items()
