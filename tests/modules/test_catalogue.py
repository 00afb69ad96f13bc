"""The catalogue of collectors: each is described, on the page for users too, and loaded only when it is at work."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from saltern.own_python import python_module
from saltern_modules import collectors
from saltern_modules.collectors.catalogue import LINUX, Listed, load
from saltern_modules.collectors.explained import numbers

PAGE = Path(__file__).parents[2] / "docs/collectors.md"
ROWS = dict(re.findall(r"^\| `(\w+)` \| (yes|no|named) \|", PAGE.read_text(), re.MULTILINE))
KINDS = {"gauge", "counter"}
FRAME = {"__init__", "base", "catalogue", "explained", "numbers", "options", "portable", "sampler", "segment", "source"}
"""What is beside the collectors in their folder: what runs them, and what each is written with."""


def on_the_page(row: Listed) -> str:
    """Return what the page must say of when the collector is on."""
    if row.option:
        return "named"
    return "yes" if row.on else "no"


@pytest.mark.parametrize("row", LINUX, ids=lambda row: row.name)
def test_a_collector_is_on_the_page(row: Listed) -> None:
    assert ROWS[row.name] == on_the_page(row)


@pytest.mark.parametrize("row", LINUX, ids=lambda row: row.name)
def test_what_a_row_says_is_so(row: Listed) -> None:
    collector = load(row.name)
    assert collector.name == row.name
    assert collector.__module__.endswith(f".{row.name}")
    assert collector.description.rstrip(".") == collector.description != ""
    if row.option:
        assert row.option in collector.settings
        assert not collector.settings[row.option]
    for number in numbers(row.name).values():
        assert number["kind"] in KINDS
        assert number["help"]
    collector.check(collector.settings)


def test_a_file_of_the_folder_is_a_collector() -> None:
    files = {path.stem for path in Path(collectors.__path__[0]).glob("*.py")}
    assert files - FRAME == {row.name for row in LINUX}


def test_names_are_in_order_and_unique() -> None:
    names = [row.name for row in LINUX]
    assert names == sorted(set(names))


def test_what_is_not_at_work_is_not_loaded() -> None:
    code = (
        "import sys; from saltern_modules.collectors.sampler import Sampler; Sampler({}).sample();"
        "print(*[m for m in sys.modules if m.startswith('saltern_modules.collectors') or m in ('ctypes', 'ssl')])"
    )
    argv = [*python_module("x")[:2], "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=50)
    loaded = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert {"tcp", "limits", "forecast"} <= loaded
    off = {row.name for row in LINUX if row.option or not row.on}
    assert not loaded & {*off, "ssl", "ctypes", "errand", "units", "named", "endpoint", "ata", "nvme"}
