"""What a job makes run beside its own function: the caller must be allowed that too.

An indirect function needs a grant of its exact name. Beyond that:

=====================  ================================================================================
``schedule.add``       the function that it schedules
``schedule.modify``    likewise when one is given; ``ANY`` when arguments are given to one that isn't
``schedule.run_job``   nothing: what they let run, arguments and all, was there before
``schedule.enable_job``
``cp.get_file``        nothing: what a written file makes run can't be told, so only its exact name grants it
``cp.recv``            likewise (``saltern-cp``)
``event.send``         likewise for whoever listens
``event.fire``
``--return NAME``      ``returner:NAME``: a returner runs code of the minion's with options of the caller's, to
                       write files or to send what was returned elsewhere; so does what ``schedule.add`` is given
=====================  ================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltern.errors import IdError
from saltern.ids import returners_of

RETURNER = "returner:"
"""Before a returner's name in grants. No module can be called so, and no glob covers it."""

ANY = "*"
"""Stands for a function that can't be told: no grant covers it, only the right to do everything."""

MAX_DEPTH = 8
"""A job may schedule a job that schedules a job …, so deep; it can't be told what is below."""

_SCHEDULING = ("schedule.add", "schedule.modify")


def scheduled_functions(fun: str, arg: Sequence[Any], kwarg: Mapping[str, Any]) -> list[str]:
    """Return the functions that *fun*, called with *arg* and *kwarg*, makes run later, each once.

    A job of several functions is asked about one by one, each with its list of arguments and the job's ``kwarg``.
    No bundled function takes a function's name by position, so that *arg* decides nothing today.
    """
    found: list[str] = []
    for _ in range(MAX_DEPTH):
        if fun not in _SCHEDULING:
            return found
        found += [name for name in named_returners(kwarg.get("returner")) if name not in found]
        named = kwarg.get("function")
        if named is None:
            given = not {"job_args", "job_kwargs", "return_config", "return_kwargs"}.isdisjoint(kwarg)
            return [*found, ANY] if given and fun == "schedule.modify" else found
        if not isinstance(named, str):  # a secret, or nonsense
            return [*found, ANY]
        if named not in found:
            found.append(named)
        kwarg = kwarg.get("job_kwargs") or {}
        if not isinstance(kwarg, Mapping):
            return [*found, ANY]
        fun = named
    return [*found, ANY]


def named_returners(names: Any) -> list[str]:
    """Return what grants call the returners *names* (``"a,b"``, or a list); ``ANY`` for what can't be told."""
    try:
        return [f"{RETURNER}{name}" for name in returners_of(names)]
    except IdError:
        return [ANY]
