"""The front page and the table of hosts in a browser: what lives is brought up to date in its place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from playwright.sync_api import Page, Route, expect


def test_the_grid_is_walked_by_keys(page: Page) -> None:
    page.goto("/")
    grid = page.get_by_role("application", name="All hosts")
    expect(grid.locator("canvas")).to_have_attribute("style", re.compile("height: [1-9]"))  # it knows its hosts
    grid.focus()
    page.keyboard.press("End")
    expect(page.locator("#grid-tip")).to_contain_text("web1: ")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#grid-tip")).to_contain_text("db1: ")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/hosts/db1$"))


def _problems(part: str, hosts: Sequence[str]) -> str:
    """Return the parts of the page as the server sends them, with these problems."""
    rows = "".join(
        f'<tr data-key="host:{one}"><td>away</td><td>{one}</td><td>is gone</td><td></td><td></td></tr>' for one in hosts
    )
    section = (
        '<section class="card problems" data-part="problems"><h2>Problems</h2><span class="news"></span>'
        f'<div class="list" tabindex="0"><table><tbody>{rows}</tbody></table></div></section>'
    )
    return re.sub(r'<section class="card problems".*?</section>', section, part, flags=re.DOTALL)


def test_what_is_new_is_offered_where_somebody_looks(page: Page) -> None:
    page.goto("/")
    part = page.request.get("/front/parts").text()
    wrong = ["away1"]

    def answer(route: Route) -> None:
        route.fulfill(body=_problems(part, wrong), content_type="text/html")

    page.route("**/front/parts", answer)
    refresh = "document.dispatchEvent(new Event('saltern:back'))"
    rows = page.locator(".problems tbody tr")
    page.evaluate(refresh)
    expect(rows).to_contain_text(["away1"])
    page.locator(".problems .list").focus()
    wrong.insert(0, "away2")
    page.evaluate(refresh)
    show = page.get_by_role("button", name="1 new: show")
    expect(show).to_be_visible()
    expect(rows).to_have_count(1)
    show.click()
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("away2")


def test_rows_follow_their_samples_and_the_chosen_ones_are_run_on(page: Page) -> None:
    page.goto("/hosts?sort=id")
    rows = page.locator("tr[data-id]")
    expect(rows).to_have_count(2)
    sample = page.locator('tr[data-id="web1"] time')
    expect(page.locator('tr[data-id="web1"] [data-n="memory"] .value')).to_have_text(re.compile(r"\d"))
    before = sample.get_attribute("data-at") or ""
    expect(sample).not_to_have_attribute("data-at", before)
    expect(page.get_by_role("button", name="Run …")).to_be_disabled()
    page.get_by_label("Choose web1").check()
    page.get_by_label("Choose db1").check()
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.get_by_role("button", name="Run …").click()
    expect(page).to_have_url(re.compile("/run$"))
    expect(page.locator("#main")).to_contain_text("db1, web1")


def test_the_filter_is_in_the_address(page: Page) -> None:
    page.goto("/hosts")
    page.get_by_label("Host", exact=True).fill("web")
    expect(page.locator("tr[data-id]")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/hosts\?q=web$"))
    page.go_back()
    expect(page.locator("tr[data-id]")).to_have_count(2)
