"""Pages of foreign origins change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route

from saltern.http.origins import is_own_origin
from saltern_graphite.events.event import Event
from saltern_graphite.events.store import EventStore
from saltern_graphite.http.app import READ_BY_POST, HttpSettings, create_app
from saltern_graphite.tags.index import TagIndex
from support.asgi_client import AsgiClient
from support.http_api import FORM, FolderStore

SERIES = "disk.used;rack=a1"
EVENT = b'{"what": "x"}'
CHANGES = ["/events", "/events/", "/tags/tagSeries", "/tags/tagMultiSeries/", "/tags/delSeries", "/tags/delSeries/"]
JSON = "application/json"
GRAFANA = "https://grafana.example.org"


class Api:
    """The application with an event and a series, and what has become of these."""

    def __init__(self, folder: Path, **settings: tuple[str, ...]) -> None:
        self.tags, self.events = TagIndex(), EventStore()
        self.tags.add([SERIES])
        self.events.add(Event(1.0, "deployed", ()))
        self.store = FolderStore(folder)
        http = HttpSettings(**settings)  # type: ignore[arg-type]  # names alone
        self.app = create_app(self.store, http, tags=self.tags, events=self.events)

    def post(self, path: str, **headers: str) -> int:
        """Send what would change something at *path*."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        body = EVENT if path.startswith("/events") else f'{{"path": "{SERIES if "del" in path else "a;b=c"}"}}'.encode()
        if FORM["content-type"] == told.get("content-type") and path.startswith("/tags"):
            body = f"path={SERIES if 'del' in path else 'a;b=c'}".encode()
        return AsgiClient(self.app).post(path, content=body, headers=told).status_code

    @property
    def untouched(self) -> bool:
        return self.events.count() == 1 and self.tags.find(["rack=a1"]) == [SERIES] and not self.tags.find(["b=c"])


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://evil.example", "sec_fetch_site": "same-origin"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost:3000"},
        {"origin": "http://localhost.evil.example"},
        {"origin": "http://localhost@evil.example"},
        {"origin": "ftp://localhost"},
        {"origin": "localhost"},
        {"origin": "http://localhost/"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [JSON, FORM["content-type"], "text/plain"])
def test_a_foreign_page_changes_nothing(api: Api, path: str, headers: dict[str, str], kind: str) -> None:
    assert api.post(path, content_type=kind, **headers) == 403
    assert api.untouched
    assert api.store.counters.totals()["requestsForeign"] == 1


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost"},
        {"origin": "https://localhost"},
        {"origin": "http://localhost:80"},
        {"origin": "http://LocalHost", "sec_fetch_site": "same-origin"},
        {"origin": "https://graphite:8443", "host": "graphite:8443"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [JSON, FORM["content-type"]])
def test_programs_and_own_pages_do(tmp_path: Path, path: str, headers: dict[str, str], kind: str) -> None:
    api = Api(tmp_path, hosts=("graphite",))
    assert api.post(path, content_type=kind, **headers) == 200
    assert not api.untouched


@pytest.mark.parametrize("path", CHANGES)
def test_pages_of_named_origins_do_and_those_of_all_do_not(tmp_path: Path, path: str) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    named, every = Api(tmp_path / "1", cors_origins=(GRAFANA,)), Api(tmp_path / "2", cors_origins=("*",))
    assert every.post(path, content_type=JSON, origin=GRAFANA) == 403
    assert every.untouched
    assert named.post(path, content_type=JSON, origin=GRAFANA + ".evil.example") == 403
    assert named.untouched
    assert named.post(path, content_type=JSON, origin=GRAFANA, sec_fetch_site="cross-site") == 200
    assert not named.untouched


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    "kind", ["text/plain", "text/plain;charset=application/json", "multipart/form-data; boundary=x"]
)
def test_what_a_page_may_send_unasked_is_no_way_in_either(api: Api, path: str, kind: str) -> None:
    """Even for an own page: a kind that browsers don't ask about first is not read from any."""
    assert api.post(path, content_type=kind, origin="http://localhost") == 415
    assert api.post(path, content_type=kind, sec_fetch_site="same-origin") == 415
    assert api.untouched


def test_an_own_origin_is_no_help_beside_a_foreign_one(api: Api) -> None:
    origins = [("origin", "http://localhost"), ("origin", "http://evil.example"), ("content-type", JSON)]
    for headers in (origins, origins[::-1]):
        assert AsgiClient(api.app).post("/events/", content=EVENT, headers=headers).status_code == 403
    assert api.untouched


def test_programs_send_events_as_they_always_did(api: Api) -> None:
    for kind in ("text/plain", FORM["content-type"], "application/x-json"):
        assert api.post("/events/", content_type=kind) == 200
    assert api.events.count() == 4


def test_foreign_pages_may_ask_by_post(api: Api) -> None:
    headers = {"origin": "http://evil.example", **FORM}
    answer = AsgiClient(api.app).post("/render", content=b"target=constantLine(1)&format=json", headers=headers)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_route_that_takes_more_than_get_is_known_to_change_or_not(api: Api) -> None:
    routes = [route for route in api.app.routes if isinstance(route, Route)]
    posted = {route.path.rstrip("/") for route in routes if (route.methods or set()) - {"GET", "HEAD"}}
    assert posted - READ_BY_POST == {path.rstrip("/") for path in CHANGES}
    assert posted >= READ_BY_POST


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_but_post_changes_anything(api: Api, path: str, method: str) -> None:
    AsgiClient(api.app).request(method, path, params={"path": SERIES, "what": "x"}, content=EVENT)
    AsgiClient(api.app).request(method, path, params={"path": "a;b=c", "what": "x"}, content=EVENT)
    assert api.untouched


@given(st.text(), st.text())
def test_any_text_is_an_own_origin_or_none(origin: str, host: str) -> None:
    if is_own_origin(origin, host):
        assert origin.lower().startswith(("http://", "https://"))
        assert host
