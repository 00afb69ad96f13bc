"""Adding a machine: a line that is shown once, and leads where agents reach the master."""

from __future__ import annotations

import json
import re

import pytest

from support.console import ConsoleClient, Refusal

INVITE = "wheel.key.invite"
TOKEN_LINE = "saltern-agent --join saltern1.secret"


@pytest.fixture
def page(console: ConsoleClient) -> ConsoleClient:
    console.login(may={INVITE: True})
    console.api.answers |= {
        INVITE: "saltern1.secret",
        "wheel.key.finger_master": {"local": {"master.pub": "12:34"}},
        "wheel.key.master_key_str": {"local": {"master.pub": "key"}},
    }
    return console


def test_the_name_is_the_one_that_the_browser_uses(page: ConsoleClient) -> None:
    text = page.get("/machines/add").text
    assert 'name="host" required maxlength="253" value="localhost"' in text
    assert "can't reach" in text
    assert 'master_key: "key"' in text


def test_the_line_is_shown_once_and_kept_by_nobody(page: ConsoleClient) -> None:
    answer = page.post("/machines/add", {"host": "salt.example", "id": "web9", "ttl": "900"})
    assert "saltern-agent --id web9 --join saltern1.secret" in answer.text
    assert answer.headers["Cache-Control"] == "no-store, private"
    assert "can't reach" not in answer.text
    (call,) = page.api.called(INVITE)
    assert (call.arg, call.kwarg) == (["salt.example"], {"ttl_s": 900, "minion_id": "web9"})
    found = re.search(r'<script id="follow" type="application/json">(.*?)</script>', answer.text)
    assert found
    assert json.loads(found[1])["id"] == "web9"


def test_a_lifetime_that_is_not_offered_is_the_usual_one(page: ConsoleClient) -> None:
    page.post("/machines/add", {"host": "salt.example", "ttl": "9999999"})
    assert page.api.called(INVITE)[0].kwarg == {"ttl_s": 3600, "minion_id": ""}


def test_what_the_master_refuses_is_said_beside_the_form(page: ConsoleClient) -> None:
    page.api.answers[INVITE] = Refusal("'a b' is no host name")
    answer = page.post("/machines/add", {"host": "a b", "id": "<i>"})
    assert answer.status_code == 400
    assert "is no host name" in answer.text
    assert 'value="&lt;i&gt;"' in answer.text


def test_looking_invites_nobody(page: ConsoleClient) -> None:
    page.get("/machines/add?host=x&id=y")
    assert not page.api.called(INVITE)


def test_who_may_not_invite_sees_no_way(page: ConsoleClient) -> None:
    page.login("eve", token="e" * 64)
    page.api.answers["wheel.key.finger_master"] = Refusal("not allowed", 403)
    answer = page.get("/machines/add")
    assert answer.status_code == 200
    assert "Your login may not invite" in answer.text
    assert "master_key" not in answer.text
