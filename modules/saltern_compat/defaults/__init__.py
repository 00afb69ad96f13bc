"""``salt.defaults``: values that stand for what wasn't given."""

from __future__ import annotations

DEFAULT_TARGET_DELIM = ":"


class _NotSet:
    def __repr__(self) -> str:
        return "<Constant.NOT_SET>"


NOT_SET = _NotSet()
"""Stands for no value, where ``None`` is one."""
