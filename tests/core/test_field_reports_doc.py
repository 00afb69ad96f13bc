"""``docs/field-reports.md``: its rows are whole, its references differ, and the tests that it names are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
RESULTS = ("holds", "mended", "in part", "not done", "doesn't apply")
REFERENCE = re.compile(r"(?<![\w/`-])[A-Za-z][A-Za-z0-9_.-]*#[0-9]+\b")
NAMED_TEST = re.compile(r"`((?:agent|core|e2e|graphite|master|modules)/test_[a-z0-9_]+\.py)`")
ENOUGH = 60


class Report(NamedTuple):
    reference: str
    situation: str
    answer: str
    tried: str
    result: str


def text() -> str:
    return (ROOT / "docs/field-reports.md").read_text(encoding="utf-8")


def reports() -> list[Report]:
    rows = [line for line in text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [Report(*row) for row in cells if row[0] != "report" and set(row[0]) != {"-"}]


def test_every_row_is_whole() -> None:
    for report in reports():
        assert all(report), report
        assert REFERENCE.fullmatch(report.reference), report
        assert report.result.partition(":")[0].partition(",")[0] in RESULTS, report
        if report.result.startswith(("in part", "not done")):
            assert ":" in report.result, f"{report.reference}: why?"


def test_reports_differ_and_are_enough() -> None:
    references = [report.reference for report in reports()]
    assert len(set(references)) == len(references) >= ENOUGH
    everywhere = REFERENCE.findall("\n".join(line for line in text().splitlines() if line.startswith("|")))
    assert not [reference for reference in set(everywhere) if everywhere.count(reference) > 1]


def test_named_tests_are_there() -> None:
    named = {name for report in reports() for name in NAMED_TEST.findall(report.tried)}
    assert len(named) > 10
    assert not [name for name in sorted(named) if not (ROOT / "tests" / name).exists()]


def test_what_was_mended_has_a_test() -> None:
    assert not [report for report in reports() if report.result == "mended" and not NAMED_TEST.search(report.tried)]


def test_what_tests_cite_is_written_down() -> None:
    cited = {
        reference
        for file in (ROOT / "tests").glob("*/test_field_*.py")
        for reference in REFERENCE.findall(file.read_text(encoding="utf-8"))
    }
    assert len(cited) > 10
    assert not cited - set(REFERENCE.findall(text()))
