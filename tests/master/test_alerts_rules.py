"""Rules: thresholds, a rule's keys, and the files that they come from."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.config import master_config
from saltern.errors import ConfigError
from saltern_master.alerts.book import RuleBook
from saltern_master.alerts.parse import KEYS, RuleFault, parse_rule
from saltern_master.alerts.rule import Level, Rule
from saltern_master.alerts.threshold import OPERATORS, Threshold, parse_threshold

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
thresholds = st.builds(Threshold, st.sampled_from(sorted(OPERATORS)), numbers)
scraps: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("> 90", Threshold(">", 90)),
        (">= 5", Threshold(">=", 5)),
        ("<1", Threshold("<", 1)),
        (" <= -2.5 ", Threshold("<=", -2.5)),
        ("== 0", Threshold("==", 0)),
        ("!= 1", Threshold("!=", 1)),
        ("1e3", Threshold(">", 1000)),
        (80, Threshold(">", 80)),
        (0.5, Threshold(">", 0.5)),
        (-3, Threshold(">", -3)),
    ],
)
def test_a_threshold_is_an_operator_and_a_number(text: object, expected: Threshold) -> None:
    assert parse_threshold(text) == expected


@pytest.mark.parametrize("text", ["", "high", "> ", "> 90 %", "90 >", "> nan", "inf", True, None, [90], "=> 9", "= 9"])
def test_anything_else_is_named_with_what_would_be_right(text: object) -> None:
    with pytest.raises(ConfigError, match=r"as in|like '> 90'|use one of > >="):
        parse_threshold(text)


@given(thresholds)
def test_a_threshold_reads_as_it_is_shown(threshold: Threshold) -> None:
    again = parse_threshold(str(threshold))
    assert again.operator == threshold.operator
    assert again.number == pytest.approx(threshold.number, rel=1e-14)


@given(thresholds, thresholds, numbers)
def test_overlap_and_containment_agree_with_every_value(one: Threshold, other: Threshold, value: float) -> None:
    if one.matches(value) and other.matches(value):
        assert one.overlaps(other)
    if one.within(other) and one.matches(value):
        assert other.matches(value)


def test_a_rule_with_every_key() -> None:
    rule = parse_rule(
        "disk",
        {
            "metric": "saltern.*.stats.disk.*.percent",
            "warn": "> 80",
            "crit": "> 90",
            "for": "5m",
            "recover": {"warn": 70, "crit": "< 85"},
            "window": 120,
            "nodata": "crit",
            "nodata_after": "3m",
            "script": ["notify.sh", "ops", 3],
            "timeout": "10s",
            "enabled": False,
            "message": "see the wiki",
            "repeat": "1h",
        },
    )
    assert rule.levels == (
        Level("warn", Threshold(">", 80), Threshold("<=", 70)),
        Level("crit", Threshold(">", 90), Threshold("<", 85)),
    )
    assert (rule.kind, rule.target) == ("metric", "saltern.*.stats.disk.*.percent")
    assert (rule.for_s, rule.window_s, rule.nodata, rule.nodata_after_s) == (300, 120, "crit", 180)
    assert (rule.script, rule.timeout_s, rule.repeat_s) == (("notify.sh", "ops", "3"), 10, 3600)
    assert (rule.enabled, rule.message) == (False, "see the wiki")


def test_the_defaults_of_a_rule() -> None:
    rule = parse_rule("x", {"target": "sumSeries(a.*)", "crit": 5}, timeout_s=7)
    assert (rule.for_s, rule.window_s, rule.nodata, rule.nodata_after_s) == (0, 60, "keep", 60)
    assert (rule.script, rule.timeout_s, rule.repeat_s, rule.enabled, rule.message) == ((), 7, 0, True, "")
    assert parse_rule("x", {"target": "a", "crit": 5, "window": "10m"}).nodata_after_s == 600


def test_one_recover_serves_both_levels_and_a_silence_needs_none() -> None:
    rule = parse_rule("low", {"metric": "a", "warn": "< 10", "crit": "< 5", "recover": 20})
    assert [level.recover for level in rule.levels] == [Threshold(">=", 20)] * 2
    assert parse_rule("silent", {"metric": "a", "nodata": "crit"}).levels == ()


BAD = [
    ({}, None, "neither 'metric' nor 'target'"),
    ({"metric": "a"}, None, r"set one, as in warn: '> 90'"),
    ({"metric": "a", "target": "b", "warn": 1}, "target", "keep one"),
    ({"metric": "sum(a)", "warn": 1}, "metric", "functions go under 'target'"),
    ({"metric": " ", "warn": 1}, "metric", "is empty"),
    ({"metric": 5, "warn": 1}, "metric", "must be text"),
    ({"metric": "a", "wran": 1}, "wran", "did you mean 'warn'"),
    ({"metric": "a", "zzzzzz": 1}, "zzzzzz", "use metric, target, warn"),
    ({"metric": "a", "warn": "=> 1"}, "warn", "use one of"),
    ({"metric": "a", "warn": "> 90", "crit": "> 80"}, "warn", "crit must be the stricter"),
    ({"metric": "a", "warn": "> 90", "crit": "> 90"}, "warn", "crit must be the stricter"),
    ({"metric": "a", "warn": "> 90", "recover": 95}, "recover", "a value must not mean both"),
    ({"metric": "a", "warn": ">= 90", "recover": 90}, "recover", "a value must not mean both"),
    ({"metric": "a", "warn": "== 0", "recover": 1}, "recover", "name its operator"),
    ({"metric": "a", "warn": 90, "recover": {"crit": 1}}, "recover", "it sets warn"),
    ({"metric": "a", "warn": 90, "for": "5 minutes"}, "for", "'30s', '5m'"),
    ({"metric": "a", "warn": 90, "for": -1}, "for", "between 0 s and 366 days"),
    ({"metric": "a", "warn": 90, "for": float("nan")}, "for", "between"),
    ({"metric": "a", "warn": 90, "window": 0}, "window", "between 1 s"),
    ({"metric": "a", "warn": 90, "repeat": True}, "repeat", "must be seconds"),
    ({"metric": "a", "warn": 90, "nodata": "alert"}, "nodata", "one of ok, warn, crit, nodata, keep"),
    ({"metric": "a", "warn": 90, "script": []}, "script", "a path, or a list"),
    ({"metric": "a", "warn": 90, "script": ["a", ["b"]]}, "script", "a list of texts"),
    ({"metric": "a", "warn": 90, "enabled": "yes"}, "enabled", "true or false"),
    ({"metric": "a", "warn": 90, "message": 5}, "message", "must be text"),
    ("> 90", None, "must be a mapping"),
]


@pytest.mark.parametrize(("given_rule", "key", "said"), BAD)
def test_a_bad_rule_names_its_key_and_what_would_be_right(given_rule: Any, key: str | None, said: str) -> None:
    with pytest.raises(RuleFault, match=said) as caught:
        parse_rule("x", given_rule)
    assert caught.value.key == key
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "é", ".hidden", "x" * 101])
def test_a_rules_name_is_part_of_a_tag(name: str) -> None:
    with pytest.raises(RuleFault, match="letters, digits"):
        parse_rule(name, {"metric": "a", "warn": 1})


@given(st.text(max_size=5) | st.just("x"), scraps | st.dictionaries(st.sampled_from(KEYS), scraps))
def test_junk_is_refused_and_never_raises_anything_else(name: str, rule: Any) -> None:
    with contextlib.suppress(RuleFault):
        assert isinstance(parse_rule(name, rule), Rule)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "alerts.d").mkdir()
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\n")
    return tmp_path


def book_of(config: Path) -> RuleBook:
    book = RuleBook(master_config(config))
    book.refresh()
    return book


def touch(path: Path, text: str) -> None:
    """Write *text* with a time that differs from before, whatever the clock's grain."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_rules_come_from_the_config_and_from_files(config: Path) -> None:
    with (config / "master").open("a") as master:
        master.write("alerts:\n  load: {metric: a.load, warn: 4}\n")
    (config / "alerts.d" / "disk.yaml").write_text("disk:\n  metric: a.disk\n  crit: '> 90'\n")
    (config / "alerts.d" / "notes.txt").write_text("not a rule")
    (config / "alerts.d" / ".swap.yaml").write_text("hidden: {metric: a, warn: 1}")
    book = book_of(config)
    assert sorted(book.rules) == ["disk", "load"]
    assert book.rules["disk"].where == f"{config}/alerts.d/disk.yaml: line 1"
    assert book.rules["load"].where == f"{config}/master: line 3"
    assert book.problems == []


def test_a_bad_rule_is_named_by_file_line_and_key_and_the_others_work(config: Path) -> None:
    file = config / "alerts.d" / "a.yaml"
    file.write_text("good:\n  metric: a\n  warn: 1\nbad:\n  metric: b\n  warn: 2\n  foor: 5m\nworse:\n  warn: 3\n")
    book = book_of(config)
    assert list(book.rules) == ["good"]
    assert [problem.name for problem in book.problems] == ["bad", "worse"]
    assert book.problems[0].text == f"{file}: line 7: bad: foor is not a key of a rule: did you mean 'for'?"
    assert book.problems[1].text.startswith(f"{file}: line 8: worse: has neither 'metric' nor 'target'")


def test_a_bad_rule_of_the_config_is_found_in_the_file_that_sets_it(config: Path) -> None:
    (config / "master.d").mkdir()
    drop_in = config / "master.d" / "alerts.conf"
    drop_in.write_text("# ours\nalerts:\n  load:\n    metric: a\n    warn: many\n")
    (problem,) = book_of(config).problems
    assert problem.text.startswith(f"{drop_in}: line 5: alerts: load: warn must be a number or a text")


def test_rules_given_without_a_file_have_no_line() -> None:
    nowhere = {"config_dir": "/nonexistent", "cachedir": "/nonexistent", "conf_file": ""}
    options = {**nowhere, "alerts_script_timeout": 5, "alerts": {"x": {}}}
    book = RuleBook(options)
    book.refresh()
    assert book.problems[0].text.startswith("alerts: x: has neither")


def test_the_fault_that_everyone_makes_once_has_a_hint(config: Path) -> None:
    for bad in ("> 90", ">= 90", "!= 1"):
        (config / "alerts.d" / "a.yaml").write_text(f"disk:\n  metric: a\n  warn: {bad}\n")
        (problem,) = book_of(config).problems
        assert problem.name == "alerts.d/a.yaml"
        assert problem.text.endswith('thresholds need quotes, as in warn: "> 90"')
        assert "line 3" in problem.text


def test_a_name_used_twice_keeps_the_first(config: Path) -> None:
    (config / "alerts.d" / "a.yaml").write_text("x: {metric: first, warn: 1}\n")
    (config / "alerts.d" / "b.yaml").write_text("\nx: {metric: second, warn: 1}\n")
    book = book_of(config)
    assert book.rules["x"].target == "first"
    assert "b.yaml: line 2: x is a rule of" in book.problems[0].text


def test_files_are_read_again_when_they_change(config: Path) -> None:
    file = config / "alerts.d" / "a.yaml"
    touch(file, "x: {metric: a, warn: 1}\n")
    book = book_of(config)
    assert not book.changed()
    touch(file, "x: {metric: a, warn: 2}\n")
    assert book.changed()
    book.refresh()
    assert book.rules["x"].threshold_text("warn") == "> 2"
    file.unlink()
    assert book.changed()
    book.refresh()
    assert book.rules == {}


def test_a_file_that_is_no_yaml_for_a_while_keeps_its_rules(config: Path) -> None:
    file = config / "alerts.d" / "a.yaml"
    touch(file, "x: {metric: a, warn: 1}\n")
    book = book_of(config)
    touch(file, "x: {metric: a, warn\n")
    book.refresh()
    assert list(book.rules) == ["x"]
    assert "its 1 rules from before stay in force" in book.problems[0].text
    touch(file, "x: {metric: a, warn: 1}\n")
    book.refresh()
    assert (list(book.rules), book.problems) == (["x"], [])
