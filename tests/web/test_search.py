"""The search, and preferences."""

from __future__ import annotations

import pytest

from support.console import TOKEN, ConsoleClient, Refusal, overview


@pytest.fixture(autouse=True)
def _logged_in(console: ConsoleClient) -> None:
    console.login(may={"runner.manage.overview": True})
    console.api.answers["runner.manage.overview"] = overview(["db1", "web1", "web10", "old-web1", "we<b>"])


def _found(console: ConsoleClient, text: str) -> list[str]:
    told = console.get(f"/search?q={text}", headers={"Accept": "application/json"}).json()
    return [one["name"] for one in told["found"]]


def test_hosts_are_found_the_nearest_first(console: ConsoleClient) -> None:
    assert _found(console, "WEB1") == ["web1", "web10", "old-web1"]
    assert console.get("/search?q=web1").headers["location"] == "/hosts/web1"
    assert "we&lt;b&gt;" in console.get("/search?q=e%3Cb").text


def test_pages_are_found_that_may_be_opened(console: ConsoleClient) -> None:
    assert _found(console, "explor") == ["Explorer"]
    assert _found(console, "audit") == []


def test_dashboards_are_found_ones_own_and_shared(console: ConsoleClient) -> None:
    from saltern_web.kept.models import Dashboard

    async def keep() -> None:
        await Dashboard.objects.acreate(owner="file:anna", name="Weather mine")
        await Dashboard.objects.acreate(owner="file:bob", name="Weather of all", shared=True)
        await Dashboard.objects.acreate(owner="file:bob", name="Weather secret")

    console.run(keep())
    assert sorted(_found(console, "weather")) == ["Weather mine", "Weather of all"]


def test_pages_are_found_while_the_fleet_is_not_known(console: ConsoleClient) -> None:
    console.api.answers["runner.manage.overview"] = Refusal("no master", 503)
    console.console.fleet.forget(console.console.api(TOKEN))
    assert _found(console, "explor") == ["Explorer"]


def test_preferences_follow_their_owner(console: ConsoleClient) -> None:
    answer = console.post("/preferences", {"theme": "dark", "zone": "nonsense"})
    assert answer.headers["location"] == "/preferences"
    page = console.get("/preferences").text
    assert 'data-theme="dark"' in page
    assert 'data-zone="here"' in page
    console.http.cookies.delete("saltern-theme")
    console.api.answers["POST /login"] = {"token": TOKEN, "user": "anna", "expire": 9e9}
    answer = console.post("/login", {"username": "anna", "password": "x", "eauth": "file"})
    assert any(one.startswith("saltern-theme=dark") for one in answer.headers.get_list("set-cookie"))
