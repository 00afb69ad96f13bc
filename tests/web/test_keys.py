"""Keys: what is done is done to exactly the keys that were shown, by fingerprint."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.console import Call, ConsoleClient, Refusal

RESOLVE, LIST = "wheel.key.resolve", "wheel.key.list_all"
ACCEPT = "wheel.key.accept_keys"
FINGER = ":".join(["ab"] * 32)
KEYS = [
    ["minions_pre", "web1", FINGER],
    ["minions_pre", "web2", FINGER],
    ["minions_denied", "db1", FINGER],
    ["minions", "db1", FINGER],
    ["minions", "broken", ""],
]


@pytest.fixture
def page(console: ConsoleClient) -> ConsoleClient:
    console.login(may={"wheel.key.accept": True, "wheel.key.list_all": True})

    def resolve(call: Call) -> Any:
        return [key for key in KEYS if key[0] in call.kwarg["states"]]

    listed: dict[str, list[str]] = {"minions_rejected": [], "local": []}
    for state, minion, _ in KEYS:
        listed.setdefault(state, []).append(minion)
    console.api.answers |= {
        LIST: listed,
        RESOLVE: resolve,
        "wheel.key.finger_master": {"local": {"master.pub": "12:34"}},
        "wheel.key.master_key_str": {"local": {"master.pub": "master<key"}},
    }
    return console


def chosen(*keys: list[str]) -> list[str]:
    return [" ".join(key) for key in keys]


def test_who_waits_comes_first_with_fingerprints(page: ConsoleClient) -> None:
    text = page.get("/keys").text
    assert re.findall(r'<h2 id="h-(\w+)"', text) == ["minions_pre", "minions_denied", "minions", "own"]
    assert FINGER in re.sub(r"</?span>", "", text)
    assert "can't be read as a key" in text
    assert "12:34" in text
    assert "master&lt;key" in text


def test_the_filter_is_in_the_url(page: ConsoleClient) -> None:
    text = page.get("/keys?q=WEB&state=minions_pre").text
    assert re.findall(r'data-id="([^"]*)"', text) == ["web1", "web2"]
    assert page.api.called(RESOLVE)[0].kwarg == {"states": ["minions_pre"]}


def test_a_confirmation_shows_exactly_what_is_sent(page: ConsoleClient) -> None:
    keys = chosen(KEYS[0], KEYS[3])
    shown = page.post("/keys/confirm", {"do": "accept", "key": keys})
    assert "Accept 1 key?" in shown.text
    assert re.findall(r'name="key" value="([^"]*)"', shown.text) == keys[:1]
    assert "Left out, as it is accepted already: db1" in shown.text
    assert not page.api.called(ACCEPT)
    page.api.answers[ACCEPT] = {"done": {"minions": ["web1"]}, "refused": []}
    done = page.post("/keys/act", {"do": "accept", "key": keys[:1]})
    assert done.headers["Location"] == "/keys?accepted=1"
    assert page.api.called(ACCEPT)[0].arg == [[KEYS[0]]]
    assert "1 key accepted." in page.get("/keys?accepted=1").text


def test_a_key_that_changed_meanwhile_is_refused_and_said(page: ConsoleClient) -> None:
    line = "web1: its pending key changed meanwhile: look at it again"
    page.api.answers[ACCEPT] = {"done": {"minions": ["web2"]}, "refused": [line]}
    told = page.post("/keys/act", {"do": "accept", "key": chosen(KEYS[0], KEYS[1])})
    assert told.status_code == 409
    assert line in told.text
    assert "1 refused, 1 accepted" in told.text


@pytest.mark.parametrize(
    "form",
    [
        {"do": "accept"},
        {"do": "print", "key": chosen(KEYS[0])},
        {"do": "accept", "key": "web1"},
        {"do": "accept", "key": "minions_pre  ab"},
        {"do": "accept", "key": "elsewhere web1 ab"},
        {"do": "delete", "key": [f"minions web{number} ab" for number in range(2001)]},
    ],
)
def test_a_form_that_is_none_does_nothing(page: ConsoleClient, form: dict[str, Any]) -> None:
    for where in ("/keys/confirm", "/keys/act"):
        assert page.post(where, form).status_code == 400
    assert not [call for call in page.api.calls if call.name.endswith("_keys")]


def test_nothing_is_done_by_a_link(page: ConsoleClient) -> None:
    for where in ("/keys/act", "/keys/confirm"):
        assert page.get(f"{where}?do=accept&key=minions_pre+web1+{FINGER}").headers["Location"] == "/keys"
    assert not page.api.called(ACCEPT)


def test_what_the_url_says_was_done_is_but_a_number(page: ConsoleClient) -> None:
    text = page.get("/keys?accepted=wickedness&deleted=").text
    assert "wickedness" not in text
    assert " deleted." not in text


def test_who_may_not_see_keys_is_told_so(page: ConsoleClient) -> None:
    page.api.answers[LIST] = Refusal("not allowed", 403)
    assert page.get("/keys").status_code == 403


def test_who_may_only_look_has_no_boxes(page: ConsoleClient) -> None:
    page.login("eve", may={"wheel.key.list_all": True}, token="e" * 64)
    text = page.get("/keys").text
    assert "web1" in text
    assert 'name="key"' not in text
    assert "Accept …" not in text
