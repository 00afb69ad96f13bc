"""What others made and we ship is what its makers published, with its licence beside it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

WEB = Path(__file__).parents[2] / "web"


@pytest.fixture(scope="module")
def vendor() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vendor", WEB / "vendor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_file_is_what_its_source_says(vendor: ModuleType) -> None:
    assert vendor.faults(vendor.SOURCES.read_text()) == []


def test_every_package_has_its_licence(vendor: ModuleType) -> None:
    listed = list(vendor.sources(vendor.SOURCES.read_text()))
    packages = {source.package for source in listed}
    licensed = {source.package for source in listed if Path(source.place).name == "LICENSE"}
    assert packages == licensed
    assert {source.licence for source in listed} <= {"MIT", "0BSD"}


def test_a_file_that_differs_is_missing_or_isnt_listed_is_told(vendor: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    (tmp_path / "c.js").write_text("1")
    said = "# files\n\n0  a.js  npm x@1 package/a.js  MIT\n0  b.js  npm x@1 package/b.js  MIT\n"
    assert vendor.faults(said, tmp_path) == [
        "c.js: is not in SOURCES.txt",
        "a.js: isn't what SOURCES.txt says",
        "b.js: is missing",
    ]
    for line in ("0 a.js npm x@1 MIT", "0 ../a npm x@1 a MIT", "0 a npm @x a MIT", "0 /a npm x@1 a MIT"):
        with pytest.raises(SystemExit):
            vendor.faults(line, tmp_path)
