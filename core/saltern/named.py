"""``NamedTuple`` as ``typing`` has it, for what an agent imports.

``typing`` compiles each field's annotation that is a text, which all are here, and keeps its code; the first
``compile`` of a process has Python make all types of its syntax tree besides. That is half a megabyte of an agent, for
annotations that nobody asks for: here they stay texts.
"""

from __future__ import annotations

import sys
from collections import namedtuple
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or sys.version_info >= (3, 14):  # from there on typing leaves them alone until somebody asks
    from typing import NamedTuple as NamedTuple
else:

    class _Maker(type):
        """Makes a named tuple of a class statement."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.get("__annotations__", {})
            made = namedtuple(
                name, fields, defaults=[body[field] for field in fields if field in body], module=body["__module__"]
            )
            made.__annotations__ = made.__new__.__annotations__ = dict(fields)
            for key, value in body.items():
                if key not in fields and key not in ("__module__", "__dict__", "__weakref__", "__annotations__"):
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Maker):
        """The base of a class whose annotated names are the fields of a tuple."""
