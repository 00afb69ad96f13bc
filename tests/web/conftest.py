"""The console before an API that tests write the answers of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from saltern_web.program.settings import WebOptions
from support.console import ConsoleClient, console_options


@pytest.fixture(scope="session")
def console_site(tmp_path_factory: pytest.TempPathFactory) -> WebOptions:
    """Django, which can be set up once in a process, with its tables in SQLite."""
    from saltern_web.program import site

    options = console_options(tmp_path_factory.mktemp("console"))
    site.configure(options)
    site.migrate()
    return options


@pytest.fixture
def console(console_site: WebOptions) -> Iterator[ConsoleClient]:
    """A console nobody is logged in at; what a test keeps in its tables is gone after it."""
    from django.apps import apps
    from django.db import connections

    with asyncio.Runner() as runner:
        client = ConsoleClient(console_site, runner)
        yield client
        client.close()
    for model in apps.get_app_config("kept").get_models():
        model._default_manager.all().delete()
    connections.close_all()
