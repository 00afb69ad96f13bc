"""Questions to the kernel of which each may stay unanswered for ever, and costs its own answer alone then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltern_modules.collectors.asking.aside import Aside

TIMEOUT_S = 1.0
"""For all questions of one time; as much again when one of them wasn't answered."""

MAX_UNANSWERED = 64
"""Each keeps a thread. What came after so many is asked no more until one of them is answered; only what was answered
the last time is, until twice as many aren't."""

MAX_REMEMBERED = 4096
"""Keys of those that were answered."""

Question = Callable[[], Any]


class _Round:
    """Some questions, asked one after another in one thread."""

    def __init__(self, questions: Mapping[str, Question], keys: Iterable[str], left: set[str]) -> None:
        self._questions = questions
        self._left = left
        self._lock = threading.Lock()
        self._over = False
        self.keys = list(keys)
        """Those not yet asked, and at first the one being asked."""

        self.answers: dict[str, Any] = {}

    def __call__(self) -> None:
        while self.keys:
            key = self.keys[0]
            answer: Any
            try:
                answer = self._questions[key]()
            except OSError as error:
                answer = error
            with self._lock:
                if self._over:
                    self._left.discard(key)
                    return
                self.answers[key] = answer
                del self.keys[0]

    def end(self) -> list[str]:
        """End it; return the keys that were not asked. The one being asked is left to its thread."""
        with self._lock:
            self._over = True
            if self.keys:
                self._left.add(self.keys[0])
            return self.keys[1:]


class Questions:
    """Asks, and remembers which questions the kernel has not answered yet: those are not asked again until it has."""

    def __init__(self, name: str, timeout_s: float = TIMEOUT_S) -> None:
        self._name = name
        self._timeout_s = timeout_s
        self._aside = Aside(name)
        self.unanswered: set[str] = set()
        """The keys of the questions whose thread was left behind."""

        self._answered: set[str] = set()
        """The keys of those that were answered the last time."""

    def ask(self, questions: Mapping[str, Question]) -> dict[str, Any]:
        """Return the answers by the questions' keys, an ``OSError`` as such; those without one are left out.

        All are asked in one thread; when one keeps it, each of those behind that one gets a thread of its own.
        """
        answers = self._ask(questions, self._room([key for key in questions if key not in self.unanswered]))
        rest = self._answered - questions.keys() if len(self._answered) < MAX_REMEMBERED else set()
        self._answered = rest | answers.keys()
        return answers

    def _ask(self, questions: Mapping[str, Question], keys: list[str]) -> dict[str, Any]:
        round_ = _Round(questions, keys, self.unanswered)
        if not round_.keys or self._aside.do(round_, self._timeout_s):
            return round_.answers
        others = round_.end()
        return {**round_.answers, **self._side_by_side(questions, self._room(others))}

    def _room(self, keys: list[str]) -> list[str]:
        """Return those of *keys* that may be asked, each of which may keep a thread."""
        known = [key for key in keys if key in self._answered]
        new = [key for key in keys if key not in self._answered]
        left = len(self.unanswered)
        return known[: max(2 * MAX_UNANSWERED - left, 0)] + new[: max(MAX_UNANSWERED - left, 0)]

    def _side_by_side(self, questions: Mapping[str, Question], keys: list[str]) -> dict[str, Any]:
        rounds = [_Round(questions, [key], self.unanswered) for key in keys]
        threads = [threading.Thread(target=round_, name=self._name, daemon=True) for round_ in rounds]
        for thread in threads:
            thread.start()
        until = time.monotonic() + self._timeout_s
        answers: dict[str, Any] = {}
        for thread, round_ in zip(threads, rounds, strict=True):
            thread.join(max(until - time.monotonic(), 0.0))
            round_.end()
            answers.update(round_.answers)
        return answers
