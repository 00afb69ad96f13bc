"""Logging in and out, and what becomes of a login that has ended."""

from __future__ import annotations

import asyncio
import time

import pytest

from saltern_web.api.client import Session
from saltern_web.api.errors import LoggedOut
from support.console import CSRF, TOKEN, Call, ConsoleClient, Refusal

ABOUT = {"principal": "file:anna", "user": "anna", "eauth": "file", "everything": True}


def _let_in(console: ConsoleClient) -> None:
    console.api.answers["POST /login"] = {"token": TOKEN, "user": "anna", "expire": time.time() + 3600}
    console.api.answers["runner.auth.about"] = ABOUT


def test_the_cookie_is_the_token_and_no_script_reads_it(console: ConsoleClient) -> None:
    _let_in(console)
    answer = console.post("/login", {"username": "anna", "password": "right", "eauth": "file"})
    assert (answer.status_code, answer.headers["location"]) == (302, "/")
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("saltern="))
    assert TOKEN in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    (call,) = console.api.called("POST /login")
    assert call.kwarg == {"username": "anna", "password": "right", "eauth": "file"}
    assert call.headers["X-Forwarded-For"]


@pytest.mark.parametrize(
    ("refusal", "status", "said"),
    [
        (Refusal("Could not authenticate using provided credentials", 401), 401, "wrong"),
        (Refusal("too many", 429), 429, "wait a moment"),
        (Refusal("no master answers", 503), 503, "no master answers"),
    ],
)
def test_why_someone_is_not_let_in(console: ConsoleClient, refusal: Refusal, status: int, said: str) -> None:
    console.api.answers["POST /login"] = refusal
    answer = console.post("/login", {"username": "anna", "password": "x", "eauth": "file"})
    assert answer.status_code == status
    assert said in answer.text
    assert "x" not in console.http.cookies.get("saltern", "")
    assert 'value="anna"' in answer.text


@pytest.mark.parametrize(
    "where", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "\t//evil.example"]
)
def test_a_login_leads_nowhere_else(console: ConsoleClient, where: str) -> None:
    _let_in(console)
    answer = console.post("/login", {"username": "a", "password": "b", "eauth": "file", "next": where})
    assert answer.headers["location"] == "/"


def test_a_kind_of_login_that_is_not_offered_is_not_asked(console: ConsoleClient) -> None:
    assert console.post("/login", {"username": "a", "password": "b", "eauth": "rest"}).status_code == 401
    assert not console.api.called("POST /login")


def test_who_is_not_logged_in_comes_back_to_where_he_was_going(console: ConsoleClient) -> None:
    answer = console.get("/audit?since=2h")
    assert (answer.status_code, answer.headers["location"]) == (302, "/login?next=/audit%3Fsince%3D2h")
    assert 'value="/audit?since=2h"' in console.get(answer.headers["location"]).text


def test_a_login_that_ended_is_asked_for_again_and_forgotten(console: ConsoleClient) -> None:
    console.login(everything=True)
    console.api.tokens.clear()
    answer = console.get("/tokens")
    assert answer.headers["location"] == "/login?next=/tokens&ended=1"
    assert "Your login has ended" in console.get(answer.headers["location"]).text
    assert 'saltern=""' in ";".join(answer.headers.get_list("set-cookie"))
    answer = console.get("/tokens", htmx=True)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login?ended=1")


@pytest.mark.parametrize(
    ("before", "where"),
    [
        ("{origin}/tokens?x=1", "/login?next=/tokens%3Fx%3D1&unsent=1"),
        ("https://elsewhere.example/tokens", "/login?unsent=1"),
        ("", "/login?unsent=1"),
    ],
)
def test_a_form_that_came_too_late_is_told_of(console: ConsoleClient, before: str, where: str) -> None:
    console.login(everything=True)
    console.api.tokens.clear()
    referer = before.format(origin=str(console.http.base_url).rstrip("/"))
    answer = console.post("/tokens/revoke", {"name": "x"}, headers={"Referer": referer})
    assert answer.headers["location"] == where
    assert "what you sent was not done" in console.get(where).text


@pytest.mark.parametrize("cookie", ["", "../../x", "A" * 64, "a" * 63])
def test_what_is_no_token_is_not_sent_on(console: ConsoleClient, cookie: str) -> None:
    console.login(token=cookie)  # the API would take it
    assert console.get("/tokens").headers["location"] == "/login?next=/tokens"
    assert not console.api.calls


def test_the_api_is_told_for_whom_it_is_asked(console: ConsoleClient) -> None:
    console.login()
    console.api.answers["runner.auth.token_list"] = []
    console.get("/tokens")
    assert console.api.called("runner.auth.token_list")[0].headers["X-Forwarded-For"] == "127.0.0.1"


def test_logging_out_ends_the_login_at_the_api(console: ConsoleClient) -> None:
    console.login()
    console.api.answers["POST /logout"] = {"return": "Your token has been cleared"}
    answer = console.post("/logout")
    assert answer.headers["location"] == "/login"
    (call,) = console.api.called("POST /logout")
    assert call.headers["X-Auth-Token"] == TOKEN
    assert console.get("/logout").status_code == 302
    assert len(console.api.called("POST /logout")) == 1


def test_rights_are_asked_of_the_master_again_after_moments(
    console: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.login(may={"runner.audit.query": True})
    console.api.answers["runner.auth.token_list"] = []
    assert 'href="/audit"' in console.get("/tokens").text
    console.api.answers["runner.auth.about"]["may"] = {}
    assert 'href="/audit"' in console.get("/tokens").text
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 6)
    assert 'href="/audit"' not in console.get("/tokens").text


def test_what_the_menu_hides_the_master_refuses_too(console: ConsoleClient) -> None:
    console.login()

    def refused(call: Call) -> Refusal:
        return Refusal("file:anna may not call audit.query", 401)

    console.api.answers["runner.audit.query"] = refused
    answer = console.get("/audit")
    assert answer.status_code == 403
    assert "may not call audit.query" in answer.text


def test_a_crowd_at_the_door_is_let_to_the_api_a_few_at_a_time(
    console: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, most = 0, 0

    async def slow(*_: object) -> Session:
        nonlocal there, most
        there += 1
        most = max(most, there)
        for _ in range(10):
            await asyncio.sleep(0)
        there -= 1
        raise LoggedOut("wrong")

    async def crowd() -> list[int]:
        form = {"csrfmiddlewaretoken": CSRF, "username": "anna", "password": "x"}
        answers = await asyncio.gather(*(console.http.post("/login", data=form) for _ in range(3 * login.AT_ONCE)))
        return [answer.status_code for answer in answers]

    from saltern_web.session import login  # Django is set up by now

    monkeypatch.setattr(login, "log_in", slow)
    assert console.run(crowd()) == [401] * 3 * login.AT_ONCE
    assert most == login.AT_ONCE
    monkeypatch.setattr(login, "TURN_S", 0.0)
    assert sorted(set(console.run(crowd()))) == [401, 503]
