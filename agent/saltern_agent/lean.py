"""pyzmq, without what it imports for functions that no agent calls, and without its types' texts: 0.7 MiB.

``pickle`` and ``json`` are for ``send_pyobj`` and ``send_json``, ``random`` for binding to a random port, ``platform``
for telling whether this is PyPy. A type that is named by a text is compiled by ``typing``, for which Python makes all
types of its syntax tree (``saltern.named``): to us they are texts.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from saltern_agent.later import put_off


@contextmanager
def _texts() -> Iterator[None]:
    """Have types that are named by texts be these texts, in what is imported meanwhile, by this thread alone."""
    names = vars(typing)
    kept = names["ForwardRef"]
    if sys.version_info < (3, 14):  # from there on nothing is compiled until somebody asks

        def as_it_is(text: str, **_: Any) -> str:
            return text

        names["ForwardRef"] = as_it_is
    try:
        yield
    finally:
        names["ForwardRef"] = kept


with put_off("pickle", "json", "random", "platform"), _texts():
    import zmq as zmq
