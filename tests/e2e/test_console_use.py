"""The console in use, on a real fleet, by somebody with a browser."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from saltern.keystore import PENDING, KeyStore
from saltern.pki import own_keys
from support.browser import PHONE, Visitors, log_in
from support.console_stack import ADMIN, IDS, WATCHER, ConsoleStack

BIN = Path(sys.executable).parent
NEW = "new1"


def test_who_logs_in_is_let_in_and_out_again(visitors: Visitors, console_stack: ConsoleStack) -> None:
    page = visitors.page()
    page.goto("/?group=web")
    log_in(page, ADMIN, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("name or the password is wrong")
    assert len(visitors.problems) == 1, "a 401"
    visitors.problems.clear()
    log_in(page, ADMIN, console_stack.passwords[ADMIN])
    expect(page).to_have_url(f"{console_stack.url}/?group=web")
    expect(page.locator(".who summary")).to_have_text(ADMIN)
    page.locator(".who summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto("/")
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_menu_over_the_page_closes_by_escape_and_by_a_click_elsewhere(page: Page) -> None:
    page.goto("/tokens")
    summary, log_out = page.locator(".who summary"), page.get_by_role("button", name="Log out")
    summary.click()
    expect(log_out).to_be_visible()
    page.keyboard.press("Escape")
    expect(log_out).to_be_hidden()
    expect(summary).to_be_focused()
    summary.click()
    expect(log_out).to_be_visible()
    page.get_by_role("heading", name="Tokens").click()
    expect(log_out).to_be_hidden()


def test_a_field_that_is_to_be_mended_is_not_behind_the_bar(page: Page) -> None:
    page.goto("/alerts/rules/new")
    name = page.get_by_label("Name")
    name.fill("no name!")
    page.get_by_label("Metric or target").fill("a.b")
    page.get_by_role("button", name="Save the rule").click()
    expect(name).to_be_focused()
    bar, field = page.locator(".top").bounding_box(), name.bounding_box()
    assert bar
    assert field
    assert field["y"] >= bar["y"] + bar["height"]


def test_a_watcher_watches(watching: Page) -> None:
    watching.goto("/")
    menu = watching.get_by_role("navigation", name="Main")
    expect(menu.get_by_role("link", name="Alerts")).to_be_visible()
    for name in ("Run", "Keys", "Audit", "Add a machine"):
        expect(menu.get_by_role("link", name=name, exact=True)).to_have_count(0)
    # What isn't in the menu is refused too.
    token = watching.locator("body").get_attribute("data-csrf") or ""
    form = {"csrfmiddlewaretoken": token, "do": "delete", "key": "x"}
    assert watching.request.post("/keys/act", form=form, headers={"Accept": "text/html"}).status in (400, 403)
    assert watching.request.get("/keys").status == 403


def test_a_hosts_charts_move(page: Page) -> None:
    page.goto("/hosts/web1")
    panel = page.locator("[data-panel]", has=page.locator("canvas")).first
    panel.locator("summary").click()
    table = panel.locator("table")
    expect(table).to_contain_text(re.compile(r"\d"))
    before = table.inner_text()
    expect(table).not_to_have_text(before, use_inner_text=True)


@pytest.fixture
def joining(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Agents that were started by hand."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.terminate()
        process.wait(30)


def test_a_machine_is_added_by_one_line(
    page: Page, console_stack: ConsoleStack, tmp_path: Path, joining: list[subprocess.Popen[bytes]]
) -> None:
    page.goto("/machines/add")
    page.get_by_label("The master's name").fill("127.0.0.1")
    page.get_by_label("For this minion id alone").fill(NEW)
    page.get_by_role("button", name="Make the line").click()
    program, *words = page.locator("#line").inner_text().split()
    (tmp_path / "minion").write_text(f"{{pki_dir: {tmp_path}/pki, cachedir: {tmp_path}/cache}}")
    with (tmp_path / "log").open("wb") as log:
        joining.append(
            subprocess.Popen(
                [BIN / program, "-c", str(tmp_path), *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        )
    try:
        expect(page.locator(".arrival.here")).to_contain_text(f"{NEW} is here")
        expect(page.locator(".arrival canvas").first).to_be_visible()
        page.goto("/")
        expect(page.locator("main")).to_contain_text(NEW)
    except AssertionError:
        print((tmp_path / "log").read_text())
        raise
    finally:
        for process in joining:
            process.terminate()
        KeyStore(f"{console_stack.stack.root}/pki/master").remove("minions", NEW)


def test_a_function_is_run_on_what_was_shown(page: Page) -> None:
    page.goto("/run?tgt=*&fun=test.echo")
    for minion in IDS:
        expect(page.locator("#who")).to_contain_text(minion)
    page.locator("#what").get_by_label("text").fill("hello <b>fleet</b>")
    page.get_by_role("button", name="Check and confirm").click()
    expect(page.get_by_role("heading", name="On 2 hosts")).to_be_visible()
    page.get_by_role("button", name="Run test.echo on 2 hosts").click()
    expect(page.locator("#job")).to_contain_text("hello <b>fleet</b>")
    expect(page.locator("#job")).to_contain_text("2 of 2")


def test_jobs_are_searched_in_the_readers_own_time(visitors: Visitors, console_stack: ConsoleStack) -> None:
    client = console_stack.client
    client.cmd("db1", "test.echo", ["at that time"])
    page = visitors.page(ADMIN, timezone_id="Asia/Kathmandu")
    page.goto("/jobs?fun=test.echo")
    shown = page.locator("tbody time").first.inner_text()
    page.get_by_label("From").fill(shown.replace(" ", "T"))
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody")).to_contain_text("at that time")
    expect(page.get_by_label("From")).to_have_value(shown.replace(" ", "T"))
    expect(page.locator(".zone").first).to_have_text("GMT+5:45")
    assert re.search(r"since=\d{4}-\d\d-\d\dT\d\d%3A\d\d%3A\d\dZ", page.url)
    page.goto("/audit?since=2026-01-31T12:00Z")
    expect(page.get_by_label("Since")).to_have_value("2026-01-31T17:45:00")


def test_a_plugin_shows_results_and_a_broken_one_its_own_fault(page: Page) -> None:
    page.goto("/plugins/disks?tgt=*")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#summary")).to_contain_text("2 of 2 answered")
    expect(page.locator("#rows")).to_contain_text("/")
    page.goto("/plugins")
    expect(page.locator(".plugin", has_text="Broken on purpose")).to_contain_text("broken")
    page.get_by_role("link", name="Broken on purpose").click()
    expect(page.get_by_role("alert").first).to_contain_text("This plugin is broken")
    page.goto("/plugins/services")
    expect(page.get_by_role("heading", level=1)).to_have_text("Services")


def test_a_key_that_changed_meanwhile_is_not_accepted(
    visitors: Visitors, page: Page, console_stack: ConsoleStack, tmp_path: Path
) -> None:
    store = KeyStore(f"{console_stack.stack.root}/pki/master")
    shown, other = (own_keys(str(tmp_path / name), "minion").public for name in ("shown", "other"))
    store.put(PENDING, "stranger", shown)
    try:
        page.goto("/keys")
        page.get_by_label("stranger", exact=True).check()
        page.get_by_role("button", name="Accept …").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Accept 1 key?")
        store.put(PENDING, "stranger", other)
        page.get_by_role("button", name="Accept 1").click()
        expect(page.get_by_role("alert")).to_contain_text("refused what is not as it was shown")
        assert store.key("minions", "stranger") is None
        visitors.problems.clear()  # a 409
    finally:
        store.remove(PENDING, "stranger")


def test_an_alert_is_silenced_with_a_reason_and_spoken_again(page: Page) -> None:
    page.goto("/alerts")
    page.locator("tr", has_text="long_up").get_by_role("checkbox").check()
    page.get_by_role("button", name="Silence …").click()
    page.get_by_label("Why").fill("a <b>test</b>")
    page.get_by_role("button", name="Silence", exact=True).click()
    page.goto("/alerts/silences")
    row = page.locator("tr", has_text="a <b>test</b>")
    expect(row).to_contain_text("long_up")
    expect(row).to_contain_text(ADMIN)
    page.set_viewport_size(PHONE)
    assert page.evaluate("() => document.documentElement.scrollWidth") == PHONE["width"]
    row.get_by_role("button").click()
    expect(page.locator("main")).to_contain_text("Nothing is silenced")


def test_others_see_who_has_seen_to_an_alert_where_they_look(page: Page, watching: Page) -> None:
    watching.goto("/alerts")
    page.goto("/alerts/long_up")
    page.locator("tr", has_text="web1").get_by_role("checkbox").check()
    page.get_by_role("button", name="Acknowledge …").click()
    page.get_by_label("Comment").fill("a <b>new disk</b> comes")
    page.get_by_role("button", name="Acknowledge 1").click()
    expect(page.locator(".the-seen")).to_contain_text("a <b>new disk</b> comes")
    expect(watching.locator("tr", has_text="web1").locator(".the-seen")).to_contain_text(ADMIN)
    page.get_by_role("button", name="Take the acknowledgement of").click()
    expect(page.locator(".the-seen")).not_to_contain_text(ADMIN)


def test_events_are_shown_as_they_come(page: Page, console_stack: ConsoleStack) -> None:
    page.goto("/events?tag=salt/job/*")
    expect(page.locator("#connection")).to_have_text("live")
    assert console_stack.client.cmd("db1", "test.echo", ["quite new"]) == {"db1": "quite new"}
    expect(page.locator("#events")).to_contain_text("test.echo")


def test_the_api_goes_away_and_comes_back(visitors: Visitors, page: Page, console_stack: ConsoleStack) -> None:
    other = visitors.page(WATCHER)
    page.goto("/")
    expect(page.locator("#connection")).to_have_text("live")
    console_stack.stop("api")
    try:
        expect(page.locator("#connection")).to_contain_text("no connection")
        answer = other.goto("/hosts")
        assert answer is not None
        assert answer.status == 503
        expect(other.locator("main")).to_contain_text("can't be reached")
    finally:
        console_stack.start("api")
    expect(page.locator("#connection")).to_have_text("live")
    expect(other.locator("main")).to_contain_text("web1")
    visitors.problems.clear()


def test_no_page_failed(console_stack: ConsoleStack) -> None:
    for name in ("web", "api", "master"):
        assert "Traceback" not in console_stack.log(name), name
