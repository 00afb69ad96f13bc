"""Whose requests are answered, and in which manner: names, origins, addresses, methods, headers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.http.access_log import AccessLog
from saltern_api.addresses import real_address
from saltern_api.settings import within
from support.api import USER, Api, settings_of

PING = {"client": "local", "tgt": "*", "fun": "test.ping"}
PAGE = "https://console.example.org"


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.close()


@pytest.mark.parametrize("path", ["/", "/login", "/jobs", "/nothing", "/static/x", "/health"])
def test_a_name_that_someone_points_here_gets_nothing(api: Api, path: str) -> None:
    for host in ("evil.example", "localhost.evil.example", "evil.example:8000", ""):
        assert api.get(path, headers={"host": host}).status_code == 421
    assert api.get("/", headers={"host": "127.0.0.1:8000"}).status_code == 200
    assert api.counters.totals()["requestsMisdirected"] == 4


def test_more_names() -> None:
    api = Api({"hosts": ["salt.example.org"], "host": "127.0.0.2"})
    assert api.get("/", headers={"host": "salt.example.org:443"}).status_code == 200
    assert api.get("/", headers={"host": "other.example.org"}).status_code == 421
    api.close()


@pytest.mark.parametrize("path", ["/", "/login", "/run", "/token", "/keys", "/minions", "/hook/x", "/logout"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost.evil.example", "http://localhost:1"]
)
def test_a_foreign_page_changes_nothing_whatever_it_has(api: Api, path: str, origin: str) -> None:
    answer = api.post(path, {**PING, **USER}, headers={"origin": origin})
    assert answer.status_code == 403
    assert "cors_origin" in answer.json()["return"]
    assert api.master.calls == api.master.hooks == []
    assert api.counters.totals()["requestsForeign"] == 1


def test_no_page_reads_answers_unless_told(api: Api) -> None:
    answer = api.get("/jobs", headers={"origin": PAGE})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    asked = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "x-auth-token"}
    preflight = api.request("OPTIONS", "/", headers=asked, auth=False)
    assert not [name for name in preflight.headers if name.startswith("access-control")]
    assert preflight.status_code == 405


def test_pages_of_named_origins_with_a_token_and_without_the_cookie() -> None:
    api = Api({"cors_origin": PAGE})
    asked = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "x-auth-token"}
    preflight = api.request("OPTIONS", "/", headers=asked, auth=False)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-credentials" not in preflight.headers
    answer = api.post("/", PING, headers={"origin": PAGE})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-credentials" not in answer.headers
    other = api.post("/", PING, headers={"origin": "https://other.example.org"})
    assert other.status_code == 403
    assert "access-control-allow-origin" not in other.headers
    api.close()


def test_addresses() -> None:
    api = Api({"authorized_ips": ["10.0.0.0/8"], "trusted_proxies": ["127.0.0.1", "192.0.2.0/24"]})
    for forwarded, status in (("10.1.1.1", 200), ("192.0.2.9", 403), ("10.1.1.1, 203.0.113.1", 403), ("", 403)):
        assert api.get("/jobs", headers={"x-forwarded-for": forwarded}).status_code == status, forwarded
    assert api.get("/jobs", headers={"x-forwarded-for": "203.0.113.1, 10.2.2.2, 192.0.2.7"}).status_code == 200
    assert api.master.addresses == ["10.1.1.1", "10.2.2.2"]
    assert api.counters.totals()["requestsBarred"] == 3
    api.close()


def test_nobody_else_says_for_whom_he_asks() -> None:
    proxies = settings_of({"trusted_proxies": ["192.0.2.0/24"]}).trusted_proxies
    assert real_address("10.0.0.1", "127.0.0.1", proxies) == "10.0.0.1"
    assert real_address("192.0.2.1", "127.0.0.1", proxies) == "127.0.0.1"
    assert real_address("192.0.2.1", "127.0.0.1, 10.0.0.1", proxies) == "10.0.0.1"
    assert real_address("192.0.2.1", "junk", proxies) == "192.0.2.1"
    assert real_address("192.0.2.1", "127.0.0.1, junk", proxies) == "192.0.2.1"
    assert real_address("192.0.2.1", "[fd00::1]", proxies) == "fd00::1"
    assert real_address("", "", proxies) == ""
    assert within("192.0.2.1", proxies)


def test_methods_and_paths(api: Api) -> None:
    answer = api.request("DELETE", "/minions")
    assert answer.status_code == 405
    assert {one.strip() for one in answer.headers["allow"].split(",")} == {"GET", "HEAD", "POST"}
    assert answer.json() == {"status": 405, "return": "/minions takes GET and HEAD and POST, not DELETE"}
    for path in ("/run", "/token", "/logout", "/hook/x"):
        assert api.get(path).status_code == 405
    for path in ("/nothing", "/minions/a/b", "/jobs/1/2", "/minions//", "/run/x", "/ws/a/b", "/login/x"):
        assert api.get(path).status_code == 404, path
    for path in ("/login/", "/jobs/", "/minions/web1/", "/keys/", "/stats/", "/health/"):
        assert api.get(path).status_code == 200, path
    head = api.request("HEAD", "/login")
    assert head.status_code == 200


def test_a_prefix() -> None:
    api = Api({"root_prefix": "/salt"})
    assert api.get("/salt").json()["return"] == "Welcome"
    assert api.get("/salt/jobs").status_code == 200
    assert api.get("/jobs").status_code == 404
    api.master.scripts["test.ping"] = lambda low: {"jid": "17", "minions": []}
    assert api.post("/salt/minions", PING).json()["_links"] == {"jobs": [{"href": "/salt/jobs/17"}]}
    api.close()


@pytest.mark.parametrize("path", ["/", "/login", "/jobs", "/nothing", "/minions/x", "/openapi.yaml", "/health"])
def test_whatever_the_answer_it_is_taken_for_nothing_else(api: Api, path: str) -> None:
    for headers in ({}, {"accept": "text/html"}, {"host": "evil.example"}, {"X-Auth-Token": "x"}):
        answer = api.get(path, headers=headers)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"


def test_what_a_client_sends_ends_no_line(api: Api) -> None:
    for path in ("/a%0d%0aX-Evil:%201", "/minions/a%0d%0ab"):
        answer = api.get(path)
        assert "x-evil" not in answer.headers
        assert "\n" not in answer.text.strip("\n") or answer.status_code == 200
    answer = api.post("/", {"client": "a\r\nb\x1b[2J", **USER})
    assert answer.status_code == 400
    assert "\x1b" not in answer.json()["return"]
    assert "\n" not in answer.json()["return"]


def test_the_access_log_holds_no_secrets(tmp_path: Path) -> None:
    log = AccessLog(str(tmp_path / "access.log"))
    api = Api(access_log=log)
    api.post("/login", USER, auth=False)
    api.get(f"/ws/{api.token}")
    api.get(f"/jobs?token={api.token}", headers={"Cookie": f"session_id={api.token}", "user-agent": "x\ny"})
    api.get(f"/events?token={api.token}")
    log.close()
    text = (tmp_path / "access.log").read_text()
    assert api.token not in text
    assert "secret" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(one["method"], one["path"], one["status"]) for one in lines] == [
        ("POST", "/login", 200), ("GET", "/ws/…", 401), ("GET", "/jobs", 200), ("GET", "/events", 400),
    ]  # fmt: skip
    api.close()


def test_stats_and_metrics() -> None:
    api = Api({"stats_disable_auth": True, "collect_stats": True})
    api.get("/nothing")
    told = api.get("/stats", auth=False).json()["Saltern API"]
    assert told["requests"] == 1.0
    text = api.get("/metrics", auth=False).text
    assert "# TYPE saltern_api_requests_total counter\nsaltern_api_requests_total 2\n" in text
    other = Api()
    assert other.get("/metrics", auth=False).status_code == 401
    assert other.get("/metrics").status_code == 200
    assert "requests" not in other.get("/stats").json()["Saltern API"]
    api.close()
    other.close()


def test_health(api: Api) -> None:
    assert api.get("/health", auth=False).json()["ok"] is True
    other = Api()
    other.master.there = False
    answer = other.get("/health", auth=False)
    assert answer.status_code == 503
    assert answer.json()["error"] == "no master answers on its socket"
    other.close()
