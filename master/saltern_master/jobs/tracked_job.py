"""A job that the tracker knows: whom it went to, who is awaited, and who doesn't return."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping

from saltern_master.auth.caller import Caller
from saltern_master.jobs.follower import Follower

NOT_CONNECTED = "Minion did not return. [Not connected]"


class TrackedJob:
    """One job. *sent*: the minions that got it, with the key that each had; *missing* did not; *held* get it later."""

    __slots__ = (
        "answer_s",
        "asked",
        "asked_at",
        "check_at",
        "chosen",
        "digest",
        "failed",
        "followers",
        "fun",
        "held",
        "holder",
        "jid",
        "keys",
        "lost",
        "minions",
        "owner",
        "question",
        "quiet_s",
        "started",
        "told",
        "unsure",
        "user",
        "waiting",
    )

    def __init__(
        self,
        jid: str,
        fun: str | list[str],
        caller: Caller | None,
        sent: Mapping[str, str],
        missing: Iterable[str] = (),
        quiet_s: float | None = None,
        held: Iterable[str] = (),
        digest: str = "",
    ) -> None:
        """*quiet_s*: how long it may be silent before its minions are asked, when not as long as usual.

        *digest*: of what is sent to the held ones when their turn comes.
        """
        self.jid = jid
        self.fun = fun
        self.user = caller.user if caller else ""
        self.owner = caller.principal if caller else ""
        self.holder = caller.holder if caller else ""
        self.held = set(held)
        self.digest = digest
        self.minions = tuple(sorted({*sent, *self.held}))
        self.keys = [sent.get(minion_id) for minion_id in self.minions]
        self.quiet_s = quiet_s or 0.0
        self.answer_s: float | None = None
        """How long its minions have to say whether they work on it, when not as long as usual."""
        self.waiting = set(sent)
        self.lost = dict.fromkeys(missing, NOT_CONNECTED)
        self.failed = 0
        self.chosen = False
        """Whether who started it chose its jid: a scheduled run may have that jid too."""
        self.asked: set[str] = set()
        self.question = 0
        self.asked_at = self.started = self.check_at = self.told = 0.0
        self.followers: list[Follower] = []
        self.unsure = False
        """Taken up after a restart: who has returned isn't known."""

    def key_of(self, minion_id: str) -> str | None:
        """Return the key that a minion of this job had, or ``None`` for one that the job didn't go to."""
        at = self._place(minion_id)
        return None if at is None else self.keys[at]

    def sent(self, minion_id: str, key: str) -> None:
        """Note that the job went to one of those that it was held for."""
        at = self._place(minion_id)
        if at is not None:
            self.keys[at] = key
            self.waiting.add(minion_id)

    def _place(self, minion_id: str) -> int | None:
        at = bisect.bisect_left(self.minions, minion_id)
        return at if at < len(self.minions) and self.minions[at] == minion_id else None

    def returned(self) -> list[str]:
        """Return the minions that have answered."""
        return [minion_id for minion_id in self.minions if minion_id not in self.waiting and minion_id not in self.lost]

    def numbers(self) -> dict[str, int]:
        """Return how many are done, running, away and failed."""
        gone = sum(self._place(minion_id) is not None for minion_id in self.lost)
        done = len(self.minions) - len(self.waiting) - len(self.held) - gone
        return {"done": done, "running": len(self.waiting), "away": len(self.lost), "failed": self.failed}
