"""Plugins in a browser, on real minions: rows of a form, and a plugin that the master's file server brings."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from saltern_web.plugins.begin import make_plugin
from support.console_stack import ConsoleStack


def test_rows_come_and_go_and_minions_get_what_was_shown(page: Page) -> None:
    page.goto("/plugins/services?tgt=web*")
    page.get_by_label("Action").select_option("Stop")
    page.get_by_label("Name", exact=True).fill("one")
    for name in ("two", "three"):
        page.get_by_role("button", name="Add a row").click()
        page.get_by_label("Name", exact=True).last.fill(name)
    page.get_by_role("button", name="Remove row 2").click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("pre")).to_contain_text('"name": "three"')
    expect(page.locator("pre")).not_to_contain_text("two")
    page.get_by_role("button", name="Run on 1 host").click()
    result = page.locator("[data-minion=web1]")
    expect(result).to_contain_text("there is no such service")
    expect(result.get_by_role("row")).to_have_count(3)
    page.get_by_role("link", name="Once more").click()
    assert [field.input_value() for field in page.get_by_label("Name", exact=True).all()] == ["one", "three", ""]


@pytest.fixture
def of_the_master(console_stack: ConsoleStack) -> Iterator[Path]:
    """A plugin in the master's file server, and its module beside it, by a link."""
    srv = Path(console_stack.stack.root, "srv")
    folder = srv / "_plugins"
    folder.mkdir()
    made = make_plugin("waiting", folder)
    (made / "forms.py").unlink()
    module = srv / "_modules" / "plugin_waiting.py"
    module.symlink_to("../_plugins/waiting/plugin_waiting.py")
    yield made
    module.unlink()
    shutil.rmtree(folder)


def test_the_master_brings_a_plugin_and_its_module(
    page: Page, console_stack: ConsoleStack, of_the_master: Path
) -> None:
    page.goto("/plugins")
    page.get_by_role("button", name="Take over the master's plugins").click()
    expect(page.get_by_role("status").last).to_contain_text("1 plugin of the master taken over")
    console_stack.client.cmd("web1", "saltutil.sync_modules")
    page.goto("/plugins/waiting?tgt=web1")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("[data-minion=web1] .made")).to_contain_text("in /tmp, the oldest")
    shutil.rmtree(of_the_master)
    page.goto("/plugins")
    page.get_by_role("button", name="Take over the master's plugins").click()
    expect(page.get_by_role("link", name="Waiting")).to_have_count(0)
