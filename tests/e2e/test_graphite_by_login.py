"""Metrics through the HTTP API of a whole stack: a watcher of one minion sees it, and nothing of another by any way."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.stacks import Parts, wait_for

SEEN, UNSEEN = "web.one", "hidden-two"
ACCESS = f"""
external_auth:
  sharedsecret:
    web: [{{"{SEEN}": ["test.ping"]}}]
sharedsecret: s3cret
schedule: {{stats: {{function: stats.collect, seconds: 1, metrics: true}}}}
alerts_interval: 1
groups: {{web: ["{SEEN}"]}}
roles:
  watcher: {{members: ["token:watch", "sharedsecret:watch"], on: [web]}}
  admin: {{members: ["token:boss"]}}
"""


class Caller:
    """Who has *token*."""

    def __init__(self, parts: Parts, token: str) -> None:
        self._url = parts.stack.api_url
        self._token = token

    def ask(self, path: str, body: bytes | None = None, **query: Any) -> tuple[int, str]:
        url = f"{self._url}{path}?{urllib.parse.urlencode(query, doseq=True)}"
        request = urllib.request.Request(url, body, {"Authorization": f"Bearer {self._token}"})
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def get(self, path: str, **query: Any) -> Any:
        status, text = self.ask(path, **query)
        assert status == 200, text
        return json.loads(text)

    def series(self, target: str) -> set[str]:
        return {one["target"] for one in self.get("/render", target=target, format="json", **{"from": "-10min"})}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    root = tmp_path_factory.mktemp("stack")
    parts = Parts(root, master=ACCESS, ids=[SEEN, UNSEEN])
    alerts = Path(parts.stack.config_dir) / "alerts.d"
    alerts.mkdir(exist_ok=True)
    (alerts / "load.yaml").write_text('load: {metric: saltern.*.stats.load.1m, crit: "> -1"}\n')
    with parts.running():
        loads = "saltern.*.stats.load.1m"
        wait_for(lambda: len(parts.render(loads)) == 2, "the load of both", 60)
        wait_for(lambda: parts.http("/events/get_data", tags=f"alert {UNSEEN}"), "the alert on one", 60)
        wait_for(lambda: parts.http("/events/get_data", tags=f"alert {SEEN}"), "the alert on the other", 60)
        yield parts


def token(parts: Parts, name: str) -> str:
    made: dict[str, Any] = parts.runner.cmd("auth.token_create", [name], kwarg={"service": True})
    return str(made["token"])


@pytest.fixture(scope="module")
def watcher(parts: Parts) -> Caller:
    return Caller(parts, token(parts, "watch"))


@pytest.fixture(scope="module")
def admin(parts: Parts) -> Caller:
    return Caller(parts, token(parts, "boss"))


def test_each_sees_his_own(watcher: Caller, admin: Caller) -> None:
    own, other = "saltern.web_one.stats.load.1m", f"saltern.{UNSEEN}.stats.load.1m"
    assert watcher.series("saltern.*.stats.load.1m") == {own}
    assert watcher.series(own) == {own}
    assert watcher.series(other) == set()
    assert admin.series("saltern.*.stats.load.1m") == {own, other}
    assert admin.series("saltern.master.**")
    assert [one["text"] for one in watcher.get("/metrics/find", query="saltern.*")] == ["web_one"]
    assert {"web_one", UNSEEN, "master"} <= {one["text"] for one in admin.get("/metrics/find", query="saltern.*")}
    assert watcher.get("/metrics/index.json")
    assert all(name.startswith("saltern.web_one.") for name in watcher.get("/metrics/index.json"))
    events = watcher.get("/events/get_data")
    assert events
    assert {SEEN, "minion:web_one"} <= {tag for one in events for tag in one["tags"]}
    assert UNSEEN in json.dumps(admin.get("/events/get_data"))


@pytest.mark.parametrize(
    ("path", "query"),
    [
        *(
            ("/render", {"target": target, "format": "json", "from": "-10min"})
            for target in (
                "*", "**", "*.*.*.*.*", "saltern.{web_one,hidden-two}.stats.load.1m", "saltern.*.schedule.*.*",
                "carbon.**",
                "aliasByNode(saltern.*.stats.load.1m,1)",
                "group(saltern.*.stats.load.1m,saltern.hidden-two.stats.load.1m)",
                "useSeriesAbove(saltern.*.stats.load.1m,-1,'web_one','hidden-two')", "seriesByTag('name=~.*n.*')",
                "applyByNode(saltern.web_one.stats.load.1m,0,'%.hidden-two.stats.load.1m')", "saltern.master.**",
                "fallbackSeries(saltern.none,saltern.hidden-two.stats.load.1m)",
                "template(saltern.$a.stats.load.1m,a='hidden-two')",
                "saltern.hidden-two.stats.load.1m;a=b",
            )
        ),
        ("/metrics/find", {"query": "*"}),
        ("/metrics/find", {"query": "saltern.hidden-two.*"}),
        ("/metrics/find", {"query": "saltern.h", "format": "completer"}),
        ("/metrics/find", {"query": "**", "format": "nodelist", "position": "1"}),
        ("/metrics/expand", {"query": ["**", "saltern.*"]}),
        ("/metrics/index.json", {}),
        ("/metrics/index.json", {"after": "saltern.a", "limit": "1000"}),
        ("/tags", {}),
        ("/tags/name", {}),
        ("/tags/findSeries", {"expr": "name=~.+"}),
        ("/tags/autoComplete/tags", {}),
        ("/tags/autoComplete/values", {"tag": "name"}),
        ("/events/get_data", {}),
        ("/events/get_data", {"tags": "alert hidden-two"}),
        ("/events/get_data", {"tags": "alert presence job", "set": "union"}),
    ],
)  # fmt: skip
def test_by_no_way_is_another_seen(watcher: Caller, path: str, query: dict[str, Any]) -> None:
    status, text = watcher.ask(path, **query)
    assert status == 200, text
    data = json.loads(text)
    if path == "/render":  # a name of no series is an error's or nobody's, never a series
        data = [one for one in data if one["datapoints"]]
    shown = json.dumps(data)
    for word in (UNSEEN, "saltern.master", "carbon."):
        assert word not in shown


def test_events_by_number_and_as_a_line(watcher: Caller, admin: Caller) -> None:
    every = admin.get("/events/get_data")
    (hidden, *_), own = [one for one in every if UNSEEN in one["tags"]], watcher.get("/events/get_data")
    assert watcher.ask(f"/events/{hidden['id']}")[0] == 404
    assert watcher.ask(f"/events/{own[0]['id']}")[0] == 200
    query = {"format": "json", "from": "-1h", "target": "events('alert')"}

    def told(caller: Caller) -> float:
        (line,) = caller.get("/render", **query)
        return sum(value or 0 for value, _ in line["datapoints"])

    wait_for(lambda: 0 < told(watcher) < told(admin), "the second of the alerts to be over")


def test_who_may_keep_an_event(watcher: Caller, admin: Caller) -> None:
    event = json.dumps({"what": "deployed", "tags": ["release"]}).encode()
    assert watcher.ask("/events/", event)[0] == 401
    assert admin.get("/events/get_data", tags="release") == []
    assert admin.ask("/events/", event)[0] == 200
    assert [one["what"] for one in admin.get("/events/get_data", tags="release")] == ["deployed"]
    assert watcher.get("/events/get_data", tags="release") == []


def test_a_login_with_a_grant_on_a_minion_sees_its_series(parts: Parts) -> None:
    body = json.dumps({"username": "web", "password": "s3cret", "eauth": "sharedsecret"}).encode()
    status, text = Caller(parts, "").ask("/login", body)
    assert status == 200, text
    caller = Caller(parts, json.loads(text)["return"][0]["token"])
    assert caller.series("saltern.*.stats.load.1m") == {"saltern.web_one.stats.load.1m"}
    assert caller.ask("/logout", b"{}")[0] == 200
    assert caller.ask("/render", target="*")[0] == 401


def test_a_token_that_is_revoked_sees_nothing_more(parts: Parts) -> None:
    made = parts.runner.cmd("auth.token_create", ["short"], kwarg={"scope": [{SEEN: ["test.ping"]}]})
    caller = Caller(parts, str(made["token"]))
    began = time.monotonic()
    assert caller.series("saltern.*.stats.load.1m") == {"saltern.web_one.stats.load.1m"}
    parts.runner.cmd("auth.token_revoke", ["short"])
    assert caller.ask("/render", target="*")[0] == 401
    assert time.monotonic() - began < 20
