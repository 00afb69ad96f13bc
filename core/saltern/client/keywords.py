"""The keywords of Salt's calls that aren't parameters here: which count, which change nothing, which are refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

IDLE = frozenset(
    {
        "block",
        "io_loop",
        "listen",
        "progress",
        "show_timeout",
        "tgt",
        "tgt_type",
        "user",
    }
)
"""Those that change nothing of what is run, and where."""

OF_A_JOB = frozenset({"delimiter", "gather_job_timeout", "isolate", "metadata", "ret_config", "ret_kwargs", "timeout"})
"""Those that a job is sent with."""


INSTEAD = {
    "expr_form": "tgt_type",
    "args": "arg",
    "kwargs": "kwarg",
    "target": "tgt",
    "function": "fun",
    "batch": "cmd_batch",
    "subset": "cmd_subset",
}


def check_keywords(keywords: Mapping[str, Any], own: Collection[str] = ()) -> None:
    """Raise ``TypeError`` for a keyword that would change what is meant, and that nobody heeds.

    *own*: those that the call itself heeds.
    """
    for name in keywords:
        if name not in IDLE and name not in OF_A_JOB and name not in own:
            hint = f": use {INSTEAD[name]}" if name in INSTEAD else ""
            raise TypeError(f"LocalClient takes no keyword argument {name!r}{hint}")


def of_a_job(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of *keywords* that a job is sent with."""
    return {name: value for name, value in keywords.items() if name in OF_A_JOB}
