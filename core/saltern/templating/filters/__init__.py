"""Salt's Jinja filters and tests, beside those that Jinja has; one file for each kind of value.

Each file has ``FILTERS``, by the names that templates use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.templating.filters import dicts, hashes, lists, networks, paths, texts


def every_filter() -> Mapping[str, Callable[..., Any]]:
    """Return all filters by name."""
    return {
        **texts.FILTERS,
        **lists.FILTERS,
        **dicts.FILTERS,
        **hashes.FILTERS,
        **networks.FILTERS,
        **paths.FILTERS,
    }


def every_test() -> Mapping[str, Callable[..., bool]]:
    """Return the tests by name: what stands after ``is``."""
    return {"match": texts.matches, "equalto": lambda value, other: bool(value == other), "list": lists.is_list}
