"""What is remembered of each login."""

from __future__ import annotations

import asyncio
import time

import pytest

from saltern_web.session.who import Remembered
from support.console import ConsoleClient


def test_many_who_ask_at_once_wait_for_one_answer_and_each_login_has_its_own(console: ConsoleClient) -> None:
    asked: list[str] = []

    async def ask(api: object) -> str:
        asked.append(api.token)  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        return f"of {api.token}"  # type: ignore[attr-defined]

    async def look() -> list[str]:
        book = Remembered(ask, 5.0)
        one, other = console.console.api("1"), console.console.api("2")
        return await asyncio.gather(*[book.get(one) for _ in range(5)], book.get(other))

    assert console.run(look()) == ["of 1"] * 5 + ["of 2"]
    assert asked == ["1", "2"]


def test_who_may_everything_shares_one_answer_and_nobody_else_sees_it(console: ConsoleClient) -> None:
    async def ask(api: object) -> str:
        return f"of {api.token}"  # type: ignore[attr-defined]

    async def alike(api: object) -> bool:
        return api.token in "12"  # type: ignore[attr-defined]

    async def look() -> list[str]:
        book = Remembered(ask, 5.0, alike=alike)
        return [await book.get(console.console.api(token)) for token in "123"]

    assert console.run(look()) == ["of 1", "of 1", "of 3"]


def test_a_failure_is_not_remembered_and_old_answers_are_let_go(
    console: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[object] = [ValueError("no"), "yes", "new"]

    async def ask(api: object) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    book = Remembered(ask, 5.0, most=2)
    api = console.console.api("1")
    with pytest.raises(ValueError, match="no"):
        console.run(book.get(api))
    assert console.run(book.get(api)) == "yes"
    assert console.run(book.get(api)) == "yes"
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    answers += ["other"]
    assert console.run(book.get(console.console.api("2"))) == "new"
    assert len(book._known) == 1
