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


class Counting:
    """Answers 1, 2, 3 … when a test lets it."""

    def __init__(self) -> None:
        self.asked = 0
        self.may = asyncio.Event()

    async def ask(self, api: object) -> int:
        self.asked += 1
        mine = self.asked
        if mine > 1:
            await self.may.wait()
        return mine


def test_an_answer_that_grows_old_is_asked_for_anew_while_it_is_good(
    console: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)

    async def look() -> None:
        nonlocal now
        source, api = Counting(), console.console.api("1")
        book = Remembered(source.ask, 2.0)
        assert await book.get(api) == 1
        now += 1.5
        assert [await book.get(api) for _ in range(3)] == [1, 1, 1]
        assert await book.get(api) == 1
        await asyncio.sleep(0)
        assert source.asked == 2
        source.may.set()
        while await book.get(api) == 1:
            await asyncio.sleep(0)
        now += 1.0  # the new one counts from when it was asked for
        assert await book.get(api) == 2
        assert source.asked == 2

    console.run(look())


def test_one_that_is_under_way_when_the_old_one_ends_is_waited_for(
    console: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)

    async def look() -> None:
        nonlocal now
        source, api = Counting(), console.console.api("1")
        book = Remembered(source.ask, 2.0)
        assert await book.get(api) == 1
        now += 1.5
        assert await book.get(api) == 1
        now += 1.0
        asked = asyncio.ensure_future(book.get(api))
        await asyncio.sleep(0)
        source.may.set()
        assert await asked == 2
        assert source.asked == 2

    console.run(look())


def test_what_was_asked_for_before_it_was_forgotten_is_never_told(
    console: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)

    async def look() -> None:
        nonlocal now
        source, api = Counting(), console.console.api("1")
        book = Remembered(source.ask, 2.0)
        await book.get(api)
        now += 1.5
        await book.get(api)
        book.forget(api)
        source.may.set()
        assert await book.get(api) == 3
        await asyncio.sleep(0)
        assert await book.get(api) == 3

    console.run(look())
