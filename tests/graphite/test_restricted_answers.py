"""A restricted request's answer is that of a store which holds nothing but what may be seen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from saltern_graphite.events.event import Event
from saltern_graphite.events.store import EventStore
from saltern_graphite.http.app import HttpSettings, create_app
from saltern_graphite.http.restricted.prefixes import Prefixes
from saltern_graphite.tags.index import TagIndex
from saltern_graphite.tags.tagged_name import spelled
from support.asgi_client import AsgiClient
from support.http_api import PlainStore
from support.restricted import HEADER, ask

NOW = 1_718_020_800
WINDOW = {"from": str(NOW - 300), "until": str(NOW), "now": str(NOW), "format": "json", "noCache": "1"}
STYLES = ("treejson", "completer", "json", "nodelist")
ROOTS, HOSTS, METRICS = ("saltern", "stats"), ("web1", "web10", "db1", "a-b"), ("load", "cpu", "cpu.user", "disk.sda")


class MemoryStore(PlainStore):
    """Series *names*, in the cache alone: points of each, one a minute, that no other has."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        times = range(NOW - 300, NOW + 60, 60)
        for name in names:
            self.index.add(name)
            factor = float(sum(name.encode()) % 97 + 1)
            self.cache.waiting[name] = [(time, factor * (time - NOW + 360) / 60) for time in times]
        self.index.tidy()


def allowed_by(place: str, name: str) -> bool:
    """By hand: whether *name* is at or below *place*."""
    wanted, elements = place.split("."), name.partition(";")[0].split(".")
    if len(wanted) > len(elements):
        return False
    for one, element in zip(wanted, elements, strict=False):
        before, star, after = one.partition("*")
        fits = (
            element.startswith(before) and element.endswith(after) and len(element) >= len(before) + len(after)
            if star
            else element == one
        )
        if not fits:
            return False
    return True


def about(minions: list[str], event: Event) -> bool:
    """By hand: whether *event* is about some of *minions* and no other."""
    subjects = {tag.removeprefix("minion:") for tag in event.tags if tag.startswith("minion:")}
    return bool(subjects) and subjects <= set(minions)


hosts = st.sampled_from(HOSTS)
plain_names = st.one_of(
    st.builds("{}.{}.{}".format, st.sampled_from(ROOTS), hosts, st.sampled_from(METRICS)),
    st.builds("{}.{}.{}".format, st.sampled_from(ROOTS), st.sampled_from(METRICS), hosts),
    st.sampled_from(["saltern", "saltern.web1", "saltern.master.cpu.user", "carbon.agents.a.metricsReceived", "web1"]),
)
tagged_names = st.builds(
    "{};host={};dc={}".format,
    st.sampled_from(["saltern.web1.load", "saltern.db1.load", "saltern.web1", "other", "stats.load.web1"]),
    hosts,
    st.sampled_from(["a", "b"]),
)
places = st.one_of(
    st.builds("saltern.{}".format, hosts),
    st.builds("{}.*.{}".format, st.sampled_from(ROOTS), hosts),
    st.sampled_from(["saltern", "stats.load", "stats.*.user.w*1", "web1", "saltern.web1*", "saltern.web1.cpu", "x.y"]),
)
events = st.builds(
    Event,
    st.integers(NOW - 300, NOW - 1).map(float),
    st.sampled_from(["deployed", "cpu is CRITICAL on web1"]),
    st.lists(
        st.sampled_from(
            ["alert", "web1", "db1", "minion:web1", "minion:db1", "minion:a-b", "minion;", "minion:", "minions"]
        ),
        max_size=4,
        unique=True,
    ).map(tuple),
)
paths = st.one_of(
    plain_names,
    tagged_names,
    st.sampled_from(
        [
            "*", "**", "*.*", "saltern.*.load", "saltern.*.*", "*.*.cpu.*", "saltern.{web1,db1}.load", "*.web*.**",
            "saltern.web[12].load", "**.user", "saltern.[!d]*.cpu", "stats.load.*", "saltern", "*.{*,*}.load",
            "**.**.load",
        ]
    ),
)  # fmt: skip
lists = st.one_of(
    paths,
    st.sampled_from(
        [
            "seriesByTag('name=~.*')", "seriesByTag('dc=a')", "seriesByTag('host=~web','dc!=b')",
            "seriesByTag('name=other')",
            "seriesByTag('host!=')",
        ]
    ),
)  # fmt: skip
FORMS = (
    "{0}",
    "aliasByNode({0},1)",
    "groupByNode({0},1,'sum')",
    "groupByNodes({0},'max',0,2)",
    "groupByTags({0},'sum','host')",
    "sumSeries({0},{1})",
    "divideSeries({0},sumSeries({1}))",
    "asPercent({0},sumSeries({1}))",
    "asPercent({0})",
    "diffSeries({0},{1})",
    "useSeriesAbove({0},0,'web1','db1')",
    "useSeriesAbove({0},0,'load','cpu')",
    "aliasQuery({0},'web1','db1','load %g')",
    "applyByNode({0},1,'sumSeries(%.*)')",
    "applyByNode({0},1,'divideSeries(%.load,saltern.db1.load)')",
    "reduceSeries(mapSeries({0},1),'asPercent',2,'load','cpu')",
    "template({0},host='db1')",
    "template(saltern.$host.load,host='db1')",
    "template('$path',path='{0}')",
    "fallbackSeries({0},{1})",
    "exclude({0},'web')",
    "countSeries({0})",
    "group({0},{1})",
    "highestMax({0},2)",
    "movingAverage({0},2)",
    "timeShift({0},'1min')",
    "smartSummarize({0},'2min')",
    "setXFilesFactor({0},0.5)",
    "events('alert')",
    "events('*')",
    "countSeries(events('minion:db1'),{0})",
    "removeEmptySeries({0})",
    "sortByName({0})",
    "nonsense({0})",
    "sumSeries(",
)
targets = st.builds(lambda form, one, other: form.format(one, other), st.sampled_from(FORMS), lists, lists)
nested = st.one_of(targets, st.builds("sumSeries({})".format, targets), st.builds("aliasByNode({},-1)".format, targets))


Asked = tuple[str, Mapping[str, Any]]


class Twins:
    """A store, asked with a restriction, and one that holds only what that allows."""

    def __init__(self, names: list[str], found: list[Event], seen: list[str], minions: list[str]) -> None:
        self.restriction = {"series": seen, "minions": minions}
        names = [spelled(name) if ";" in name else name for name in names]
        left = [name for name in names if any(allowed_by(place, name) for place in seen)]
        self._whole = self._app(names, found)
        self._part = self._app(left, [event for event in found if about(minions, event)])
        self.whole, self.part = AsgiClient(self._whole), AsgiClient(self._part)

    @staticmethod
    def _app(names: list[str], found: list[Event]) -> Starlette:
        tags, kept = TagIndex(), EventStore()
        tags.add([name for name in names if ";" in name])
        for event in found:
            kept.add(event)
        return create_app(MemoryStore(names), HttpSettings(), tags=tags, events=kept)

    def same(self, asked: list[Asked]) -> None:
        """All of *asked* is answered alike."""
        restricted = asyncio.run(answers(self._whole, asked, self.restriction))
        expected = asyncio.run(answers(self._part, asked, None))
        for one, answer, other in zip(asked, restricted, expected, strict=True):
            assert shown(answer) == shown(other), one


async def answers(app: Starlette, asked: list[Asked], restriction: object) -> list[httpx.Response]:
    """What *app* answers, restricted or not."""
    body = b"" if restriction is None else json.dumps(restriction).encode()
    headers = {} if restriction is None else {HEADER: str(len(body))}
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        return [await client.request("GET", path, params=dict(params), content=body) for path, params in asked]


def shown(answer: httpx.Response) -> object:
    """What an answer says, but for the numbers that a database gave."""
    if answer.status_code != 200 or "json" not in answer.headers["content-type"]:
        return answer.status_code, answer.content
    return answer.status_code, _without_ids(answer.json())


def _without_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_ids(one) for one in value]
    if isinstance(value, dict) and isinstance(value.get("id"), int):
        value = {**value, "id": 0}
    return {key: _without_ids(one) for key, one in value.items()} if isinstance(value, dict) else value


def test_tagged_series_by_name_and_by_tag() -> None:
    names = ["saltern.web1;host=a", "saltern.web1.load;host=a", "saltern.web10;host=a", "saltern.db1.load;host=a"]
    twins = Twins(names, [], ["saltern.web1"], [])
    seen = ["saltern.web1.load;host=a", "saltern.web1;host=a"]
    twins.same(
        [
            *(("/render", {"target": target, **WINDOW}) for target in (*names, "seriesByTag('host=a')")),
            ("/tags/findSeries", {"expr": ["host=a"]}),
            ("/tags/host", {}),
            ("/tags", {}),
        ]
    )
    found = ask(twins.whole, "/tags/findSeries", twins.restriction, {"expr": "host=a"})
    assert found.json() == seen
    by_name = ask(twins.whole, "/render", twins.restriction, {"target": names, **WINDOW})
    assert sorted(one["target"] for one in by_name.json()) == seen


def test_where_places_are() -> None:
    prefixes = Prefixes(["saltern.web1", "stats.*.x", "a.w*1.b"])
    allowed = ["saltern.web1", "saltern.web1.a", "saltern.web1;a=b", "stats.a.x", "stats.a.x.y;a=b.c", "a.w1.b"]
    others = [
        *("", "saltern", "saltern.web10", "saltern.web", "x.saltern.web1", "stats..x", "stats.a.b.x", "stats.x"),
        *("Saltern.web1", "a.w.b", "a.1.b", "a.web1", "saltern;web1=x", "saltern.;web1"),
    ]
    assert [name for name in (*allowed, *others) if prefixes.allows(name)] == allowed
    assert not Prefixes([]).allows("a")
    assert prefixes.span is None
    assert Prefixes(["a.b.c", "a.b.d"]).span == ("a.b", "a.b<")
    assert Prefixes(["a.b", "a.b.d"]).span == ("a.b", "a.b<")
    assert Prefixes(["a.*"]).span == ("a", "a<")


def test_an_event_by_its_number() -> None:
    found = [
        Event(NOW - 9.0, "about web1", ("minion:web1",)),
        Event(NOW - 8.0, "about both", ("minion:web1", "minion:db1")),
        Event(NOW - 7.0, "about nobody", ("web1",)),
    ]
    twins = Twins([], found, [], ["web1"])
    answers = [ask(twins.whole, f"/events/{number}", twins.restriction, {}) for number in (1, 2, 3, 4)]
    assert [answer.status_code for answer in answers] == [200, 404, 404, 404]
    unseen = [answer.text.replace(str(number), "n") for number, answer in enumerate(answers, 1)]
    assert len(set(unseen[1:])) == 1
    assert [twins.whole.get(f"/events/{number}").status_code for number in (1, 2, 3)] == [200] * 3
    nobody = {"series": [], "minions": []}
    assert ask(twins.whole, "/events/1", nobody, {}).status_code == 404
    assert ask(twins.whole, "/events/get_data", nobody, {}).json() == []


def test_ten_thousand_hosts_are_found_as_fast_as_they_are_looked_up() -> None:
    names = [f"saltern.web{number:05}.{metric}" for number in range(10_000) for metric in ("load.1", "cpu.user")]
    seen = [f"saltern.web{number:05}" for number in range(0, 10_000, 2)]
    client = AsgiClient(create_app(MemoryStore(names)))
    answer = ask(client, "/metrics/expand", {"series": seen, "minions": []}, {"query": "saltern.*.load.1"})
    assert answer.json()["results"] == [f"{place}.load.1" for place in seen]
    both = ask(client, "/metrics/find", {"series": seen, "minions": []}, {"query": "*", "format": "treejson"})
    assert [one["text"] for one in both.json()] == ["saltern"]


def test_an_answer_is_given_again_to_who_sees_the_same() -> None:
    client = AsgiClient(create_app(MemoryStore(["saltern.web1.load", "saltern.db1.load"])))
    params = {**{key: value for key, value in WINDOW.items() if key != "noCache"}, "cacheTimeout": "60", "target": "**"}

    def names(*seen: str) -> list[str]:
        answer = ask(client, "/render", {"series": list(seen), "minions": []}, params)
        return sorted(series["target"] for series in answer.json())

    for _ in range(2):
        assert names("saltern.web1") == ["saltern.web1.load"]
        assert names("saltern.db1") == ["saltern.db1.load"]
        assert names() == []
        assert len(client.get("/render", params=params).json()) == 2


@pytest.mark.parametrize("style", ["raw", "csv", "png", "svg", "msgpack", "pickle"])
def test_no_form_shows_more(style: str) -> None:
    twins = Twins(["saltern.web1.load", "saltern.db1.load"], [], ["saltern.web1"], ["web1"])
    params = {**WINDOW, "format": style, "target": ["saltern.*.load", "sumSeries(saltern.*.load)"]}
    restricted, part, whole = (
        ask(twins.whole, "/render", twins.restriction, params),
        twins.part.get("/render", params=params),
        twins.whole.get("/render", params=params),
    )
    assert restricted.status_code == part.status_code == 200
    assert b"db1" not in restricted.content
    if style not in ("png", "svg"):  # drawings have ids of their own
        assert restricted.content == part.content != whole.content


def test_find_for_other_servers() -> None:
    twins = Twins(["saltern.web1.load", "saltern.db1.load"], [], ["saltern.web1"], ["web1"])
    for style in ("pickle", "msgpack"):
        params = {"query": "saltern.*", "format": style, "now": str(NOW)}
        answer = ask(twins.whole, "/metrics/find", twins.restriction, params)
        assert answer.content == twins.part.get("/metrics/find", params=params).content
        assert b"web1" in answer.content
        assert b"db1" not in answer.content


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.one_of(plain_names, tagged_names), max_size=14, unique=True),
    st.lists(events, max_size=6),
    st.lists(places, max_size=4),
    st.lists(st.sampled_from(["web1", "db1", "a-b"]), max_size=2, unique=True),
    st.lists(nested, min_size=1, max_size=4),
    paths,
)
def test_nothing_else_might_be_there(
    names: list[str], found: list[Event], seen: list[str], minions: list[str], wanted: list[str], pattern: str
) -> None:
    find = [{"query": pattern, "format": style, "now": str(NOW), "wildcards": "1"} for style in STYLES]
    tags: list[Asked] = []
    for tag in ("host", "dc", "nothing"):
        tags.append((f"/tags/{tag}", {}))
        tags.append(("/tags/autoComplete/values", {"tag": tag}))
        tags.append(("/tags/autoComplete/values", {"tag": tag, "valuePrefix": "w", "expr": ["dc=a"]}))
    Twins(names, found, seen, minions).same(
        [
            *(("/render", {"target": target, **WINDOW}) for target in wanted),
            ("/render", {"target": wanted, "partial": "1", **WINDOW}),
            *(("/metrics/find", query) for query in find),
            ("/metrics/expand", {"query": [pattern, "*.*"], "groupByExpr": "1"}),
            ("/metrics/index.json", {}),
            ("/metrics/index.json", {"after": "saltern", "limit": "3"}),
            *tags,
            ("/tags", {}),
            ("/tags", {"filter": "h"}),
            ("/tags/findSeries", {"expr": ["name=~.+"]}),
            ("/tags/findSeries", {"expr": ["host=~web", "dc!=a"]}),
            ("/tags/autoComplete/tags", {}),
            ("/tags/autoComplete/tags", {"expr": ["host=web1"], "tagPrefix": "d"}),
            ("/events/get_data", {"now": str(NOW)}),
            ("/events/get_data", {"now": str(NOW), "tags": "alert web1", "set": "union"}),
        ]
    )
