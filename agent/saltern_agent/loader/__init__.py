"""Finding, loading and calling execution modules."""

from saltern_agent.loader.loader import Loader

__all__ = ["Loader"]
