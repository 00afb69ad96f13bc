"""The Test Anything Protocol, https://testanything.org/tap-version-14-specification.html: read line by line.

::

    TAP version 14
    1..4
    ok 1 - it starts
    not ok 2 - it answers
      ---
      message: no answer
      ...
    ok 3 - on Windows # SKIP not here
    not ok 4 - soon # TODO not yet
    Bail out! no disk

Subtests (indented) are part of the test that follows them. A ``# TODO`` that fails isn't a failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from saltern_modules._suite_row import ERROR, FAILED, PASSED, SKIPPED, Row, named, row

_TEST = re.compile(r"(not )?ok\b(?:\s+(\d+))?(?:\s+-)?\s*(.*)")
_PLAN = re.compile(r"1\.\.([0-9]{1,9})(?:\s*#\s*(.*))?")
_DIRECTIVE = re.compile(r"(.*?)(?<!\\)#\s*(skip|todo)\S*\s*(.*)", re.IGNORECASE)
_SECONDS = re.compile(r"\s*duration_ms:\s*([0-9.]+)")
MAX_LINES = 200
"""Of what a test's diagnostics may have."""


def looks_like_tap(line: str) -> bool:
    """Return whether *line*, the first that isn't empty, begins such a stream."""
    return line.startswith("TAP version ") or bool(_PLAN.fullmatch(line.rstrip()) or _TEST.match(line))


class TapReader:
    """Takes lines, and gives tests once all is known of them."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._open: tuple[str, str] | None = None  # a test's name and outcome, while its diagnostics may come
        self._notes: list[str] = []
        self._ms: float | None = None
        self._planned: int | None = None
        self._count = 0
        self._bailed = ""

    def line(self, text: str) -> Iterator[tuple[str, Row]]:
        """Take a line; yield the test before it, when it begins another."""
        text = text.rstrip()
        if text.startswith("Bail out!"):
            yield from self._closed()
            self._bailed = text.removeprefix("Bail out!").strip() or "it bailed out"
        elif text[:1] in (" ", "\t") or text.startswith("#"):
            self._note(text)
        elif plan := _PLAN.fullmatch(text):
            self._planned = int(plan[1])
            if not self._planned and plan[2]:
                yield from self._skipped_all(plan[2])
        elif test := _TEST.match(text):
            yield from self._closed()
            self._begin(test)

    def end(self) -> Iterator[tuple[str, Row]]:
        """Yield the last test, and what is wrong with the stream as a whole."""
        yield from self._closed()
        if self._bailed:
            yield "(bail out)", row(ERROR, message=self._bailed)
        elif self._planned is not None and self._planned != self._count and self._planned > 0:
            yield "(plan)", row(ERROR, message=f"{self._planned} tests were planned, and {self._count} ran")

    def _begin(self, test: re.Match[str]) -> None:
        self._count += 1
        outcome, name = FAILED if test[1] else PASSED, test[3]
        if directive := _DIRECTIVE.fullmatch(name):
            name = directive[1]
            outcome = SKIPPED if directive[2].lower() == "skip" or test[1] else outcome
            self._notes.append(directive[3])
        name = named(name.replace("\\#", "#") or f"test {test[2] or self._count}", self._seen)
        self._seen.add(name)
        self._open = name, outcome

    def _note(self, text: str) -> None:
        if self._open is None or len(self._notes) >= MAX_LINES:
            return
        if ms := _SECONDS.match(text):
            try:
                self._ms = float(ms[1])
            except ValueError:
                return
        elif text.strip() not in ("---", "..."):
            self._notes.append(text.removeprefix("#").strip())

    def _closed(self) -> Iterator[tuple[str, Row]]:
        if self._open is not None:
            name, outcome = self._open
            message = "" if outcome == PASSED else "\n".join(self._notes)
            yield name, row(outcome, None if self._ms is None else self._ms / 1000, message)
        self._open, self._notes, self._ms = None, [], None

    def _skipped_all(self, why: str) -> Iterator[tuple[str, Row]]:
        yield "(all)", row(SKIPPED, message=re.sub(r"(?i)^skip\S*\s*", "", why))
