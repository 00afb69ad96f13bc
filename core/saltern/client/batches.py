"""A job on a few minions at a time, in the shapes of ``LocalClient.cmd_batch``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltern.batch import Answered, Batch, Lost


def batch_rows(batch: Batch, *, raw: bool = False) -> Iterator[dict[str, Any]]:
    """Yield ``{minion_id: its answer}`` as answers come, ``{}`` as that of one that didn't return.

    *raw*: ``{"data": the whole return, "tag": its event's}`` instead, of those that did.
    """
    for step in batch.run():
        if isinstance(step, Answered):
            if raw:
                data = {name: value for name, value in step.data.items() if name != "ret"}
                yield {"data": data, "tag": f"salt/job/{batch.jid}/ret/{step.minion_id}"}
            else:
                yield {step.minion_id: step.data["ret"]}
        elif isinstance(step, Lost) and not raw:
            yield {step.minion_id: {}}
