"""Every page of the console: links lead somewhere, what hosts say is text, and everybody can read it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from saltern.ids import MAX_MINION_ID
from saltern.keystore import ACCEPTED, PENDING, KeyStore
from saltern.pki import own_keys
from support.browser import PHONE, WIDE, Visitors, accessible
from support.console_stack import ADMIN, LIMITED, WATCHER, ConsoleStack
from support.crawler import client_of, crawl, faults
from support.hostile_texts import MARK, UNSEEN
from support.stacks import wait_for

LONG, WAITS = "w" * MAX_MINION_ID, "v" * MAX_MINION_ID
PAGES = (
    "/", "/hosts", "/hosts/web1", "/hosts/web1/grains", "/explorer?target=saltern.web1.stats.load.1m", "/dashboards",
    "/run?tgt=*&fun=hostile.documented", "/jobs", "/jobs/{jid}", "/alerts", "/alerts/long_up", "/alerts/history",
    "/alerts/silence?alert=long_up", "/alerts/rules/long_up", "/events", "/plugins", "/plugins/services?tgt=*",
    "/machines/add", "/keys", "/modules", "/people", "/tokens", "/audit", "/preferences", "/search?q=web", "/none",
    f"/hosts/{LONG}",
)  # fmt: skip
"""One of each kind, as axe sees them."""
SAID = {ADMIN: ("/hosts/web1/grains", "/jobs/{jid}"), WATCHER: ("/jobs/{jid}",), LIMITED: ("/jobs/{jid}",)}
"""Where somebody must see what the hosts said, as text."""
NOT_HIS = re.compile(r"(?<![A-Za-z0-9])db1(?![A-Za-z0-9])")
"""What LIMITED must see nowhere; in one of a hundred crawls a token of a form holds the three characters."""
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def jid(console_stack: ConsoleStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The job by which hosts have said hostile things; they have said them by every other way too.

    Meanwhile a host is away, and one waits, whose names are as long as they may be.
    """
    client, store = console_stack.client, KeyStore(f"{console_stack.stack.root}/pki/master")
    key = own_keys(str(tmp_path_factory.mktemp("key")), "minion").public
    store.put(ACCEPTED, LONG, key)
    store.put(PENDING, WAITS, key)
    wait_for(lambda: isinstance(client.cmd("web1", "hostile.text").get("web1"), str), "the module")
    for function in ("fail", "tell", "text"):
        client.cmd("*", f"hostile.{function}")
    job = client.run_job("*", "hostile.say")
    wait_for(lambda: len(console_stack.runner.cmd("jobs.lookup_jid", [job["jid"]])) == 2, "both answers")
    yield str(job["jid"])
    store.remove(ACCEPTED, LONG)
    store.remove(PENDING, WAITS)


@pytest.mark.parametrize("who", [ADMIN, WATCHER, LIMITED])
def test_links_lead_to_pages_that_obey_nobody(console_stack: ConsoleStack, jid: str, who: str) -> None:
    with client_of(console_stack, who) as client:
        pages = crawl(client)
        said = [page for path in SAID[who] for page in crawl(client, path.format(jid=jid), most=1)]
    pages += said
    assert [f"{one.status} {one.url} on {one.linked_on}" for one in pages if one.status >= 400] == []
    assert [fault for one in pages for fault in faults(one)] == []
    assert [one.url for one in said if f"&lt;{MARK}" not in one.text] == []
    if who == LIMITED:
        assert [one.url for one in pages if NOT_HIS.search(one.text)] == []


@pytest.mark.parametrize("first", range(3))
def test_everybody_can_read_every_page(visitors: Visitors, jid: str, first: int) -> None:
    page = visitors.page(ADMIN)
    found: list[str] = []
    for path in PAGES[first::3]:
        page.set_viewport_size(WIDE)
        page.goto(path.format(jid=jid))
        found += accessible(page)
        found += obeyed(page)
        page.set_viewport_size(PHONE)
        over = page.evaluate(TOO_WIDE)
        found += [f"{path}: {over} px too wide for a phone"] if over else []
    visitors.problems[:] = [one for one in visitors.problems if "404" not in one]
    assert found == []


def obeyed(page: Page) -> list[str]:
    """Return what of the hostile texts did more than being read."""
    found = [f"{page.url}: an element" for _ in range(page.locator(MARK).count())]
    text = str(page.evaluate("() => document.documentElement.outerHTML"))
    return found + [f"{page.url}: U+{ord(one):04X} as it is" for one in UNSEEN if one in text]


def test_pages_are_read_without_scripts(visitors: Visitors, jid: str) -> None:
    page = visitors.page(ADMIN, java_script_enabled=False)
    for path, words in (
        ("/", "web1"),
        ("/hosts", "db1"),
        ("/hosts/web1/grains", "kernel"),
        (f"/jobs/{jid}", "hostile.say"),
        ("/alerts", "long_up"),
        ("/keys", "db1"),
        ("/events", "is connected"),
        ("/run?tgt=web1&fun=test.ping", "test.ping"),
        ("/search?q=web", "web1"),
    ):
        page.goto(path)
        assert words in page.locator("main").inner_text(), path
