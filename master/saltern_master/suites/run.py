"""One run of a suite on one minion, from what ``suite.run`` returned there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

FUNCTION = "suite.run"
PASSED, FAILED, ERROR, SKIPPED = OUTCOMES = ("passed", "failed", "error", "skipped")
BAD = frozenset((FAILED, ERROR))
WHOLE = "(suite)"
"""The test that stands for a suite of which none could be named."""
MAX_NAME = 300
MAX_MESSAGE = 4000
_SCHEME = "salt://"


class Result(NamedTuple):
    """What a test came to; *seconds* are unknown where they weren't told."""

    outcome: str
    seconds: float | None = None
    message: str = ""


class Run(NamedTuple):
    """A run: *received* in epoch seconds."""

    jid: str
    minion_id: str
    suite: str
    received: float
    results: Mapping[str, Result]

    def count(self, outcome: str) -> int:
        """Return how many tests came to *outcome*."""
        return sum(result.outcome == outcome for result in self.results.values())

    @property
    def seconds(self) -> float:
        """How long its tests took."""
        return sum(result.seconds or 0.0 for result in self.results.values())


def run_of(jid: str, minion_id: str, received: float, data: Mapping[str, Any]) -> Run:
    """Return the run that a return's *data* is. What a minion returned that is no test's row is one that broke."""
    returned = data.get("return")
    suite = suite_of(data.get("fun_args"))
    if not isinstance(returned, Mapping):
        return Run(jid, minion_id, suite, received, {WHOLE: Result(ERROR, None, str(returned)[:MAX_MESSAGE])})
    results = {str(test)[:MAX_NAME]: _result(row) for test, row in returned.items()}
    return Run(jid, minion_id, suite, received, results or {WHOLE: Result(ERROR, None, "it has no tests")})


def suite_of(arguments: Any) -> str:
    """Return what a suite is called: its ``name``, else what was to be run."""
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for one in arguments if isinstance(arguments, list) else ():
        if isinstance(one, Mapping) and one.get("__kwarg__"):
            keywords.update(one)
        else:
            positional.append(one)
    name = keywords.get("name") or (positional[1] if len(positional) > 1 else "")
    source = keywords.get("source") or (positional[0] if positional else "")
    return " ".join(str(name or source).removeprefix(_SCHEME).split())[:MAX_NAME] or "(unnamed)"


def _result(row: Any) -> Result:
    if not isinstance(row, Mapping) or row.get("outcome") not in OUTCOMES:
        return Result(ERROR, None, f"no row of a test: {row!r:.200}")
    seconds = row.get("seconds")
    known = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 <= seconds < 1e9
    message = str(row.get("message") or "")[:MAX_MESSAGE]
    return Result(str(row["outcome"]), float(seconds) if known else None, message)  # type: ignore[arg-type]  # it is known
