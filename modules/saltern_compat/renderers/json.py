"""``salt.renderers.json``."""

from saltern_compat.renderers import json_ as render

__all__ = ["render"]
