"""The schema files that a new store begins with: they are there to be changed, and change nothing by themselves."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from saltern_graphite.main import main
from saltern_graphite.rules.rollup import DEFAULT_AGGREGATION, Aggregations
from saltern_graphite.rules.sample_conf import SAMPLES, write_samples
from saltern_graphite.rules.schemas import DEFAULT_SCHEMA, Schemas


def test_they_change_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = str(tmp_path / "root" / "conf")
    write_samples(conf)
    assert sorted(os.listdir(conf)) == ["storage-aggregation.conf", "storage-schemas.conf"]
    schemas, aggregations = Schemas.load(conf), Aggregations.load(conf)
    assert (schemas.match("a"), aggregations.match("a")) == (DEFAULT_SCHEMA, DEFAULT_AGGREGATION)
    assert main(["validate", "--strict", "--conf", conf]) == 0
    assert "nothing wrong; every metric gets 15s:2d,1m:14d,10m:1y" in capsys.readouterr().out


def test_their_examples_are_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in SAMPLES.items():
        shown = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)
        (tmp_path / name).write_text(shown)
    assert main(["validate", "--strict", "--conf", str(tmp_path), "hosts.a.count"]) == 0
    assert capsys.readouterr().out == (
        "hosts.a.count: [hosts] 15s:40320,60s:86400,600s:105120; [counts] sum, xFilesFactor 0\n"
    )


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "storage-schemas.conf").write_text("# mine\n")
    (tmp_path / "storage-aggregation.conf").symlink_to("nowhere")
    write_samples(str(tmp_path))
    assert (tmp_path / "storage-schemas.conf").read_text() == "# mine\n"
    assert os.readlink(tmp_path / "storage-aggregation.conf") == "nowhere"


def test_a_folder_that_can_not_be_made_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    (tmp_path / "conf").touch()
    write_samples(str(tmp_path / "conf" / "below"))
    assert [record.levelname for record in caplog.records] == ["INFO"]
