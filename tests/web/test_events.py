"""Events: which are followed is in the URL, and what was recorded is there without a script."""

from __future__ import annotations

import json
import re
from pathlib import Path

import saltern_web
from saltern.visible import HIDDEN
from saltern_web.pages.events import MAX_TAG_CHARS, MAX_TAGS, read_recorded, read_tags
from support.console import ConsoleClient, Refusal

RECORDED = "GET /events/get_data"
SCRIPTS = Path(saltern_web.__file__).parent / "static" / "js"


def followed(text: str) -> dict[str, object]:
    """Return what the page's script is told."""
    found = re.search(r'<script id="follow" type="application/json">(.*?)</script>', text)
    assert found
    value: dict[str, object] = json.loads(found[1])
    return value


def test_tags_of_the_url_are_followed_and_each_once() -> None:
    assert read_tags(["salt/job/*, salt/key", "salt/key", ""]) == ("salt/job/*", "salt/key")
    assert len(read_tags([f"t{number}" for number in range(1000)])) == MAX_TAGS
    assert read_tags(["x" * 9999]) == ("x" * MAX_TAG_CHARS,)


def test_the_page_says_what_its_script_follows(console: ConsoleClient) -> None:
    console.login()
    console.api.answers[RECORDED] = []
    page = console.get("/events?tag=salt/job/*&tag=%3C/script%3E&results=1")
    assert followed(page.text) == {"tags": ["salt/job/*", "</script>"], "results": True, "scheduled": False}
    assert "No change was recorded" in page.text


def test_recorded_changes_are_there_newest_first(console: ConsoleClient) -> None:
    console.login()
    console.api.answers[RECORDED] = [
        {"when": 1796000000, "what": "web1 is gone", "tags": ["presence", "down"]},
        {"when": 1796000009, "what": "<b>evil</b>\u202e", "tags": "alert crit"},
        {"what": "no time"},
        7,
    ]
    page = console.get("/events?hours=24")
    assert page.text.index("&lt;b&gt;evil&lt;/b&gt;\\u202e") < page.text.index("web1 is gone")
    assert console.api.called(RECORDED)[-1].kwarg == {"from": ["-24h"]}


def test_many_recorded_changes_are_bounded_and_that_is_said(console: ConsoleClient) -> None:
    console.login()
    console.api.answers[RECORDED] = [{"when": at, "what": f"change {at}", "tags": []} for at in range(1234)]
    page = console.get("/events")
    assert "1,034 older ones are not shown" in page.text
    assert "change 1034<" in page.text
    assert "change 1033<" not in page.text


def test_without_a_store_the_page_says_so(console: ConsoleClient) -> None:
    console.login()
    console.api.answers[RECORDED] = Refusal("the store keeps no events")
    page = console.get("/events")
    assert page.status_code == 200
    assert "the store keeps no events" in page.text


def test_nothing_that_is_no_change_is_shown() -> None:
    assert read_recorded({"error": 1}) == []
    assert read_recorded([{"when": "now", "what": "x", "tags": []}, {"when": 1.5}]) == []


def test_the_script_hides_what_python_hides() -> None:
    script = (SCRIPTS / "visible.js").read_text()
    ranges = "".join(re.findall(r'"([^"]*)"', script.partition("new RegExp(")[2].partition(', "gu"')[0]))
    pattern = re.compile(re.sub(r"\\\\u\{?([0-9a-f]{4,5})\}?", lambda m: re.escape(chr(int(m[1], 16))), ranges))
    assert all(bool(pattern.match(chr(code))) == bool(HIDDEN.match(chr(code))) for code in range(0x110000))
