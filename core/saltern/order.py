"""A job as it is ordered from the master: what, on whom, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from saltern.local import LocalConnection


class Ordered(NamedTuple):
    """A job on its way: *minions* are all it is for, *unknown* names that its target lists and no accepted minion has.

    A job for nobody has no jid. *problem*: what is wrong with the target's expression, if anything is.
    """

    jid: str
    minions: list[str]
    unknown: list[str]
    problem: str


class Order(NamedTuple):
    """A job. *fun* is a name, or names with a list of arguments for each in *arg* then.

    *quiet_s*: seconds of silence after which the master asks the minions whether they still work on it; ``None``: as
    long as its configuration says. *more*: what else goes with it, by its name in the command ``job.publish``.
    """

    tgt: str | list[str]
    tgt_type: str
    fun: str | list[str]
    arg: list[Any]
    kwarg: dict[str, Any]
    isolate: bool = False
    quiet_s: float | None = None
    more: Mapping[str, Any] = {}

    def on(self, minions: Sequence[str], **more: Any) -> Order:
        """Return the same job on these minions; *more* is added to what goes with it."""
        kept = {name: value for name, value in self.more.items() if name != "delimiter"}
        return self._replace(tgt=list(minions), tgt_type="list", more={**kept, **more})

    def instead(self, fun: str, arg: Sequence[Any] = ()) -> Order:
        """Return another function on the same minions, that of an aid to this job: nothing of its goes with it."""
        aid = {name: value for name, value in self.more.items() if name in ("delimiter", "gather")}
        return self._replace(fun=fun, arg=list(arg), kwarg={}, isolate=False, more=aid)

    def publish(self, connection: LocalConnection, *, follow: bool = True) -> Ordered:
        """Start the job; its answers come on *connection* then where *follow* says so.

        Raises ``TargetError``, ``NotAuthorised``, ``ArgumentError``, ``ChannelError``.
        """
        answer = connection.call(
            "job.publish",
            tgt=self.tgt,
            tgt_type=self.tgt_type,
            fun=self.fun,
            arg=self.arg,
            kwarg=self.kwarg,
            isolate=self.isolate,
            quiet=self.quiet_s,
            follow=follow,
            **self.more,
        )
        return Ordered(answer["jid"], answer["minions"], answer["unknown"], answer.get("problem") or "")
