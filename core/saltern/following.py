"""What comes back to a job: answers as they come, and who doesn't return."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from saltern.local import Access, LocalConnection

STORED_WITHIN_S, STORED_LOOK_S = 30.0, 0.2
ASKED_AT_ONCE = 500
NOT_STORED = "The answer came, and isn't stored yet: saltern-run jobs.lookup_jid {} shows it when it is"


class Following:
    """Reads the answers to a job from the connection that it was started on.

    An answer is the whole return, with ``ret``; of a minion that doesn't return, ``{"failed": why, "retcode": 1}``.
    """

    def __init__(self, access: str | Access, connection: LocalConnection, jid: str, *, over: bool = False) -> None:
        """*over*: it is a job for nobody."""
        self._access = access
        self._connection = connection
        self._jid = jid
        self.over = over
        """Whether nothing more will come."""

    def receive(self, timeout_s: float | None) -> list[tuple[str, dict[str, Any]]]:
        """Return the answers that are there, waiting up to *timeout_s* for a first one. Raises ``ChannelError``."""
        found: list[tuple[str, dict[str, Any]]] = []
        later: list[str] = []
        while not self.over and (event := self._connection.receive(0.0 if found or later else timeout_s)) is not None:
            if "end" in event:
                self.over = True
                break
            data = event["data"]
            if data.get("later"):
                later.append(data["id"])
            elif "failed" in data:
                found.append((data["id"], {"failed": data["failed"], "retcode": 1}))
            else:
                found.append((data["id"], whole(data)))
        for minion_id, data in stored_answers(self._access, self._jid, list(later)):
            later.remove(minion_id)
            found.append((minion_id, whole(data)))
        found += [(minion_id, {"failed": NOT_STORED.format(self._jid), "retcode": 1}) for minion_id in later]
        return found

    def answers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what comes, up to the end."""
        while not self.over:
            yield from self.receive(None)


def whole(data: dict[str, Any]) -> dict[str, Any]:
    """Return a return with its value under ``ret`` too."""
    return {**data, "ret": data.get("return")}


def stored_answers(
    access: str | Access, jid: str, minions: Iterable[str], within_s: float = STORED_WITHIN_S
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the answers of *minions* that came before we read, from where the master keeps them.

    It is looked again and again, until nothing was found for *within_s* seconds; once in any case.
    """
    left = dict.fromkeys(minions)
    last = time.monotonic()
    while left:
        with LocalConnection(access) as connection:
            returns = connection.call("job.returns", jid, list(left)[:ASKED_AT_ONCE])
        for minion_id, data in returns.items():
            if minion_id in left:
                del left[minion_id]
                last = time.monotonic()
                yield minion_id, data
        if left and not returns:
            if time.monotonic() - last >= within_s:
                return
            time.sleep(STORED_LOOK_S)
