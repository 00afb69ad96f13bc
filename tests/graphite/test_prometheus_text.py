"""``/metrics`` as Prometheus reads it; ``prometheus_client``'s parser is the judge."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from saltern_graphite.http.app import create_app
from saltern_graphite.store.store import Store
from saltern_graphite.telemetry.prometheus import CONTENT_TYPE, PREFIX, exposition, family


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def read(text: str) -> dict[str, Metric]:
    """Return the families of *text* by name; each may be there only once."""
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    return {family.name: family for family in families}


def value(families: dict[str, Metric], name: str) -> float:
    (sample,) = families[name].samples
    return float(sample.value)


def test_all_that_is_counted_is_told_with_its_kind_and_meaning(store: Store) -> None:
    store.counters.add("metricsReceived", 12)
    store.counters.add("updateSeconds", 0.25)
    store.counters.add("framesOdd", 2)
    store.counters.drop({"udp_full": 3, "bad_fields": 1})
    store.counters.gauge("activeConnections", lambda: 4)
    families = read(exposition(store))
    assert all(found.documentation for found in families.values())
    received = families[f"{PREFIX}points_received"]
    assert (received.type, received.samples[0].name, received.samples[0].value) == (
        "counter",
        f"{PREFIX}points_received_total",
        12.0,
    )
    assert value(families, f"{PREFIX}file_update_seconds") == 0.25
    assert value(families, f"{PREFIX}frames_odd") == 2.0
    assert value(families, f"{PREFIX}points_written") == 0.0
    dropped = {sample.labels["cause"]: sample.value for sample in families[f"{PREFIX}points_dropped"].samples}
    assert dropped == {"udp_full": 3.0, "bad_fields": 1.0}
    assert value(families, f"{PREFIX}errors") == 4.0
    connections = families[f"{PREFIX}connections"]
    assert (connections.type, connections.samples[0].value) == ("gauge", 4.0)
    assert value(families, f"{PREFIX}ok") == 1.0
    assert value(families, "process_resident_memory_bytes") > 10_000_000
    assert 0 < value(families, "process_open_fds") < value(families, "process_max_fds")
    assert value(families, "process_cpu_seconds") > 0
    (build,) = families[f"{PREFIX}build_info"].samples
    assert build.labels["version"]


@given(
    label=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    told=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    number=st.floats(),
)
def test_any_text_and_number_come_back_as_they_were(label: str, told: str, number: float) -> None:
    text = "".join(family("a_b", "gauge", f"x{told}x", {label: number}, "cause"))
    found = read(text)["a_b"]  # the letters around the text keep blanks, which the parser strips, within it
    (sample,) = found.samples
    assert sample.labels == {"cause": label}
    assert sample.value == number or (math.isnan(sample.value) and math.isnan(number))
    assert found.documentation == f"x{told}x"


def request(store: Store, method: str, url: str, **more: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(store))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, url, **more)

    return asyncio.run(go())


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_a_get_without_a_query_is_a_scrape_and_one_with_it_finds(store: Store, path: str) -> None:
    store.index.add("servers.web1.cpu")
    scraped = request(store, "GET", path, headers={"Accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1"})
    assert (scraped.status_code, scraped.headers["content-type"]) == (200, CONTENT_TYPE)
    assert f"{PREFIX}ok" in read(scraped.text)
    found = request(store, "GET", path, params={"query": "servers.*"})
    assert [node["text"] for node in found.json()] == ["web1"]
    assert request(store, "POST", path, data={"query": "servers.*"}).json() == found.json()
    assert request(store, "GET", path, params={"query": ""}).status_code == 400
    assert request(store, "POST", path).status_code == 400


def test_health_has_a_reason_whenever_it_is_not_ok(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    well = request(store, "GET", "/health")
    assert (well.status_code, well.json()["ok"], well.json()["error"]) == (200, True, "")
    monkeypatch.setattr(store, "health", lambda: {"ok": False, "error": "", "log": {"bytes": 5, "max_bytes": 5}})
    ill = request(store, "GET", "/health")
    assert (ill.status_code, ill.json()["ok"]) == (503, False)
    assert "5 bytes are in the write-ahead log" in ill.json()["error"]
    assert value(read(exposition(store)), f"{PREFIX}ok") == 0.0
