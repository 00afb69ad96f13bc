"""Logins: what they answer, what proves one later, and what a cookie alone may do."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support.api import USER, Api

PING = {"client": "local", "tgt": "*", "fun": "test.ping"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
PING_FORM = b"client=local&tgt=*&fun=test.ping"
IN_URL = "a token is not taken in the URL"


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.close()


def test_please_log_in(api: Api) -> None:
    answer = api.get("/login", auth=False)
    assert answer.json() == {"status": None, "return": "Please log in"}
    assert answer.headers["www-authenticate"] == "Session"


def test_a_login(api: Api) -> None:
    answer = api.post("/login", USER, auth=False)
    assert answer.status_code == 200
    (session,) = answer.json()["return"]
    assert set(session) == {"token", "expire", "start", "user", "eauth", "perms"}
    assert answer.headers["x-auth-token"] == session["token"]
    assert api.post("/", PING, auth=False, headers={"X-Auth-Token": session["token"]}).status_code == 200
    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name == f"session_id={session['token']}"
    (age,) = [one for one in attributes if one.startswith("Max-Age=")]
    assert {one.lower() for one in attributes} - {age.lower()} == {"httponly", "samesite=strict", "path=/"}
    assert 60 < int(age.removeprefix("Max-Age=")) < 100


def test_the_cookie_is_for_tls_alone_where_there_is_tls(api: Api) -> None:
    answer = api.post("https://localhost/login", USER, auth=False)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-session_id=")
    assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
    assert "domain" not in cookie.lower()
    told = {"Cookie": f"{cookie.split(';')[0]}; session_id={'0' * 64}"}
    assert api.get("/jobs", headers=told, auth=False).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([USER], 200),
        ({**USER, "password": "wrong"}, 401),
        ({**USER, "username": "nobody"}, 401),
        ({}, 401),
        ([], 401),
        ({"username": "fred"}, 401),
        ({**USER, "eauth": ""}, 401),
        ({**USER, "password": ["secret"]}, 401),
        ({**USER, "password": {"a": 1}}, 401),
        ({**USER, "password": True}, 401),
        ({**USER, "token_expire": "long"}, 401),
        ({**USER, "token_expire": [1]}, 401),
        ("fred", 400),
        (5, 400),
        ([5], 400),
    ],
)
def test_who_may_not_in(api: Api, body: object, status: int) -> None:
    answer = api.post("/login", body, auth=False)
    assert answer.status_code == status
    assert ("set-cookie" in answer.headers) == ("x-auth-token" in answer.headers) == (status == 200)
    if status == 401:
        assert "secret" not in answer.text
        assert answer.json()["status"] == 401


def test_a_number_is_a_password_too(api: Api) -> None:
    api.master.users["pin"] = "1234"
    body = b"username: pin\npassword: 1234\neauth: file\ntoken_expire: 60\nfun: x\n"
    answer = api.post("/login", body, auth=False, headers={"content-type": "application/x-yaml"})
    assert answer.status_code == 200
    given = {"username": "pin", "password": "1234", "eauth": "file", "token_expire": 60.0}
    assert api.master.calls == [("login", given)]


def test_from_where_who_may_log_in() -> None:
    users = {"fred": ["10.0.0.0/8"], "*": ["127.0.0.1"], "ann": "*"}
    proxies = {"api_acl": {"users": users}, "trusted_proxies": ["127.0.0.1"]}
    api = Api(proxies)
    api.master.users["FRED"] = "secret"  # as a directory would have it
    api.master.sessions.clear()
    for address, statuses in (("127.0.0.1", (401, 200)), ("10.1.2.3", (200, 200)), ("192.0.2.1", (401, 200))):
        told = {"X-Forwarded-For": address}
        given = [api.post("/login", one, auth=False, headers=told).status_code for one in (USER, _ann())]
        assert tuple(given) == statuses, address
        assert api.post("/token", [_ann(), USER], auth=False, headers=told).status_code == statuses[0]
        ping = {"client": "local", "tgt": "*", "fun": "test.ping"}
        given = [
            api.post("/run", {**ping, **one}, auth=False, headers=told).status_code
            for one in (USER, _ann(), {**USER, "username": "FRED"})
        ]
        assert given[:2] == list(statuses), address
        assert given[2] == statuses[0], address
        keys = api.post("/keys", {"mid": "web9", **USER}, auth=False, headers=told)
        assert (keys.status_code == 401) is (statuses[0] == 401)
        api.master.sessions.clear()
    api.master.users["freddy"] = "secret"
    api.master.names["freddy"] = "fred"
    freddy = {**USER, "username": "freddy"}
    for path in ("/login", "/token"):
        assert api.post(path, freddy, auth=False).status_code == 401
        assert api.post(path, freddy, auth=False, headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
    assert not api.master.sessions
    other = {**USER, "username": "other"}
    api.master.users["other"] = "secret"
    assert api.post("/login", other, auth=False).status_code == 200
    assert api.post("/login", other, auth=False, headers={"X-Forwarded-For": "10.1.2.3"}).status_code == 401
    api.close()


def _ann() -> dict[str, str]:
    return {"username": "ann", "password": "secret too", "eauth": "file"}


def test_a_logout_ends_it(api: Api) -> None:
    answer = api.post("/logout")
    assert answer.json() == {"return": "Your token has been cleared"}
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert api.post("/", PING).status_code == 401
    assert api.post("/logout").status_code == 401
    assert api.get("/logout").status_code == 405


def test_tokens_for_calls(api: Api) -> None:
    answer = api.post("/token", [USER, _ann()], auth=False)
    assert [one["name"] for one in answer.json()] == ["fred", "ann"]
    assert api.post("/token", [{"username": "fred"}], auth=False).status_code == 400
    assert api.post("/token", [{**USER, "password": "x"}], auth=False).status_code == 401
    assert api.post("/token", [USER] * 21, auth=False).status_code == 400


def test_without_sessions_there_are_none() -> None:
    api = Api({"enable_sessions": False})
    for path in ("/login", "/logout", "/minions", "/minions/web1", "/jobs", "/jobs/1"):
        assert api.get(path).status_code == 404
        assert api.post(path, PING).status_code == 404
    assert api.post("/run", {**PING, **USER}, auth=False).status_code == 200
    api.close()


def test_the_header_goes_before_the_cookie(api: Api) -> None:
    cookie = {"Cookie": f"session_id={'0' * 64}"}
    assert api.get("/jobs", headers=cookie).status_code == 200
    own = {"Cookie": f"session_id={api.token}"}
    assert api.get("/jobs", auth=False, headers={**own, "X-Auth-Token": "0" * 64}).status_code == 401
    assert api.get("/jobs", auth=False, headers={**own, "X-Auth-Token": ""}).status_code == 200


def test_a_page_shows_that_it_has_read_the_answer_to_its_login(api: Api) -> None:
    answer = api.post("/login", USER, auth=False)
    shown = answer.headers["x-csrf-token"]
    assert api.token not in shown
    form = {**FORM, "Cookie": f"session_id={answer.headers['x-auth-token']}"}
    body = b"client=local&tgt=*&fun=test.ping"
    assert api.post("/", body, auth=False, headers=form).status_code == 403
    assert api.post("/", body, auth=False, headers={**form, "X-CSRF-Token": shown}).status_code == 200
    for wrong in ("", shown[:-1], "0" * 64, answer.headers["x-auth-token"]):
        refused = api.post("/", body, auth=False, headers={**form, "X-CSRF-Token": wrong})
        assert refused.status_code == 403
        assert "is not this session's" in refused.json()["return"]


@pytest.mark.parametrize("path", ["/", "/minions", "/logout", "/hook/a"])
def test_what_a_cookie_alone_changes(api: Api, path: str) -> None:
    """A page of any site can have a browser send a form with the cookie; JSON it can't, nor hide where it is from."""
    cookie = {"Cookie": f"session_id={api.token}"}
    form, yaml = {**cookie, **FORM}, {**cookie, "content-type": "application/x-yaml"}
    text = {**cookie, "content-type": "text/plain"}
    json_text = json.dumps(PING).encode()
    evil = [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
    evil.append({"Sec-Fetch-Site": "same-site"})
    for headers in (cookie, form, text, *({**kind, **one} for one in evil for kind in (form, text, yaml))):
        body = PING_FORM if headers.get("content-type") == FORM["content-type"] else json_text
        answer = api.post(path, body, auth=False, headers=headers)
        assert answer.status_code == 403, headers
    assert api.master.calls == api.master.hooks == []
    own = [{"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}]
    if path == "/logout":
        own = own[:1]
    for one in own:
        assert api.post(path, PING_FORM, auth=False, headers={**form, **one}).status_code in (200, 202)
    if path != "/logout":
        assert api.post(path, PING, auth=False, headers=cookie).status_code in (200, 202)
        assert api.post(path, PING_FORM, headers=FORM).status_code in (200, 202)  # the header's token


@pytest.mark.parametrize("path", ["/events?token={}", "/ws/{}", "/ws/{}/"])
def test_no_token_in_a_url(api: Api, path: str) -> None:
    answer = api.get(path.format(api.token))
    assert answer.status_code in (400, 401, 404)
    if answer.status_code != 404:
        assert answer.json()["return"].startswith(IN_URL)
    for url in ("/jobs", "/minions"):
        assert api.get(f"{url}?token={api.token}", auth=False).status_code == 401
        assert api.get(f"{url}?X-Auth-Token={api.token}", auth=False).status_code == 401


def test_hooks(api: Api) -> None:
    secret = {"Authorization": "Basic x", "X-CSRF-Token": "y", "Cookie": "session_id=z", "X-GitHub-Event": "push"}
    answer = api.post("/hook/a/b", b'{"x": 1}', headers={**secret, "content-type": "application/json"})
    assert answer.json() == {"success": True}
    ((path, body, post, headers),) = api.master.hooks
    assert (path, body, post) == ("a/b", '{"x": 1}', {"x": 1})
    assert headers["X-Github-Event"] == "push"
    assert not {name.lower() for name in headers} & {"authorization", "cookie", "x-auth-token", "x-csrf-token"}
    api.post("/hook", b"a=1&a=2&b=3", headers=FORM)
    assert api.master.hooks[-1][:3] == ("", "a=1&a=2&b=3", {"a": ["1", "2"], "b": "3"})
    api.post("/hook/x", b"\xff<a/>", headers={"content-type": "text/xml"})
    assert api.master.hooks[-1][:3] == ("x", "\ufffd<a/>", {})
    for body in (b"hello", b'"hello"'):
        api.post("/hook/x", body, headers={"content-type": "text/plain"})
        assert api.master.hooks[-1][2] == "hello"
    for body in (b"", b"null", b"false", b"[]"):
        api.post("/hook/x", body, headers={"content-type": "application/json"})
        assert api.master.hooks[-1][2] == {}
    assert api.get("/hook/a").status_code == 405
    assert api.post("/hook/a", b"", auth=False).status_code == 401
    assert api.post("/hook/a%0d%0ab", b"").status_code == 404
    assert api.post("/hook/a%1b%09b", b"").status_code == 400
    assert api.post(f"/hook/{'a' * 201}", b"").status_code == 400
    assert len(api.master.hooks) == 9


def test_hooks_for_everyone_elsewhere() -> None:
    api = Api({"webhook_disable_auth": True, "webhook_url": "/told"})
    assert api.post("/told/x", b"", auth=False).status_code == 200
    assert api.post("/hook/x", b"", auth=False).status_code == 404
    assert api.master.hooks[0][0] == "x"
    api.close()
