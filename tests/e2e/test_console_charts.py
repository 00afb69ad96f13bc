"""Charts, the explorer and dashboards in a browser: what a range, a comparison and a wrong target do."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from support.browser import Visitors, accessible

FLEET = Path(__file__).parents[2] / "grafana/dashboards/fleet.json"
LOAD = "saltern.web1.stats.load.1m"


def test_a_zoom_is_in_the_url_for_all_charts_and_taken_back(page: Page) -> None:
    page.goto("/hosts/web1?from=-15min")
    over = page.locator(".u-over").first
    box = over.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 40, steps=3)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"\?from=\d+&until=\d+$"))
    page.get_by_role("button", name="Back to live").click()
    expect(page).to_have_url(re.compile(r"\?from=-15min$"))
    page.get_by_label("Compare with").fill("1d")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("user, yesterday")).first).to_be_visible()
    page.locator(".panel-table summary").first.click()
    expect(page.get_by_role("row", name=re.compile("^user 0|^user [1-9]"))).to_be_visible()
    assert accessible(page, themes=("light",)) == []


def test_a_wrong_target_says_what_is_wrong_and_the_others_are_drawn(visitors: Visitors, page: Page) -> None:
    page.goto("/explorer")
    field = page.get_by_label("Target 1")
    field.fill("highe")
    page.get_by_role("option", name=re.compile(r"highest\(seriesList")).click()
    expect(field).to_have_value("highest(")
    field.fill("saltern.web1.stats.load.1")
    page.get_by_role("option", name=re.compile("^1m")).click()
    expect(field).to_have_value(LOAD)
    page.get_by_role("button", name="Add a target").click()
    page.get_by_label("Target 2").fill(f"scale(nofun({LOAD}), 2)")
    page.keyboard.press("Enter")
    expect(page.get_by_text("column 7: there is no function 'nofun'")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile(LOAD))).to_be_visible()
    visitors.problems.clear()


def test_a_threshold_is_no_data(page: Page) -> None:
    page.goto("/alerts/rules/new")
    page.get_by_label("Metric or target").fill("nothing.at.all")
    page.get_by_label("Critical", exact=True).fill("> 1")
    page.get_by_role("button", name="Try on the last").click()
    expect(page.locator(".panel", has_text="crit > 1").locator(".panel-note")).to_have_text("no data in this range")


def test_a_dashboard_of_grafanas_is_imported_and_shown(page: Page) -> None:
    page.goto("/dashboards")
    page.get_by_label("File").set_input_files(FLEET)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("its annotations are not drawn")).to_be_visible()
    expect(page.locator(".big-number").first).to_contain_text(re.compile(r"^[12]"))  # a mean, while the hosts came
    expect(page.get_by_role("listitem").filter(has=page.get_by_role("meter")).first).to_be_visible()
    page.get_by_label("minion").select_option("web1")
    expect(page).to_have_url(re.compile(r"var-minion=web1$"))
    assert accessible(page, themes=("light",)) == []
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile("/dashboards$"))


def test_series_are_put_beside_each_other_and_a_hole_stays_one(page: Page) -> None:
    page.goto("/dashboards")
    told = page.evaluate(
        """async () => {
          const base = document.querySelector("script[src$='app.js']").src.replace(/app.js$/, "");
          const {aligned, holes, merge, read, stacked} = await import(base + "series.js");
          const {wordAt} = await import(base + "complete.js");
          const {format} = await import(base + "units.js");
          const {fill} = await import(base + "board.js");
          const slow = {start: 0, step: 30, values: [1, null]};
          const fast = {start: 0, step: 15, values: [1, 2, null, 4]};
          const grown = {start: 0, step: 15, values: [1, 2, null]};
          const table = [[0, 15, 30, 45, 60, 75, 90, 105], [1, 2, null, null, null, null, 3, 4]];
          const words = (text) => wordAt(text, text.length);
          const typed = ["sal", "sum(saltern.we", "sum(a.{b,c}.d", "a(b, ", "alias(x, 'na", "seriesByTag('na",
            "seriesByTag('a=1', 'b=~x", "f(x)"];
          const numbers = [[0, "B"], [1536, "B"], [null, "B"], [0.5, "percentunit"], [12345, ""], [90, "s"],
            [0.0004, "s"], [3, "packets/s"]];
          return {
            aligned: aligned([slow, fast]).map((column) => column.map((value) => value === undefined ? "none" : value)),
            holes: [holes(table, 15, 0, 200, 200), holes([[0, 15], [null, null]], 15, 0, 100, 60)],
            merged: [merge(grown, {start: 15, step: 15, values: [null, null, 9]}, 20), grown,
              merge(grown, {start: 60, step: 30, values: [1, 1]}, 0),
              merge(grown, {start: 700, step: 15, values: [1, 1]}, 0)],
            stacked: stacked([[0, 1, 2], [1, null, null], [2, 5, null], [7, 7, 7]], 2),
            read: read({target: '3.1.1|timeShift(a.b, "-1d")', datapoints: [[1, 10], [2, 20]]}),
            words: typed.map(words),
            format: numbers.map(([value, unit]) => format(value, unit)),
            filled: fill("$a.${b:csv}.[[c]].$d", {a: 1, b: "{x,y}", c: "*"}),
          };
        }"""
    )
    assert told["aligned"] == [[0, 15, 30, 45], [1, "none", None, "none"], [1, 2, None, 4]]
    assert told["holes"] == [
        {"found": [[22.5, 82.5], [112.5, 200]], "last": 105},
        {"found": [[0, 60]], "last": None},
    ]
    assert told["merged"] == [True, {"start": 0, "step": 15, "values": [1, 2, None, 9]}, False, False]
    assert told["stacked"] == [[0, 1, 2], [3, None, None], [2, 5, None], [7, 7, 7]]
    assert told["read"] == {
        "panel": 3, "target": 1, "compared": 1, "label": "a.b", "start": 10, "step": 10, "values": [1, 2]
    }  # fmt: skip
    assert [[word["kind"], word["text"]] for word in told["words"]] == [
        ["name", "sal"], ["name", "saltern.we"], ["name", "a.{b,c}.d"], ["name", ""],
        ["", ""], ["tag", "na"], ["value", "x"], ["", ""],
    ]  # fmt: skip
    assert told["words"][6]["tag"] == "b"
    assert told["format"] == ["0 B", "1.5 KiB", "–", "50 %", "12.3 k", "90 s", "400 µs", "3"]
    assert told["filled"] == "1.{x,y}.*.$d"
