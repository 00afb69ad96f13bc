"""``/events``, as Graphite's clients and Grafana use it, and ``events()`` in ``/render``."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.errors import GraphiteError
from saltern_graphite.events import store as store_module
from saltern_graphite.events.event import MAX_DATA_CHARS, MAX_TAGS, MAX_WHAT_CHARS, Event, read_event
from saltern_graphite.events.store import EventStore
from saltern_graphite.http.app import create_app
from support.asgi_client import AsgiClient
from support.http_api import PlainStore

T = 1_718_020_800


@pytest.fixture
def client() -> AsgiClient:
    return AsgiClient(create_app(PlainStore(), events=EventStore()))


def post(client: AsgiClient, **event: Any) -> None:
    answer = client.post("/events/", json=event)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.fixture
def filled(client: AsgiClient) -> AsgiClient:
    post(client, what="one", tags=["deploy", "web"], when=T, data="d1")
    post(client, what="two", tags="deploy, db", when=T + 10.7)
    post(client, what="three", when=T + 20)
    return client


def found(client: AsgiClient, **params: str) -> list[str]:
    answer = client.get("/events/get_data", params=params)
    assert answer.status_code == 200, answer.text
    return [event["what"] for event in answer.json()]


def test_events_come_back_as_grafana_reads_them(filled: AsgiClient) -> None:
    answer = filled.get("/events/get_data", params={"from": str(T), "until": str(T + 100)})
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == [
        {"when": T, "what": "one", "data": "d1", "tags": ["deploy", "web"], "id": 1},
        {"when": T + 10, "what": "two", "data": "", "tags": ["deploy", "db"], "id": 2},
        {"when": T + 20, "what": "three", "data": "", "tags": [], "id": 3},
    ]
    assert filled.get("/events/").json() == answer.json()
    assert filled.get("/events").json() == answer.json()


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, ["one", "two", "three"]),
        ({"from": str(T), "until": str(T)}, ["one"]),
        ({"from": str(T + 1)}, ["two", "three"]),
        ({"from": str(T + 10), "until": str(T + 10)}, []),
        ({"from": str(T + 100), "until": str(T)}, []),
        ({"from": "noon 20240610", "until": "midnight 20240611"}, ["one", "two", "three"]),
        ({"from": "-1min", "until": "now", "now": str(T + 60)}, ["one", "two", "three"]),
        ({"until": "now", "now": str(T + 15)}, ["one", "two"]),
        ({"tags": "deploy"}, ["one", "two"]),
        ({"tags": "deploy web"}, ["one"]),
        ({"tags": "deploy,web"}, ["one"]),
        ({"tags": "deploy  web deploy"}, ["one"]),
        ({"tags": "deploy nope"}, []),
        ({"tags": "web db", "set": "intersection"}, []),
        ({"tags": "web db", "set": "union"}, ["one", "two"]),
        ({"tags": "DEPLOY"}, []),
        ({"tags": ""}, []),
    ],
)
def test_events_are_chosen_by_time_and_tags(filled: AsgiClient, params: dict[str, str], names: list[str]) -> None:
    assert found(filled, **params) == names
    assert [event["what"] for event in filled.post("/events/get_data", data=params).json()] == names


def test_an_event_is_now_unless_it_says_when(client: AsgiClient) -> None:
    before = int(time.time())
    post(client, what="now", tags="x")
    (event,) = client.get("/events/get_data", params={"from": "-1h"}).json()
    assert before <= event["when"] <= time.time()
    post(client, what="later", when=4_000_000_000)
    assert found(client) == ["now"]
    assert found(client, until="4000000001") == ["now", "later"]


def test_what_happened_may_be_infinity(client: AsgiClient) -> None:
    post(client, what="film: Infinity War", when=T)
    assert client.get("/events/1").json()["what"] == "film: Infinity War"


def test_one_event_by_its_number(filled: AsgiClient) -> None:
    one = {"id": 1, "when": "2024-06-10T12:00:00Z", "what": "one", "data": "d1", "tags": ["deploy", "web"]}
    assert filled.get("/events/1").json() == one
    assert filled.get("/events/1/").json() == one
    assert filled.get("/events/2").json()["when"] == "2024-06-10T12:00:10.700Z"
    for number in (99, 10**30):
        answer = filled.get(f"/events/{number}")
        assert (answer.status_code, answer.json()) == (404, {"error": f"there is no event {number}"})
    assert filled.get("/events/abc").status_code == 404


def test_jsonp(filled: AsgiClient) -> None:
    answer = filled.get("/events/get_data", params={"jsonp": "show", "tags": "db"})
    assert answer.text.startswith("show([{")
    assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("junk", "the body is no JSON"),
        ("[" * 100_000, "the body is no JSON"),
        ("[1]", "an event is a JSON object"),
        ("{}", "what must be given"),
        ('{"what": null}', "what must be given"),
        ('{"what": "w", "tags": 5}', "tags must be a list of texts"),
        ('{"what": "w", "tags": {"a": 1}}', "tags must be a list of texts"),
        ('{"what": "w", "tags": [1]}', "tags must be a list of texts"),
        ('{"what": "w", "when": "now"}', "when must be a time in epoch seconds, not 'now'"),
        ('{"what": "w", "when": true}', "when must be a time"),
        ('{"what": "w", "when": NaN}', "when must be a time"),
        ('{"what": "w", "when": -1}', "when must be a time"),
        ('{"what": "w", "when": 1e300}', "when must be a time"),
        ('{"what": "\\ud800"}', "what holds half a character"),
        ('{"what": "w", "data": "\\ud800"}', "data holds half a character"),
        ('{"what": "w", "tags": ["\\udfff"]}', "tags holds half a character"),
        (json.dumps({"what": "w" * (MAX_WHAT_CHARS + 1)}), "put the rest into data"),
        (json.dumps({"what": "w", "data": "d" * (MAX_DATA_CHARS + 1)}), "are allowed"),
        (json.dumps({"what": "w", "tags": ["t"] * (MAX_TAGS + 1)}), "an event may have 100 tags"),
    ],
)
def test_what_is_no_event_is_said(client: AsgiClient, body: str, message: str) -> None:
    answer = client.post("/events/", content=body)
    assert answer.status_code == 400
    assert message in answer.json()["error"]
    assert found(client) == []


def test_other_mistakes(filled: AsgiClient) -> None:
    answer = filled.get("/events/get_data", params={"from": "junk"})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("from: ")
    for method in ("PUT", "DELETE"):
        assert filled.request(method, "/events/").status_code == 405
        assert filled.request(method, "/events/1").status_code == 405
    assert filled.post("/events/", content=b"x" * (8 << 20)).status_code == 413


def test_data_of_any_kind_is_kept_as_text(client: AsgiClient) -> None:
    for data in ("text", 7, {"a": ["ü"]}, None):
        post(client, what=5, data=data, when=T)
    events = client.get("/events/get_data").json()
    assert [event["data"] for event in events] == ["text", "7", '{"a": ["ü"]}', ""]
    assert {event["what"] for event in events} == {"5"}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(JSON | st.fixed_dictionaries({"what": JSON}, optional={"tags": JSON, "when": JSON, "data": JSON}))
def test_any_json_is_an_event_or_refused(document: object) -> None:
    try:
        event = read_event(document, 5.0)
    except GraphiteError:
        return
    store = EventStore()
    number = store.add(event)
    kept = store.get(number)
    assert kept == Event(event.when, event.what, event.tags, event.data, number)
    assert store.find(event.when, event.when, event.tags or None) == [kept]
    json.dumps(kept.as_json()).encode()
    json.dumps(kept.as_detail()).encode()


def test_the_oldest_make_room_and_are_counted() -> None:
    dropped: list[tuple[str, int]] = []
    store = EventStore(most=200, count=lambda name, number: dropped.append((name, number)))
    for number in range(210):
        store.add(Event(float(T - number), f"e{number}", ("t",)))  # each older than the one before
    assert store.count() <= 200
    assert sum(number for _, number in dropped) == 210 - store.count()
    assert {name for name, number in dropped if number} == {"eventsDropped"}
    left = store.find(0, T)
    assert len(left) == store.count()
    assert left[-1].what == "e0"
    assert store.find(0, T, ["t"]) == left


def test_events_are_there_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "db" / "events.sqlite")
    store = EventStore.open(path)
    store.add(Event(T, "kept", ("a",)))
    store.close()
    again = EventStore.open(path, read_only=True)
    assert [event.what for event in again.find(T, T, ["a"])] == ["kept"]
    assert again.count() == 1
    again.add(Event(T, "for now"))
    again.close()
    third = EventStore.open(path)
    assert third.health() == {"count": 1, "error": ""}
    third.close()
    fourth = EventStore.open(f"{path}/x")
    assert "can't be opened: File exists" in str(fourth.health()["error"])
    fourth.close()


def test_too_many_events_for_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_FOUND", 2)
    store = EventStore()
    for _ in range(3):
        store.add(Event(T, "x"))
    with pytest.raises(GraphiteError, match="over 2 events match: ask for a shorter range or more tags"):
        store.find(0, T)


def line(client: AsgiClient, target: str, **params: str) -> dict[str, Any]:
    window = {"from": str(T - 2), "until": str(T + 14), "now": str(T + 60), "format": "json"}
    answer = client.get("/render", params={"target": target, **window, **params})
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()
    return dict(one)


def test_events_as_a_line(filled: AsgiClient) -> None:
    post(filled, what="again", tags="deploy", when=T)
    post(filled, what="at the end", tags="deploy", when=T + 14)
    one = line(filled, "events('deploy')")
    assert one["target"] == 'events("deploy")'
    assert one["tags"] == {"name": 'events("deploy")'}
    assert [time for _, time in one["datapoints"]] == list(range(T - 2, T + 14))
    assert {time: value for value, time in one["datapoints"] if value is not None} == {T: 2, T + 10: 1}
    assert line(filled, 'events("deploy","db")')["target"] == 'events("deploy", "db")'
    values = line(filled, 'events("deploy","db")')["datapoints"]
    assert all(line(filled, one)["datapoints"] == values for one in ("events('deploy,db')", "events('db deploy')"))
    everything = line(filled, "events('*')", until=str(T + 30))
    assert sum(value for value, _ in everything["datapoints"] if value is not None) == 5
    none = line(filled, "events('nope')")
    assert {value for value, _ in none["datapoints"]} == {None}


def test_a_coarser_line_adds_events_up(filled: AsgiClient) -> None:
    one = line(filled, "drawAsInfinite(events('*'))", maxDataPoints="4", **{"from": str(T - 10), "until": str(T + 30)})
    assert sum(value for value, _ in one["datapoints"] if value is not None) == 3
    assert len(one["datapoints"]) <= 4


def test_a_line_needs_a_tag(client: AsgiClient) -> None:
    answer = client.get("/render", params={"target": "events()", "format": "json"})
    assert (answer.status_code, "tags must be given" in answer.text) == (400, True)
