"""Paths into nested data, for modules; ``saltern.traverse`` has them, as templates need them too."""

from __future__ import annotations

from saltern.traverse import MISSING, traverse

__all__ = ["MISSING", "traverse"]
