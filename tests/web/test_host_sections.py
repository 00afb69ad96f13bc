"""The charts of a host: everything that it reports is in one, counters as rates, and nothing twice."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import saltern_web.charts
from saltern_modules.collectors.base import Collector
from saltern_modules.collectors.catalogue import LINUX
from saltern_web.charts.number import FILE, number_of
from saltern_web.charts.span import MAX_S, read_span
from saltern_web.charts.statistics import statistics
from saltern_web.pages.host.sections import MAX_LINES, sections

_SEGMENT = st.text("abc0_-:+", min_size=1, max_size=4)
_NAMES = st.lists(st.lists(_SEGMENT, min_size=1, max_size=5).map(".".join), max_size=30, unique=True)


def charted(names: list[str]) -> dict[str, list[str]]:
    """Return which targets there are under each heading."""
    return {
        shown.title: [target for panel in shown.panels for target in panel.targets] for shown in sections(tuple(names))
    }


def paths_in(targets: list[str]) -> set[str]:
    """Return the names that *targets* ask for; a ``{}`` spelled out."""
    found = set()
    for target in targets:
        path = re.search(r"saltern\.\$minion\.([^),\s{]*)(?:\{([^}]*)\})?", target)
        assert path is not None, target
        for leaf in (path[2] or "").split(","):
            found.add(path[1] + leaf)
    return found


def test_a_table_that_has_a_table_of_rates_is_drawn_once() -> None:
    found = charted([f"stats.oids.{table}.{row}" for table in ("ifs", "ifs_per_s") for row in ("lo", "eth0")])
    assert found == {"Oids": ["aliasByNode(saltern.$minion.stats.oids.ifs_per_s.{eth0,lo},5)"]}


def test_what_is_known_has_its_place_and_the_rest_a_chart_of_its_own() -> None:
    found = charted(
        ["stats.cpu.total.user", "stats.cpu.total.system", "stats.load.1m", "stats.mine.depth", "stats.cpu.resets"]
    )
    assert found["Processor"] == [
        "aliasByNode(saltern.$minion.stats.cpu.total.{user,nice,system,iowait,irq,softirq,steal},5)",
        "aliasByNode(saltern.$minion.stats.load.*,3,4)",
        "aliasByNode(perSecond(saltern.$minion.stats.cpu.resets),4)",
    ]
    assert found["Mine"] == ["aliasByNode(saltern.$minion.stats.mine.depth,4)"]


def test_a_counter_is_a_rate_and_one_whose_rate_is_there_is_not_shown_twice() -> None:
    (net,) = sections(("stats.net.eth0.rx_multicast", "stats.net.eth0.rx_bytes", "stats.net.eth0.rx_bytes_per_s"))
    targets = [target for panel in net.panels for target in panel.targets]
    assert targets == [
        "aliasByNode(saltern.$minion.stats.net.*.{rx,tx}_bytes_per_s,4,5)",
        "aliasByNode(perSecond(saltern.$minion.stats.net.eth0.rx_multicast),5)",
    ]
    assert [panel.unit for panel in net.panels] == ["B/s", "packets/s"]


def test_time_that_is_used_in_a_time_is_a_share_of_it() -> None:
    (shown,) = sections(("stats.pressure.cpu.some.total_us",))
    (panel,) = shown.panels
    assert panel.unit == "%"
    assert "scale(perSecond(" in panel.targets[0]
    assert ",0.0001)" in panel.targets[0]


@given(_NAMES)
def test_every_name_that_nobody_arranged_is_in_one_chart(names: list[str]) -> None:
    names = [f"stats.zz_{name}" for name in names] + [f"own.{name}" for name in names] + ["alone"]
    shown = [panel for one in sections(tuple(names)) for panel in one.panels]
    asked = [name for panel in shown for name in paths_in(list(panel.targets))]
    rated = {
        name
        for name in names
        if f"{name}_per_s" in names or f"{name.rpartition('.')[0]}_per_s.{name.rpartition('.')[2]}" in names
    }
    assert sorted(asked) == sorted(set(names) - rated)
    assert all(len(paths_in(list(panel.targets))) <= MAX_LINES for panel in shown)


def test_what_is_known_of_numbers_is_what_the_collectors_say() -> None:
    for row in LINUX:
        importlib.import_module(f"saltern_modules.collectors.{row.name}")
    said = {
        f"{name}.{number}": [told.kind, told.unit, told.help]
        for name, collector in Collector.registry.items()
        if collector.__module__.startswith("saltern_modules.collectors.")
        for number, told in collector.described().items()
    }
    file = Path(saltern_web.charts.__file__).parent / FILE
    lines = [f"{json.dumps(name)}: {json.dumps(said[name], ensure_ascii=False)}" for name in sorted(said)]
    assert file.read_text(encoding="utf-8") == "{\n" + ",\n".join(lines) + "\n}\n"


def test_a_number_is_known_by_its_pattern_or_guessed_by_its_end() -> None:
    assert number_of("disk.root.percent").unit == "%"
    assert number_of("net.eth0.rx_bytes").counter
    assert not number_of("net.eth0.rx_bytes_per_s").counter
    assert number_of("mine.queue_bytes")[1:] == ("B", "", False)
    assert number_of("mine.depth")[1:] == ("", "", False)


@given(st.text("-0123456789smhdwin. now", max_size=14), st.text("-0123456789now. ", max_size=14))
def test_any_range_in_a_url_is_one_that_can_be_shown(begin: str, end: str) -> None:
    span = read_span({"from": begin, "until": end}, now=1_796_000_000.0)
    assert span.begin < span.end
    assert span.end - span.begin <= MAX_S


def test_ranges_are_read_as_they_are_written() -> None:
    assert read_span({"from": "-15min"}, now=10_000.0) == (900, 9100.0, 10_000.0)
    assert read_span({"from": "100", "until": "400"}, now=10_000.0) == (None, 100.0, 400.0)
    assert read_span({"from": "400", "until": "100"}, now=10_000.0) == (3600, 6400.0, 10_000.0)


def test_statistics_pass_over_what_is_not_there() -> None:
    assert statistics([[None, 1], [2.0, 2], [4.0, 3], [None, 4]]) == (2.0, 3.0, 4.0, 4.0, 3)
    assert statistics([[None, 1]]) == (None, None, None, None, None)
