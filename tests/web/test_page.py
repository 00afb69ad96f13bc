"""What every page is: its headers, and what it says when something fails."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from support.console import ConsoleClient, Refusal


def test_pages_run_nothing_of_others_and_are_kept_by_nobody(console: ConsoleClient) -> None:
    console.login()
    console.api.answers["runner.auth.token_list"] = []
    headers = console.get("/tokens").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"


def test_a_form_of_another_origin_changes_nothing(console: ConsoleClient) -> None:
    console.login()
    answer = console.post("/tokens/revoke", {"id": "x"}, headers={"Origin": "https://evil.example"})
    assert (answer.status_code, "may change nothing here" in answer.text) == (403, True)
    answer = console.post("/tokens/revoke", {"id": "x"}, csrf=False)
    assert (answer.status_code, "opened before the last login" in answer.text) == (403, True)
    assert not console.api.called("runner.auth.token_revoke")


def test_a_name_that_someone_pointed_here_gets_nothing(console: ConsoleClient) -> None:
    console.login()
    assert console.get("/tokens", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (Refusal("there is no such thing"), 400, "there is no such thing"),
        (Refusal("no master answers: try again in a moment", 503), 503, "no master answers"),
        (Refusal("too much at once", 429), 429, "too much at once"),
        (httpx.Response(500, text="Internal Server Error"), 503, "the API failed: Internal Server Error"),
        (httpx.ReadTimeout("slow"), 503, "does not answer in time"),
        (httpx.Response(200, text="<html>another program"), 503, "another program"),
        (httpx.Response(200, json=["x"]), 503, "be understood"),
    ],
)
def test_an_error_is_one_line_on_a_page(console: ConsoleClient, answer: object, status: int, said: str) -> None:
    console.login()
    console.api.answers["runner.auth.token_list"] = answer
    page = console.get("/tokens")
    assert page.status_code == status
    assert said in page.text
    assert "Traceback" not in page.text
    assert page.text.count("<html") == 1


def test_while_the_api_is_away_the_page_says_so_and_comes_back(console: ConsoleClient) -> None:
    console.login()
    console.console.who.forget(console.console.api("a" * 64))
    console.api.away = True
    page = console.get("/tokens")
    assert page.status_code == 503
    assert "data-reload-when-back" in page.text
    sent = console.post("/tokens/revoke", {"name": "x"}).text
    assert "Whether what you sent was done isn&#x27;t known" in sent
    assert "data-reload-when-back" not in sent
    console.api.away = False
    console.api.answers["runner.auth.token_list"] = []
    assert console.get("/tokens").status_code == 200


def test_a_fault_of_ours_is_logged_and_told_without_its_insides(
    console: ConsoleClient, caplog: pytest.LogCaptureFixture
) -> None:
    console.login()
    console.api.answers["runner.auth.token_list"] = [None]
    page = console.get("/tokens")
    assert page.status_code == 500
    assert "TypeError" not in page.text
    assert "TypeError" in caplog.text


def test_a_script_is_told_in_json(console: ConsoleClient) -> None:
    console.login()
    answer = console.get("/metrics/render?target=a", headers={"Accept": "application/json"})
    assert (answer.status_code, json.loads(answer.text)) == (400, {"error": "the test has no answer to POST /render"})


def test_where_nothing_is(console: ConsoleClient) -> None:
    answer = console.get("/nowhere/<script>")
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_a_form_that_is_too_large_is_refused(console: ConsoleClient) -> None:
    console.login()
    assert console.post("/tokens/revoke", {"id": "x" * 3_000_000}).status_code in (400, 413)


def test_where_nothing_is_who_is_logged_in_has_his_menu_and_strangers_none(console: ConsoleClient) -> None:
    assert 'href="/hosts"' not in console.get("/nothing").text
    console.login()
    console.api.answers["runner.auth.token_list"] = []
    console.get("/tokens")
    asked = len(console.api.calls)
    page = console.get("/nothing")
    assert page.status_code == 404
    assert "nothing is at /nothing" in page.text
    assert 'href="/hosts"' in page.text
    assert len(console.api.calls) == asked


def test_the_menu_stays_while_the_api_is_away(console: ConsoleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    console.login()
    console.api.answers["runner.auth.token_list"] = []
    console.get("/tokens")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 6)
    console.api.away = True
    page = console.get("/tokens")
    assert page.status_code == 503
    assert "be reached" in page.text
    assert 'href="/hosts"' in page.text


@pytest.mark.parametrize("form", [{"scope": "x" * 3_000_000}, {f"a{number}": "x" for number in range(21_000)}])
def test_a_form_that_is_too_large_is_told_so_on_a_page(console: ConsoleClient, form: dict[str, str]) -> None:
    console.login()
    page = console.post("/tokens/new", form)
    assert page.status_code == 413
    assert "the form is too large" in page.text
    assert "<html" in page.text
