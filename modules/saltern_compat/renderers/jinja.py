"""``salt.renderers.jinja``."""

from saltern_compat.renderers import jinja as render

__all__ = ["render"]
