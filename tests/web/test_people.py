"""Users, roles, tokens, the audit."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from support.console import TOKEN, ConsoleClient, Refusal

ROLES: list[dict[str, Any]] = [
    {
        "role": "admin",
        "from": "the options",
        "may": ["everything"],
        "on": "all minions",
        "members": ["file:anna", "file:fred"],
        "kept": ["file:fred"],
    },
    {
        "role": "dba",
        "from": "roles.d/x.yaml",
        "may": ["mysql\\..*"],
        "on": ["db<b>"],
        "members": ["ldap:dba%"],
        "kept": [],
    },
]
TOKEN_ROW = {
    "id": "cb37fd5373b4", "use": "personal", "user": "file:anna", "label": "<i>backup</i>", "scope": ["test.ping"],
    "origin": "127.0.0.1", "created": "2026-11-30T06:12:55Z", "expires": "2026-12-30T06:12:55Z", "last_used": None,
    "last_used_from": "",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _logged_in(console: ConsoleClient) -> None:
    console.login(everything=True)
    console.api.answers |= {
        "runner.auth.roles": ROLES,
        "runner.auth.passwd_list": ["anna", "fred"],
        "runner.auth.token_list": [TOKEN_ROW],
    }


def test_users_stand_with_the_roles_that_name_them(console: ConsoleClient) -> None:
    page = console.get("/people").text
    assert "fred" in page
    assert "db&lt;b&gt;" in page
    assert "ldap:dba%" in page


def test_where_no_file_has_passwords_roles_are_shown_all_the_same(console: ConsoleClient) -> None:
    console.api.answers["runner.auth.passwd_list"] = Refusal("no file of users is configured: put external_auth")
    page = console.get("/people")
    assert page.status_code == 200
    assert "no file of users is configured" in page.text
    assert "dba" in page.text


def test_a_password_is_shown_once_and_kept_by_nobody(console: ConsoleClient) -> None:
    console.api.answers["runner.auth.passwd"] = "correct-horse"
    assert "A new password for fred?" in console.get("/people/password?user=fred").text
    assert not console.api.called("runner.auth.passwd")
    answer = console.post("/people/password", {"user": "fred"})
    assert "correct-horse" in answer.text
    assert "no-store" in answer.headers["cache-control"]
    assert console.api.called("runner.auth.passwd")[0].arg == ["fred"]


def test_who_is_there_already_is_not_given_another_password_as_a_new_user(console: ConsoleClient) -> None:
    console.api.answers["runner.auth.passwd"] = "s" * 24
    page = console.post("/people/password", {"user": "fred", "new": "1"})
    assert page.status_code == 400
    assert "fred is there already" in page.text
    assert not console.api.called("runner.auth.passwd")
    assert console.post("/people/password", {"user": "fred"}).status_code == 200
    assert console.post("/people/password", {"user": "eve", "new": "1"}).status_code == 200
    assert [call.arg for call in console.api.called("runner.auth.passwd")] == [["fred"], ["eve"]]


def test_what_is_refused_is_said_on_the_page_with_what_was_typed(console: ConsoleClient) -> None:
    console.api.answers["runner.auth.passwd"] = Refusal("a name has no blanks")
    page = console.post("/people/password", {"user": "e ve", "new": "1"})
    assert (page.status_code, "a name has no blanks" in page.text) == (400, True)
    assert 'name="user" value="e ve"' in page.text
    console.api.answers["runner.auth.role_add"] = Refusal("say file:NAME")
    page = console.post("/people/role", {"role": "dba", "member": "fred"})
    assert (page.status_code, "say file:NAME" in page.text) == (400, True)
    assert page.text.count('value="fred" required') == 1


def test_someone_is_removed_after_he_was_asked_about(console: ConsoleClient) -> None:
    console.api.answers["runner.auth.passwd_delete"] = True
    assert "Remove fred?" in console.get("/people/remove?user=fred").text
    assert not console.api.called("runner.auth.passwd_delete")
    assert console.post("/people/remove", {"user": "fred"}).headers["location"] == "/people"
    assert console.api.called("runner.auth.passwd_delete")[0].arg == ["fred"]


def test_a_role_is_given_and_taken(console: ConsoleClient) -> None:
    page = console.get("/people").text
    assert page.count('name="take"') == 1  # of what the configuration says nothing is taken here
    console.api.answers |= {"runner.auth.role_add": [], "runner.auth.role_remove": []}
    assert console.post("/people/role", {"role": "dba", "member": "ldap:x"}).headers["location"] == "/people"
    assert console.api.called("runner.auth.role_add")[0].arg == ["dba", "ldap:x"]
    console.post("/people/role", {"role": "admin", "member": "file:fred", "take": "1"})
    assert console.api.called("runner.auth.role_remove")[0].arg == ["admin", "file:fred"]
    console.api.answers["runner.auth.role_add"] = Refusal("x doesn't say where that name is from")
    answer = console.post("/people/role", {"role": "dba", "member": "x"})
    assert (answer.status_code, "where that name is from" in answer.text) == (400, True)


def test_logins_of_someone_end(console: ConsoleClient) -> None:
    console.api.answers["runner.auth.logout"] = 2
    console.post("/people/logout", {"principal": "file:fred"})
    assert console.api.called("runner.auth.logout")[0].arg == ["file:fred"]


def test_why_someone_may(console: ConsoleClient) -> None:
    told = {"user": "ldap:fred", "minions": 2, "allowed": False, "because": "no line grants it", "also": "runs"}
    console.api.answers["runner.auth.explain"] = told
    page = console.get("/people?user=ldap:fred&function=cmd.run").text
    assert "no line grants it" in page
    (call,) = console.api.called("runner.auth.explain")
    assert (call.arg, call.kwarg) == (["ldap:fred", "cmd.run", "*"], {"tgt_type": "compound"})
    console.api.answers["runner.auth.explain"] = Refusal("there is no such function")
    assert "there is no such function" in console.get("/people?user=x&function=y").text


def test_tokens_are_listed_as_text(console: ConsoleClient) -> None:
    page = console.get("/tokens").text
    assert "&lt;i&gt;backup&lt;/i&gt;" in page
    assert "never" in page
    assert "this login" not in page


def test_ones_own_login_is_marked_among_the_tokens(console: ConsoleClient) -> None:
    own = hashlib.sha256(TOKEN.encode()).hexdigest()[:12]  # what the master calls it
    console.api.answers["runner.auth.token_list"] = [TOKEN_ROW, {**TOKEN_ROW, "id": own, "label": ""}]
    page = console.get("/tokens").text
    assert page.count("this login") == 1
    assert page.index(own) < page.index("this login")


def test_a_token_is_made_with_its_scope_and_shown_once(console: ConsoleClient) -> None:
    console.api.answers["runner.auth.token_create"] = {"token": "f" * 64}
    answer = console.post(
        "/tokens/new", {"name": "backup", "scope": "[test.ping, {'db*': [mysql.dump]}]", "expires": "30d"}
    )
    assert "f" * 64 in answer.text
    assert "no-store" in answer.headers["cache-control"]
    (call,) = console.api.called("runner.auth.token_create")
    assert call.kwarg == {"scope": ["test.ping", {"db*": ["mysql.dump"]}], "expires": "30d", "service": False}


MANY = "- &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"- &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 9)
)
FEW_THOUSAND = "- &a [" + "x, " * 500 + "]\n" + "- *a\n" * 500


@pytest.mark.parametrize(
    "scope",
    [
        "[",
        "just text",
        "{a: b}",
        "!!python/object:os.system []",
        "[" * 5000,
        pytest.param(MANY, id="aliases"),
        pytest.param(FEW_THOUSAND, id="some aliases"),
        "&a [*a]",
        "[2026-11-30]",
        "[.nan]",
        "[{[a]: b}]",
    ],
)
def test_what_is_no_scope_is_said_beside_the_form(console: ConsoleClient, scope: str) -> None:
    answer = console.post("/tokens/new", {"name": "backup", "scope": scope})
    assert answer.status_code == 400
    assert "scope" in answer.text
    assert 'value="backup"' in answer.text
    assert not console.api.called("runner.auth.token_create")


def test_a_token_is_revoked_by_its_id(console: ConsoleClient) -> None:
    console.api.answers["runner.auth.token_revoke"] = True
    console.get("/tokens/revoke?id=cb37fd5373b4")
    assert not console.api.called("runner.auth.token_revoke")
    console.post("/tokens/revoke", {"id": "cb37fd5373b4"})
    assert console.api.called("runner.auth.token_revoke")[0].arg == ["cb37fd5373b4"]


def test_the_audit_asks_for_what_the_url_says(console: ConsoleClient) -> None:
    row = {
        "seq": 8,
        "time": "2026-11-30T06:12:55.6Z",
        "who": "file:<u>",
        "what": "login.begin",
        "result": "ok",
        "via": "",
    }
    console.api.answers["runner.audit.query"] = [row]
    page = console.get("/audit?since=2h&user=file:*&result=ok").text
    assert "file:&lt;u&gt;" in page
    assert console.api.called("runner.audit.query")[0].kwarg == {
        "limit": 200, "since": "2h", "user": "file:*", "result": "ok",
    }  # fmt: skip
    page = console.get("/audit", params={"since": "2026-01-31 12:00", "until": "2026-01-31T12:00+01:00"}).text
    given = console.api.called("runner.audit.query")[1].kwarg
    assert (given["since"], given["until"]) == ("2026-01-31T12:00:00+00:00", "2026-01-31T11:00:00+00:00")
    assert 'value="2026-01-31T11:00:00" data-zoned=' in page


def test_a_record_that_was_changed_is_said_loudly(console: ConsoleClient) -> None:
    console.api.answers["runner.audit.query"] = []
    console.api.answers["runner.audit.verify"] = {"ok": False, "fault": "line 5 is not what was written"}
    page = console.get("/audit?verify=1").text
    assert "line 5 is not what was written" in page
    assert "n-crit" in page
    console.api.answers["runner.audit.query"] = Refusal("since must be a time")
    assert "since must be a time" in console.get("/audit?since=x").text
