"""Pillar goes by the id that a key proves, and by nothing that a minion says of itself."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ConfigError
from saltern.secret import Secret
from saltern_master.pillar.files import Pillar


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "all.yaml").write_text("level: 1\ndeep: {a: 1, b: 1}\n")
    (tmp_path / "db.yaml").write_text("password: !secret hunter2\ndeep: {b: 2}\n")
    (tmp_path / "bad.yaml").write_text("a: [\n")
    return tmp_path


def test_files_are_laid_over_one_another_in_order(files: Path) -> None:
    pillar = Pillar({"*": "all.yaml", "db*": ["db.yaml"]}, str(files))
    assert pillar.of("web1") == {"level": 1, "deep": {"a": 1, "b": 1}}
    assert pillar.of("db1") == {"level": 1, "deep": {"a": 1, "b": 2}, "password": Secret("hunter2")}


@given(st.text(max_size=20))
def test_no_claim_gives_out_anothers_pillar(tmp_path_factory: pytest.TempPathFactory, claimed: str) -> None:
    """There is nothing to claim: whose pillar it is follows from the id, and a glob of grains is no id."""
    assert list(inspect.signature(Pillar.of).parameters) == ["self", "minion_id"]
    folder = tmp_path_factory.getbasetemp()
    (folder / "db.yaml").write_text("password: hunter2\n")
    for pattern in (f"role:{claimed}", f"G@role:{claimed}", f"{claimed}@db"):
        assert Pillar({pattern: "db.yaml"}, str(folder)).of("web1") == {}


def test_a_file_with_a_fault_is_left_out_and_named(files: Path, caplog: pytest.LogCaptureFixture) -> None:
    pillar = Pillar({"*": ["bad.yaml", "none.yaml", "all.yaml"]}, str(files))
    assert pillar.of("web1")["level"] == 1
    assert "bad.yaml" in caplog.text
    assert "none.yaml" in caplog.text


def test_a_fault_is_said_once_and_again_when_it_is_another_or_a_new_one(
    files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pillar = Pillar({"*": ["bad.yaml", "none.yaml"]}, str(files))
    before = len(pillar.different(["web1", "web2"]))
    for minion in ("web1", "web2", "web1"):
        assert pillar.of(minion) == {}
    pillar = Pillar({"*": ["bad.yaml", "none.yaml"]}, str(files), before=pillar)
    assert (pillar.of("web1"), before) == ({}, 1)
    assert sorted("bad.yaml" in record.getMessage() for record in caplog.records) == [False, True]
    (files / "none.yaml").write_text("a: 1\n")
    assert pillar.of("web1") == {"a": 1}
    (files / "none.yaml").unlink()
    assert pillar.of("web1") == {}
    (files / "bad.yaml").write_text("b: 1\nc: [\n\n\n")
    assert pillar.of("web1") == {}
    assert ["bad.yaml" in record.getMessage() for record in caplog.records[2:]] == [False, True]


def test_a_template_is_text_and_that_is_said_once(files: Path, caplog: pytest.LogCaptureFixture) -> None:
    (files / "t.yaml").write_text("a: 1\nb: {c: ['x', '{{ grains.id }}']}\nd: '{% if x %}'\n")
    pillar = Pillar({"*": "t.yaml"}, str(files))
    for _ in range(2):
        assert pillar.of("web1")["b"] == {"c": ["x", "{{ grains.id }}"]}
    said = "has a template's {{ or {%: pillar_files are plain YAML, and it goes out as it is; "
    said += "pillar_roots has templates"
    assert [record.getMessage() for record in caplog.records] == [
        f"pillar: {files}/t.yaml: line 2: b {said}",
        f"pillar: {files}/t.yaml: line 3: d {said}",
    ]


def test_a_changed_file_is_read_again(files: Path) -> None:
    pillar = Pillar({"*": "all.yaml"}, str(files))
    assert pillar.of("web1")["level"] == 1
    (files / "all.yaml").write_text("level: 22\n")
    assert pillar.of("web1") == {"level": 22}


@pytest.mark.parametrize("configured_again", [False, True])
def test_a_file_that_gets_a_fault_counts_as_it_was(
    files: Path, caplog: pytest.LogCaptureFixture, configured_again: bool
) -> None:
    pillar = Pillar({"*": "all.yaml"}, str(files))
    before = pillar.of("web1")
    (files / "all.yaml").write_text("level: [\n")
    if configured_again:
        pillar = Pillar({"web*": "all.yaml"}, str(files), before=pillar)
    assert pillar.of("web1") == before
    assert "the file counts as it was before" in caplog.text
    (files / "all.yaml").write_text("level: 333\n")
    assert pillar.of("web1") == {"level": 333}


@pytest.mark.parametrize("named", [3, {"a": 1}, [1], None])
def test_what_names_no_files_is_a_fault(named: Any) -> None:
    with pytest.raises(ConfigError, match=r"pillar_files: \*: must be a file or a list of files"):
        Pillar({"*": named}, "/nowhere")


def test_a_file_with_a_fault_counts_as_it_was_before(files: Path, caplog: pytest.LogCaptureFixture) -> None:
    pillar = Pillar({"*": "all.yaml"}, str(files))
    before = pillar.of("web1")
    (files / "all.yaml").write_text("level: [2\n")
    assert pillar.of("web1") == before
    assert "the file counts as it was before" in caplog.text
    (files / "all.yaml").write_text("level: 3\n")
    assert pillar.of("web1") == {"level": 3}
