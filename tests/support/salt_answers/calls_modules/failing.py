"""A module that can't be imported."""

import frobnicate_missing_library  # noqa: F401


def anything():
    """Never run."""
