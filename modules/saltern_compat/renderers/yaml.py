"""``salt.renderers.yaml``."""

from saltern_compat.renderers import yaml as render

__all__ = ["render"]
