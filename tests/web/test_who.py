"""What is remembered of logins: one that ends takes nobody else's page along."""

from __future__ import annotations

import asyncio
import gc
from typing import Never

import httpx
import pytest

from saltern_web.api.client import Api
from saltern_web.api.errors import ApiAway, LoggedOut
from saltern_web.pages.run.once import Once
from saltern_web.session import who
from saltern_web.session.who import Remembered
from support.console import ConsoleClient


async def _alike(_: Api) -> bool:
    return True


def test_login_that_ends_while_others_wait_for_its_answer_ends_alone() -> None:
    async def ask() -> None:
        asked: list[str] = []

        async def answer(api: Api) -> str:
            asked.append(api.token)
            await asyncio.sleep(0)
            if api.token == "ended":
                raise LoggedOut("log in again")
            return "the fleet"

        async with httpx.AsyncClient() as http:
            remembered = Remembered(answer, 60.0, alike=_alike)
            first, second = Api(http, "ended"), Api(http, "good")
            told = await asyncio.gather(remembered.get(first), remembered.get(second), return_exceptions=True)
            assert isinstance(told[0], LoggedOut)
            assert told[1] == "the fleet"
            assert await remembered.get(second) == "the fleet"
            assert asked == ["ended", "good"]
            with pytest.raises(LoggedOut):
                await Remembered(answer, 60.0).get(first)

    asyncio.run(ask())


def test_an_api_that_hangs_is_away_before_a_page_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(who, "ASK_S", 0.01)

    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(hang), base_url="http://api") as http:
            with pytest.raises(ApiAway):
                await who.ask_who(Api(http, "good"))

    asyncio.run(ask())


def test_answers_that_fail_when_who_asked_has_left_are_no_faults_of_the_console() -> None:
    faults: list[object] = []

    async def ask() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        gone = asyncio.Event()

        async def fail(*_: object) -> Never:
            await gone.wait()
            raise ApiAway("the API can't be reached")

        async with httpx.AsyncClient() as http:
            api = Api(http, "a")
            once: Once = Once()
            for asking in (Remembered(fail, 60.0).get(api), once.do("1", fail)):
                waiter = asyncio.ensure_future(asking)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                waiter.cancel()
                await asyncio.gather(waiter, return_exceptions=True)
            gone.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        del once
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(ask())
    assert faults == []


def test_a_token_with_a_scope_opens_nothing_that_its_owner_keeps(console: ConsoleClient) -> None:
    console.login(everything=True)
    console.api.answers["runner.auth.about"]["scoped"] = True
    assert console.get("/preferences").headers["location"] == "/login?next=/preferences&ended=1"
