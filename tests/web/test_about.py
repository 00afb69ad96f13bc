"""How the console itself is: its health, and its counters."""

from __future__ import annotations

import httpx

from support.console import TOKEN, ConsoleClient, Refusal


def test_health_is_that_of_the_api_behind_it(console: ConsoleClient) -> None:
    console.api.answers["GET /health"] = {"ok": True}
    console.http.cookies.set("saltern", TOKEN)
    # the scripted API wants a token for all it answers; the real one doesn't for this
    console.console.http = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda request: httpx.Response(200)), base_url="http://api.test"
    )
    assert console.get("/health").json()["ok"] is True
    console.console.http = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda request: httpx.Response(503)), base_url="http://api.test"
    )
    answer = console.get("/health")
    assert (answer.status_code, answer.json()["ok"]) == (503, False)


def test_the_counters_are_for_who_has_a_token(console: ConsoleClient) -> None:
    assert console.get("/metrics").status_code == 401
    assert console.get("/metrics", headers={"Authorization": "Bearer nonsense"}).status_code == 401
    console.login()
    console.http.cookies.delete("saltern")
    answer = console.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert "# TYPE saltern_web_streams gauge" in answer.text


def test_what_is_refused_or_fails_is_counted(console: ConsoleClient) -> None:
    console.login()
    console.get("/tokens", headers={"Host": "evil.example"})
    console.post("/tokens/revoke", {"id": "x"}, headers={"Origin": "https://evil.example"})
    console.post("/tokens/revoke", {"id": "x" * 5_000_000})
    console.api.answers["runner.auth.token_list"] = Refusal("no master answers", 503)
    console.get("/tokens")
    console.api.answers["runner.auth.token_list"] = [None]
    console.get("/tokens")
    totals = console.console.counters.totals()
    names = ("requestsMisdirected", "requestsForeign", "bodiesRefused", "apiAway", "requestsFailed")
    assert [totals[name] for name in names] == [1] * 5
