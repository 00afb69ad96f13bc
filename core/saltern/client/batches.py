"""A job on a few minions at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from saltern.client.keywords import check_keywords, of_a_job
from saltern.errors import UsageError

if TYPE_CHECKING:
    from saltern.client.local_client import LocalClient


def in_batches(
    client: LocalClient,
    tgt: str | Sequence[str],
    fun: str | Sequence[str],
    arg: Sequence[Any],
    tgt_type: str,
    kwarg: dict[str, Any] | None,
    batch: str | int,
    **kwargs: Any,
) -> Iterator[dict[str, Any]]:
    """Yield the answers to a job that *batch* of the minions have at a time; see ``LocalClient.cmd_batch``."""
    check_keywords(kwargs, ("failhard", "batch_wait", "raw"))
    batch_size(batch, 1)
    more = of_a_job(kwargs)
    pinged = client.cmd_iter(tgt, "test.ping", tgt_type=tgt_type, **more)
    present = sorted(one for row in pinged for one, data in row.items() if "ret" in data)
    size = batch_size(batch, len(present))
    for start in range(0, len(present), size):
        for row in client.cmd_iter(present[start : start + size], fun, arg, kwarg=kwarg, **more):
            if answered := {one: data["ret"] for one, data in row.items() if "ret" in data}:
                yield answered


def batch_size(batch: str | int, total: int) -> int:
    """Return how many of *total* minions ``10`` or ``"25%"`` means, at least one. Raises ``UsageError``."""
    text = str(batch)
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise UsageError(f"-b {text}: must be a number of minions or a percentage, as in 10 or 25%")
    return max(1, int(total * number / 100) if text.endswith("%") else int(number))
