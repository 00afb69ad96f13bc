"""Every security rule in the architecture names where it is enforced and the tests that attack it; all are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = {
    "master": ROOT / "master" / "saltern_master",
    "agent": ROOT / "agent" / "saltern_agent",
    "modules": ROOT / "modules" / "saltern_modules",
    "graphite": ROOT / "graphite" / "saltern_graphite",
    "api": ROOT / "web" / "saltern_api",
    "console": ROOT / "web" / "saltern_web",
}
HEAD = "| rule | where | attacked by |"


class Row(NamedTuple):
    """One rule, as the table has it."""

    rule: str
    where: str
    tests: str


def rows(text: str) -> list[Row]:
    """Return the table of the security rules."""
    _, _, rest = text.partition(HEAD)
    lines = rest.split("\n\n")[0].strip().split("\n")[1:]
    return [Row(*(cell.strip() for cell in line.strip("|").split(" | "))) for line in lines]


RULES = rows((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@cache
def attacks_in(path: Path) -> set[str]:
    """Return the names of the tests in a file: functions, also of classes, and classes of tests."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.startswith(("test", "Test")):
            found.add(node.name)
        elif isinstance(node, ast.Assign):  # a state machine's tests
            found |= {name.id for name in node.targets if isinstance(name, ast.Name) and name.id.startswith("Test")}
    return found


def places(cell: str) -> list[Path]:
    """Return the files that a cell names: below the package named last before them, or modules of ``saltern``."""
    found, base = [], ROOT
    for package, name in re.findall(r"(?:(\w+): )?`([^`]+)`", cell):
        if name.startswith("saltern."):
            module = ROOT / "core" / name.replace(".", "/")
            found.append(module if module.is_dir() else module.with_suffix(".py"))
            continue
        base = PACKAGES[package] if package else base
        found.append(base / name)
    return found


def test_there_are_rules() -> None:
    assert len(RULES) > 40
    assert len({row.rule for row in RULES}) == len(RULES)


@pytest.mark.parametrize("row", RULES, ids=lambda row: row.rule[:60])
def test_a_rule_is_enforced_where_it_says(row: Row) -> None:
    assert places(row.where)
    assert [place for place in places(row.where) if not place.exists()] == []


@pytest.mark.parametrize("row", RULES, ids=lambda row: row.rule[:60])
def test_a_rule_is_attacked_by_tests_that_are_there(row: Row) -> None:
    named = [name.partition("::") for name in quoted(row.tests)]
    assert named, "no test attacks it"
    for path, _, test in named:
        assert test in attacks_in(ROOT / path), f"{path} has no {test}"


def test_a_test_that_is_not_there_is_found(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        "class A:\n    def test_in(self): ...\ndef test_out(): ...\nTestM = M.TestCase\n"
    )
    assert attacks_in(tmp_path / "test_x.py") == {"test_in", "test_out", "TestM"}
    assert rows(f"{HEAD}\n|---|---|---|\n| a | b | `tests/x` |\n\nmore") == [Row("a", "b", "`tests/x`")]
