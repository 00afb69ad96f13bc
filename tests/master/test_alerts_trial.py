"""What a rule would have said: as the engine says it, on as much as is bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.config import master_config
from saltern.errors import CommandError
from saltern_master.alerts import rehearsal as rehearsal_module
from saltern_master.alerts import trial as trial_module
from saltern_master.alerts.engine import AlertEngine
from saltern_master.alerts.parse import parse_rule
from saltern_master.alerts.rehearsal import Rehearsal
from saltern_master.alerts.source import Series
from saltern_master.alerts.sources.memory import MemorySource
from saltern_master.alerts.trial import Span, fitted, spacing_of, span_of, tried

END = 1_800_000_000.0
HOUR = 3600.0
RULE = parse_rule("r", {"metric": "a.*", "warn": "> 80", "crit": "> 90", "for": 30, "nodata": "nodata"})


def points(values: Sequence[float | None], every: float = 15.0) -> list[tuple[float, float | None]]:
    """Return *values* at slots, the last a little before ``END``."""
    begin = END - every * len(values)
    return [(begin + every * n, value) for n, value in enumerate(values)]


def test_states_changes_and_times_are_those_of_the_hours() -> None:
    series = [
        Series("a.calm", points([10.0] * 240)),
        Series("a.high", points([10.0] * 100 + [85.0] * 60 + [95.0] * 40 + [10.0] * 40)),
        Series("a.gone", points([10.0] * 200 + [None] * 40)),
        Series("a.now", points([10.0] * 230 + [99.0] * 10)),
        Series("a.now", points([10.0] * 240)),
    ]
    found = tried(RULE, series, Span(END - HOUR, END, 15.0))
    assert [one["series"] for one in found] == ["a.now", "a.gone", "a.high", "a.calm"]
    high = found[2]
    assert high["seconds"] == {"warn": 60 * 15.0, "crit": 38 * 15.0, "nodata": 0.0}
    assert [state for _, state in high["changes"]] == ["warn", "crit", "ok"]
    assert high["changes"][0][0] == END - HOUR + 102 * 15.0
    assert (found[0]["state"], found[0]["value"]) == ("crit", 99.0)
    assert (found[1]["state"], found[1]["value"]) == ("nodata", None)
    assert found[3] == {
        "series": "a.calm",
        "state": "ok",
        "value": 10.0,
        "changes": [],
        "seconds": dict.fromkeys(high["seconds"], 0.0),
    }


def test_a_value_beyond_the_window_counts_no_more() -> None:
    rule = parse_rule("r", {"metric": "a", "crit": "> 90", "for": 60, "window": 30, "nodata_after": 600})
    (found,) = tried(rule, [Series("a.b", points([10.0] * 10 + [95.0] + [None] * 20))], Span(END - 900, END, 15.0))
    assert found["changes"] == []


def test_no_series_is_judged_by_nodata() -> None:
    (found,) = tried(RULE, [], Span(END - HOUR, END, 15.0))
    assert (found["series"], found["state"]) == ("", "nodata")


@settings(max_examples=12, deadline=None)
@given(values=st.lists(st.sampled_from([None, 10.0, 82.0, 85.0, 95.0]), min_size=1, max_size=60))
def test_it_says_what_the_engine_says(tmp_path_factory: pytest.TempPathFactory, values: list[float | None]) -> None:
    folder = tmp_path_factory.mktemp("e")
    (folder / "master").write_text(f"root_dir: {folder}\n")
    (folder / "alerts.d").mkdir()
    (folder / "alerts.d" / "r.yaml").write_text(json.dumps({"r": dict(RULE.given)}))
    source, now = MemorySource(), END - HOUR / 4
    told: list[list[object]] = []
    for at, value in points(values):
        source.put("a.b", at, value)
    engine = AlertEngine(
        master_config(folder),
        source,
        lambda _, data: told.append([data["when"], data["state"]]),
        clock=lambda: now,
    )

    async def main() -> None:
        nonlocal now
        while now <= END:
            await engine.evaluate_once()
            now += 15.0

    asyncio.run(main())
    first = next((at for at, value in points(values) if value is not None), None)
    (found,) = tried(RULE, [Series("a.b", points(values))], Span(END - HOUR / 4, END, 15.0))
    if first is not None and first <= END - HOUR / 4:
        assert found["changes"] == told


def test_it_is_bounded_in_looks_and_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert span_of(END, 24, 15, 10) == Span(END - 24 * HOUR, END, 15)
    assert span_of(END, 744, 15, 500).step_s == 744 * HOUR * 500 / trial_module.MAX_LOOKS
    many = [Series(f"a.{n}", points([float(n)] * 4)) for n in range(300)]
    assert len(tried(RULE, many, Span(END - 60, END, 15))) == trial_module.MAX_SHOWN
    trembling = [Series("a.b", points([95.0, 1.0] * 1000))]
    (found,) = tried(parse_rule("r", {"metric": "a", "crit": "> 90"}), trembling, Span(END - 30_000, END, 15))
    assert len(found["changes"]) == trial_module.MAX_CHANGES
    assert found["changes"][-1][0] > END - 30


def test_values_that_were_joined_are_no_silence_and_slow_ones_are_what_they_are() -> None:
    coarse = fitted(RULE, 15.0, 300.0)
    assert (coarse.window_s, coarse.nodata_after_s) == (900.0, 900.0)
    assert fitted(RULE, 300.0, 300.0) == RULE
    assert spacing_of([Series("a", points([1.0] * 9, 60.0)), Series("b", points([1.0] * 2, 1.0))]) == 60.0
    assert spacing_of([]) == 0.0


def test_the_source_is_asked_for_a_bounded_part(monkeypatch: pytest.MonkeyPatch) -> None:
    source = MemorySource()
    monkeypatch.setattr(rehearsal_module, "MAX_SERIES", 3)
    for n in range(5):
        source.put(f"a.{n}", END - 10, 95.0)
    found = asyncio.run(Rehearsal(source, 15.0).run(RULE, 24, END))
    assert [request[0] for request in source.requests] == ["a.*", "limit(a.*,3)"]
    assert found["found"] == 5
    source.refused["a.*"] = "no such function"
    assert asyncio.run(Rehearsal(source, 15.0).run(RULE, 24, END))["fault"] == "no such function"
    source.down = True
    assert "refused" in asyncio.run(Rehearsal(source, 15.0).run(RULE, 24, END))["fault"]


def test_kept_rules_are_read_with_the_others_and_a_broken_one_hurts_none(tmp_path: Path) -> None:
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\n")
    options = master_config(tmp_path)
    engine = AlertEngine(options, MemorySource(), lambda *_: None)
    given = {"metric": "a.b", "warn": "> 1", "recover": {"warn": 0.5}, "for": "5m"}
    kept = Path(options["cachedir"]) / "alerts.d"

    async def listed(made: AlertEngine) -> dict[str, tuple[object, object, bool]]:
        await made._reread()
        return {one["name"]: (one["rule"], one["editable"], bool(one["error"])) for one in made.listing()}

    async def main() -> None:
        await engine.set_rule("a", given)
        await engine.set_rule("b", given)
        assert kept.stat().st_mode & 0o777 == 0o700
        assert {file.stat().st_mode & 0o777 for file in kept.iterdir()} == {0o600}
        (kept / "b.yaml").write_text("b: {metric: [")
        (kept / "c.yaml").mkdir()
        again = AlertEngine(options, MemorySource(), lambda *_: None)
        assert await listed(again) == {"a": (given, True, False), "b": (None, True, True), "c": (None, True, True)}
        for name in "bc":
            await again.set_rule(name, given)
        assert await listed(again) == dict.fromkeys("abc", (given, True, False))
        (tmp_path / "alerts.d").mkdir()
        (tmp_path / "alerts.d" / "x.yaml").write_text("b: {metric: by.hand, warn: 1}\n")
        assert (await listed(again))["b"] == (given, True, True), "the hand's counts, and the other is shown with it"
        names = [(one["name"], one["target"]) for one in again.listing()]
        assert ("b", "by.hand") in names
        await again.delete_rule("b")
        assert (await listed(again))["b"] == ({"metric": "by.hand", "warn": 1}, False, False)

    asyncio.run(main())


def test_a_rule_that_cannot_be_saved_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\n")
    options = master_config(tmp_path)
    engine = AlertEngine(options, MemorySource(), lambda *_: None)

    async def main() -> None:
        await engine.set_rule("a", {"metric": "a.b", "warn": 1})
        cache = Path(options["cachedir"])
        cache.rename(cache.with_name("elsewhere"))
        cache.write_text("no folder")
        with pytest.raises(CommandError, match="the rule a can't be saved: "):
            await engine.set_rule("a", {"metric": "a.b", "warn": 2})
        cache.unlink()
        cache.with_name("elsewhere").rename(cache)
        await engine._reread()
        assert [one["warn"] for one in engine.listing()] == ["> 1"]

    asyncio.run(main())
