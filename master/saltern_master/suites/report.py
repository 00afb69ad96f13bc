"""What the runs of one job say together: hosts and tests, what differs, is new, is slow, comes and goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from saltern_master.suites.run import BAD, OUTCOMES, SKIPPED, Run

HISTORY_RUNS = 20
"""So many runs before this one are looked at for tests that come and go."""
FLAKY_CHANGES = 2
"""A test that changed so often between good and bad in that time is flaky."""
SLOWEST = 10


@dataclass(frozen=True)
class Slow:
    """How long a test took on a minion."""

    test: str
    minion: str
    seconds: float


@dataclass(frozen=True)
class Flaky:
    """How often a test changed between good and bad on a minion, in how many runs."""

    test: str
    minion: str
    changes: int
    runs: int


@dataclass(frozen=True)
class Report:
    """A report on one job. Everything by minion is sorted by minion, everything by test by test.

    *silent*: minions that were asked and have no run here: they didn't answer, or not yet.
    """

    jid: str
    suite: str
    minions: Mapping[str, Mapping[str, float]]
    silent: Sequence[str]
    tests: Mapping[str, Mapping[str, str]]
    failures: Mapping[str, Mapping[str, str]]
    differs: Sequence[str]
    new: Mapping[str, Sequence[str]]
    fixed: Mapping[str, Sequence[str]]
    slowest: Sequence[Slow]
    flaky: Sequence[Flaky]
    seconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def bad(self) -> bool:
        """Whether a test failed or broke, or a minion is silent."""
        return bool(self.failures or self.silent)


def report_of(jid: str, asked: Iterable[str], runs: Sequence[Run], earlier: Callable[[Run], Sequence[Run]]) -> Report:
    """Return the report on a job that was for the minions *asked*, of which *runs* are there.

    *earlier* gives the runs before one, of the same suite on the same minion, newest first.
    """
    runs = sorted(runs, key=lambda run: run.minion_id)
    before = {run.minion_id: list(earlier(run)) for run in runs}
    names = sorted({test for run in runs for test in run.results})
    tests = {name: {run.minion_id: run.results[name].outcome for run in runs if name in run.results} for name in names}
    failures = {
        name: bad
        for name in names
        if (bad := {run.minion_id: _message(run, name) for run in runs if _is_bad(run, name)})
    }
    new = _changes(runs, before, lambda now, then: now and not then)
    fixed = _changes(runs, before, lambda now, then: then and not now)
    return Report(
        jid=jid,
        suite=", ".join(sorted({run.suite for run in runs})),
        minions={run.minion_id: _numbers(run) for run in runs},
        silent=sorted(set(asked) - {run.minion_id for run in runs}),
        tests=tests,
        failures=failures,
        differs=[name for name, by_minion in tests.items() if _differs(by_minion, len(runs))],
        new=new,
        fixed=fixed,
        slowest=_slowest(runs),
        flaky=[flaky for run in runs for flaky in _flaky(run, before[run.minion_id])],
        seconds={
            name: {run.minion_id: took for run in runs if name in run.results and (took := run.results[name].seconds)}
            for name in names
        },
    )


def _numbers(run: Run) -> dict[str, float]:
    return {**{outcome: run.count(outcome) for outcome in OUTCOMES}, "seconds": round(run.seconds, 3)}


def _is_bad(run: Run, test: str) -> bool:
    return test in run.results and run.results[test].outcome in BAD


def _message(run: Run, test: str) -> str:
    return run.results[test].message


def _differs(by_minion: Mapping[str, str], count: int) -> bool:
    return len(set(by_minion.values())) > 1 or len(by_minion) != count


def _changes(
    runs: Sequence[Run], before: Mapping[str, Sequence[Run]], wanted: Callable[[bool, bool], bool]
) -> dict[str, list[str]]:
    """Return the tests, with their minions, whose badness now and when they last ran before is *wanted*.

    Runs that broke before they came to a test say nothing of it.
    """
    found: dict[str, list[str]] = {}
    for run in runs:
        if not before[run.minion_id]:
            continue  # nothing is new in a first run
        for test in run.results:
            last = next((one for one in before[run.minion_id] if test in one.results), None)
            if wanted(_is_bad(run, test), last is not None and _is_bad(last, test)):
                found.setdefault(test, []).append(run.minion_id)
    return dict(sorted(found.items()))


def _slowest(runs: Sequence[Run]) -> list[Slow]:
    every = [
        Slow(test, run.minion_id, result.seconds) for run in runs for test, result in run.results.items()
        if result.seconds
    ]  # fmt: skip
    return sorted(every, key=lambda slow: (-slow.seconds, slow.test, slow.minion))[:SLOWEST]


def _flaky(run: Run, before: Sequence[Run]) -> list[Flaky]:
    found = []
    for test in sorted(run.results):
        outcomes = [one.results[test].outcome for one in (run, *before) if test in one.results]
        ran = [outcome in BAD for outcome in outcomes if outcome != SKIPPED]
        changes = sum(one != other for one, other in pairwise(ran))
        if changes >= FLAKY_CHANGES:
            found.append(Flaky(test, run.minion_id, changes, len(ran)))
    return found
