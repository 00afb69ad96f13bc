"""Answers given again: for how long, what counts as the same request, ETags."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_graphite.http.answer_cache import AnswerCache, Rendered
from saltern_graphite.http.app import HttpSettings
from support.http_api import NOW, FolderApi, FolderStore, window


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def hits(api: FolderApi) -> float:
    return api.totals().get("requestCacheHits", 0)


def test_the_same_again_is_a_hit_whatever_the_order(store: FolderStore) -> None:
    api = FolderApi(store, HttpSettings(cache_s=60))
    asked = {"target": ["servers.web1.load", "constantLine(1)"], "format": "json", **window()}
    first = api.get("/render", **asked)
    store.cache.waiting["servers.web1.load"] = [(NOW, 77.0)]
    again = api.get("/render", **dict(reversed(asked.items())), _salt="1.5", noise="")
    assert again.text != first.text  # an unknown parameter may mean something
    again = api.get("/render", **dict(reversed(asked.items())), _salt="1.5")
    assert (again.text, hits(api)) == (first.text, 1)
    form = "&".join(f"target={target}" for target in asked["target"])
    posted = api.post("/render", f"{form}&format=json&from={NOW - 300}&until={NOW}&now={NOW}")
    assert (posted.text, hits(api)) == (first.text, 2)
    for other in (
        {**asked, "target": list(reversed(asked["target"]))},
        {**asked, "from": str(NOW - 240)},
        {**asked, "maxDataPoints": "2"},
        {**asked, "jsonp": "f"},
    ):
        assert api.get("/render", **other).text != first.text
    assert (hits(api), api.totals()["requestCacheMisses"]) == (2, 6)


@pytest.mark.parametrize("refusal", [{"noCache": "1"}, {"cacheTimeout": "0"}, {"noCache": "", "cacheTimeout": "60"}])
def test_clients_that_want_it_fresh(store: FolderStore, refusal: dict[str, str]) -> None:
    api = FolderApi(store, HttpSettings(cache_s=60))
    first = api.get("/render", target="servers.web1.load", **window())
    store.cache.waiting["servers.web1.load"] = [(NOW, 77.0)]
    fresh = api.get("/render", target="servers.web1.load", **window(), **refusal)
    assert "77.0" in fresh.text
    assert "77.0" not in first.text
    assert "77.0" in api.get("/render", target="servers.web1.load", **window()).text  # the older one is forgotten


def test_clients_that_take_it_older(store: FolderStore) -> None:
    api = FolderApi(store, HttpSettings(cache_s=0))
    first = api.get("/render", target="servers.web1.load", cacheTimeout="60", **window())
    assert first.headers["cache-control"] == "max-age=60"
    store.cache.waiting["servers.web1.load"] = [(NOW, 77.0)]
    assert api.get("/render", target="servers.web1.load", cacheTimeout="60", **window()).text == first.text
    assert "77.0" in api.get("/render", target="servers.web1.load", **window()).text


def test_no_age_is_too_great(store: FolderStore) -> None:
    answer = FolderApi(store).get("/render", target="servers.web1.load", cacheTimeout="9" * 400, **window())
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "max-age=31536000")


def test_each_encoding_has_its_own(store: FolderStore) -> None:
    api = FolderApi(store, HttpSettings(cache_s=60))
    asked = {"params": {"target": "randomWalk('x')", **window(86400)}}
    for _ in range(2):
        plain = api.send("GET", "/render", headers={"accept-encoding": "identity"}, **asked)
        zipped = api.send("GET", "/render", headers={"accept-encoding": "gzip"}, **asked)
        assert (plain.headers.get("content-encoding"), zipped.headers["content-encoding"]) == (None, "gzip")
        assert plain.text == zipped.text
        assert plain.headers["etag"] == zipped.headers["etag"]
        assert plain.headers["vary"] == "Accept-Encoding"
    assert hits(api) == 2
    assert len(gzip.compress(plain.content)) < len(plain.content)


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip;q=0", False), ("gzip; q=0.000, identity", False), ("*;q=0", False), ("", False), ("br, GZIP;q=0.5", True),
     ("*", True), ("*;q=0, gzip", True), ("gzip;q=0.001", True)],
)  # fmt: skip
def test_gzip_goes_to_those_who_take_it(store: FolderStore, accepted: str, packed: bool) -> None:
    api = FolderApi(store, HttpSettings(cache_s=60))
    asked = {"params": {"target": "randomWalk('x')", **window(86400)}}
    answer = api.send("GET", "/render", headers={"accept-encoding": accepted}, **asked)
    assert ("content-encoding" in answer.headers) == packed


def test_mistakes_and_partial_answers_are_not_kept(store: FolderStore) -> None:
    api = FolderApi(store, HttpSettings(cache_s=60))
    for _ in range(2):
        assert api.get("/render", target="nope(a)", **window()).status_code == 400
        assert api.get("/render", target=["nope(a)"], partial="1", **window()).status_code == 200
    assert hits(api) == 0


def test_an_etag_saves_the_body(store: FolderStore) -> None:
    api = FolderApi(store, HttpSettings(cache_s=0))
    asked = {"params": {"target": "servers.*.load", **window()}}
    etag = api.send("GET", "/render", **asked).headers["etag"]
    for known in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        same = api.send("GET", "/render", headers={"if-none-match": known}, **asked)
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert api.send("GET", "/render", headers={"if-none-match": '"other"'}, **asked).status_code == 200
    store.cache.waiting["servers.web1.load"] = [(NOW, 77.0)]
    assert api.send("GET", "/render", headers={"if-none-match": etag}, **asked).status_code == 200


def test_by_default_nothing_that_came_in_waits(store: FolderStore) -> None:
    api = FolderApi(store)
    asked = {"target": ["servers.web1.load", "events('deploy')"], "format": "json", **window()}

    def changed() -> bool:
        """Whether the next answer is worked out, and the one after it given again."""
        before = hits(api), api.totals().get("requestCacheMisses", 0)
        for _ in range(2):
            assert api.get("/render", **asked).status_code == 200
        after = hits(api), api.totals()["requestCacheMisses"]
        assert (after[0] - before[0], after[1] - before[1]) in ((1, 1), (2, 0))
        return after[1] > before[1]

    assert HttpSettings().cache_s is None
    assert changed()
    store.counters.add("metricsReceived", 3)
    assert changed()
    event = '{"what": "one", "tags": ["deploy"]}'
    assert api.post("/events/", event).status_code == 200
    assert changed()
    assert api.post("/tags/tagSeries", "path=disk;host=a").status_code == 200
    assert changed()


def test_an_answer_lasts_as_long_as_is_said() -> None:
    now = [0.0]
    cache = AnswerCache(10_000, lambda: now[0])
    cache.put("key", Rendered(b"old", "text/plain"), 1.0)
    now[0] = 0.99
    assert cache.get("key", 1.0) is not None
    now[0] = 1.0
    assert cache.get("key", 1.0) is None
    assert cache.get("key", 60.0) is not None  # who takes it older gets it


SIZES = st.integers(0, 4_000)


@given(st.lists(st.tuples(st.integers(0, 5), SIZES, st.sampled_from([0.0, 1.0, 60.0]), st.floats(0, 2)), max_size=40))
def test_it_keeps_to_its_bound(steps: list[tuple[int, int, float, float]]) -> None:
    now = [0.0]
    cache = AnswerCache(10_000, lambda: now[0])
    latest: dict[int, tuple[float, Rendered]] = {}
    for key, size, keep_s, pause in steps:
        now[0] += pause
        rendered = Rendered(b"x" * size, "text/plain")
        cache.put(key, rendered, keep_s)
        latest[key] = (now[0], rendered)
        assert 0 <= cache.bytes <= 10_000
        for one in range(6):
            found = cache.get(one, 1.0)
            if found is not None:
                made, last = latest[one]
                assert found is last
                assert now[0] - made < 1.0
    assert (cache.bytes == 0) == (len(cache) == 0)


def test_what_is_large_is_not_kept() -> None:
    cache = AnswerCache(10_000)
    cache.put("small", Rendered(b"x" * 1000, "text/plain"), 60)
    cache.put("large", Rendered(b"x" * 3000, "text/plain"), 60)
    assert cache.get("large", 60) is None
    assert cache.get("small", 60) is not None
