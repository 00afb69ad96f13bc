"""Modules: what is known of them, and a sync of exactly the hosts that were shown."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.console import ConsoleClient, Refusal, overview

WANTED = {
    "digest": "d" * 64,
    "modules": [
        {
            "name": "disk",
            "kind": "modules",
            "digest": "a" * 64,
            "from": {"backend": "git", "remote": "r", "commit": "c1"},
        },
        {"name": "own", "kind": "grains", "digest": None, "from": None},
    ],
    "left_out": {"_modules/1x.py": "no name for a module"},
}
BAD = {"modules.bad": "refused: line 1: <b>SyntaxError"}
HOSTS = {
    "ok1": {"digest": "d" * 64, "state": "synced", "errors": {}},
    "new1": {"digest": None, "state": "unknown", "errors": None},
    "old1": {"digest": "e" * 64, "state": "behind", "errors": {}},
    "old2": {"digest": "e" * 64, "state": "behind", "errors": {}},
    "bad1": {"digest": "d" * 64, "state": "synced", "errors": BAD},
    "bad2": {"digest": "d" * 64, "state": "synced", "errors": BAD},
}


@pytest.fixture
def page(console: ConsoleClient) -> ConsoleClient:
    console.login(everything=True)
    console.api.answers |= {
        "runner.manage.modules": {"wanted": WANTED, "minions": HOSTS},
        "runner.manage.overview": overview(sorted(HOSTS), up=[one != "old2" for one in sorted(HOSTS)]),
    }
    return console


def rows(text: str) -> list[str]:
    return re.findall(r'type="checkbox" name="minion" value="([^"]*)"', text)


def test_trouble_comes_first_and_what_nobody_knows_is_no_green(page: ConsoleClient) -> None:
    text = page.get("/modules").text
    assert rows(text) == ["bad1", "bad2", "old1", "old2", "new1", "ok1"]
    assert "it has told nothing yet" in text
    assert re.search(r"modules\.bad</strong>: refused: line 1: &lt;b&gt;SyntaxError.*on 2 hosts", text)
    assert "no name for a module" in text
    assert "c1" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [("state=behind", ["old1", "old2"]), ("state=faulty&q=bad2", ["bad2"]), ("q=syntax", ["bad1", "bad2"])],
)
def test_the_filter_is_in_the_url(page: ConsoleClient, query: str, found: list[str]) -> None:
    assert rows(page.get(f"/modules?{query}").text) == found


def test_all_that_are_behind_and_there_can_be_synced(page: ConsoleClient) -> None:
    text = page.get("/modules").text
    assert re.findall(r'type="hidden" name="minion" value="([^"]*)"', text) == ["old1"]


def test_exactly_the_shown_hosts_are_synced(page: ConsoleClient) -> None:
    sent: dict[str, Any] = {"minion": ["old1", "bad1", "old1"]}
    shown = page.post("/modules/sync", sent)
    assert re.findall(r'name="minion" value="([^"]*)"', shown.text) == ["old1", "bad1"]
    assert not page.api.called("local_async.saltutil.sync_modules")
    page.api.answers["local_async.saltutil.sync_modules"] = {"jid": "2" * 20, "minions": ["old1", "bad1"]}
    done = page.post("/modules/sync", {**sent, "sure": "1"})
    assert done.headers["Location"] == f"/jobs/{'2' * 20}"
    (call,) = page.api.called("local_async.saltutil.sync_modules")
    assert (call.chunk["tgt"], call.chunk["tgt_type"]) == (["old1", "bad1"], "list")


def test_a_sync_that_is_refused_says_why(page: ConsoleClient) -> None:
    page.api.answers["local_async.saltutil.sync_all"] = Refusal("you may not", 403)
    told = page.post("/modules/sync", {"minion": "old1", "all": "1", "sure": "1"})
    assert told.status_code == 400
    assert "you may not" in told.text
    assert page.post("/modules/sync", {}).status_code == 400


def test_a_master_that_knows_nothing_is_shown_as_that(page: ConsoleClient) -> None:
    page.api.answers["runner.manage.modules"] = {"wanted": {"digest": None, "modules": []}, "minions": {}}
    text = page.get("/modules").text
    assert "No host is accepted yet" in text
    assert "The file server has no modules" in text


def test_what_only_shows_when_a_module_is_loaded_is_asked_of_hosts_when_told(page: ConsoleClient) -> None:
    assert "Load them all now" in page.get("/modules").text
    assert not page.api.called("local.sys.list_functions,sys.load_errors")
    why = "line 1: ModuleNotFoundError: No module named '<b>'"
    told: dict[str, Any] = {"sys.list_functions": [], "sys.load_errors": {"disk": why, "yumpkg": "no yum"}}
    page.api.answers["local.sys.list_functions,sys.load_errors"] = {"ok1": told, "bad1": told, "old1": "nonsense"}
    text = page.get("/modules?load=1").text
    (call,) = page.api.called("local.sys.list_functions,sys.load_errors")
    assert call.chunk["tgt"] == ["bad1", "bad2", "old1", "new1", "ok1"]
    assert call.chunk["arg"] == [["disk"], []]
    assert rows(text) == ["bad1", "bad2", "ok1", "old1", "old2", "new1"]
    assert "2 hosts loaded all of them just now" in text
    assert re.search(r"modules\.disk</strong>: line 1: ModuleNotFoundError.*on 2 hosts", text)
    assert "no yum" not in text
    del page.api.answers["local.sys.list_functions,sys.load_errors"]
    assert "the test has no answer to" in page.get("/modules?load=1").text
