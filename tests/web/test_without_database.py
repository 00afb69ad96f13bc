"""What shows the fleet is shown while the console's own database fails: what is kept there is missing, and no more."""

from __future__ import annotations

from typing import Never

import pytest
from django.db import DataError, OperationalError

from support.console import ConsoleClient, overview


@pytest.fixture(autouse=True)
def _fails(console: ConsoleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from saltern_web.kept.models import Dashboard, View  # Django is set up by now

    def fail(*_: object, **__: object) -> Never:
        raise OperationalError("database is locked")

    console.login(everything=True)
    console.api.answers["runner.manage.overview"] = overview(["web1", "web2"])
    for model in (Dashboard, View):
        monkeypatch.setattr(model.objects, "filter", fail)


@pytest.mark.parametrize(
    ("where", "shown"), [("/hosts", "web2"), ("/search?q=web", "web2"), ("/explorer?target=a.b", "a.b")]
)
def test_pages_of_the_fleet_are_shown(console: ConsoleClient, where: str, shown: str) -> None:
    page = console.get(where)
    assert page.status_code == 200
    assert shown in page.text


def test_what_the_database_takes_not_is_no_fault_of_its(
    console: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from saltern_web.kept.models import Dashboard

    def refuse(*_: object, **__: object) -> Never:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    monkeypatch.setattr(Dashboard.objects, "filter", refuse)
    page = console.post("/dashboards/new", {"name": "a\0b"})
    assert page.status_code == 400
    assert "takes no such text" in page.text


def test_pages_of_what_is_kept_say_so(console: ConsoleClient) -> None:
    page = console.get("/dashboards")
    assert page.status_code == 503
    assert "own database" in page.text
