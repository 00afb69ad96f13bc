"""``dump``: a file's header and points in each format, and what comes back from them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import whisper

from saltern_graphite.main import main
from saltern_graphite.receivers.formats.line import parse
from saltern_graphite.rules.metric_name import relative_path

ARCHIVES = [(10, 30), (60, 120)]


def tree(folder: Path) -> tuple[str, int]:
    """A metric ``a.b`` with a point every 10 s for 20 minutes; its file and the time of the newest point."""
    path = folder / "whisper" / "a" / "b.wsp"
    path.parent.mkdir(parents=True)
    whisper.create(str(path), ARCHIVES, 0.0, "max")
    newest = int(time.time()) // 60 * 60 - 10
    for at in range(newest - 1190, newest + 1, 10):
        whisper.update_many(str(path), [(at, at % 60 / 10)], now=at)
    return str(path), newest


def test_text_shows_header_and_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, newest = tree(tmp_path)
    assert main(["dump", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [path, "method max, xFilesFactor 0, 1840 bytes"]
    assert lines[3] == "archive 0: 10 s per point, 30 points, 300 s, from byte 40; 30 shown"
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(newest))
    assert f"{newest}  {stamp}  5.0" in lines


def test_csv_and_json_hold_what_the_library_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, newest = tree(tmp_path)
    command = ["dump", "--root", str(tmp_path), "a.b", "--out"]
    assert main([*command, "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main([*command, "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["aggregationMethod"], told["maxRetention"]) == ("a.b", "max", 7200)
    info = whisper.info(path)["archives"]
    for place, (step, points) in enumerate(ARCHIVES):
        span, read = whisper.fetch(path, newest - step * points, newest, newest, archiveToSelect=step)
        expected = [[at, value] for at, value in zip(range(*span), read, strict=True) if value is not None]
        archive = told["archives"][place]
        assert archive["datapoints"] == expected
        assert [[int(row["time"]), float(row["value"])] for row in rows if row["archive"] == str(place)] == expected
        assert {key: archive[key] for key in ("offset", "secondsPerPoint", "points", "retention")} == {
            key: info[place][key] for key in ("offset", "secondsPerPoint", "points", "retention")
        }


def test_archive_and_range_choose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, newest = tree(tmp_path)
    span = ["--from", str(newest - 20), "--until", str(newest)]
    assert main(["dump", "--root", str(tmp_path), "a.b", "--archive", "0", *span, "--out", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 3


def test_lines_give_each_time_once_and_can_be_received(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, newest = tree(tmp_path)
    assert main(["dump", "--root", str(tmp_path), "a.b", "--out", "line"]) == 0
    out = capsys.readouterr().out
    rows = [line.split(" ") for line in out.splitlines()]
    times = [int(at) for _, _, at in rows]
    fine = range(newest - 290, newest + 1, 10)
    assert times == [*range(newest + 10 - 1200, fine[0], 60), *fine]
    assert {name for name, _, _ in rows} == {"a.b"}
    assert [float(value) for _, value, at in rows if int(at) in fine] == [at % 60 / 10 for at in fine]
    assert {value for _, value, at in rows if int(at) < fine[0]} == {"5.0"}
    block = parse(out.encode(), time.time())
    assert (list(block.names), list(map(int, block.times))) == (["a.b"] * len(times), times)


def test_a_tagged_metric_is_found_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / relative_path("disk;host=a")
    path.parent.mkdir(parents=True)
    whisper.create(str(path), ARCHIVES)
    whisper.update(str(path), 2.5)
    assert main(["dump", "--whisper", str(tmp_path), "disk;host=a", "--out", "line"]) == 0
    assert capsys.readouterr().out.startswith("disk;host=a 2.5 ")
    assert main(["dump", "--whisper", str(tmp_path), str(path), "--out", "line"]) == 2
    assert "give it with --name" in capsys.readouterr().err
    assert main(["dump", str(path), "--out", "line", "--name", "x"]) == 0
    assert capsys.readouterr().out.startswith("x 2.5 ")


def test_what_can_not_be_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = tree(tmp_path)
    bad = tmp_path / "bad.wsp"
    bad.write_bytes(b"\0" * 100)
    for arguments, status, why in (
        (["nowhere.wsp"], 2, "there is no such file"),
        (["a.b"], 2, "say where the files are: --root DIR"),
        (["--root", str(tmp_path), "a.c"], 2, "a.c: there is no such metric"),
        (["--root", str(tmp_path), "a..c"], 2, "no metric name (empty_segment)"),
        ([path, "--archive", "2"], 2, "there is no archive 2: it has 0 to 1"),
        ([str(bad)], 1, "bad.wsp: the header claims 0 archives"),
    ):
        assert main(["dump", *arguments]) == status
        (line,) = capsys.readouterr().err.splitlines()
        assert why in line


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    path = str(tmp_path / "a.wsp")
    whisper.create(path, [(1, 50_000)])
    now = int(time.time())
    whisper.update_many(path, [(now - age, 1.0) for age in range(49_000)], now=now)
    program = f"{sys.executable} -m saltern_graphite dump {path} | head -3; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=50, check=True)
    assert ran.stdout.splitlines()[-1] == "141"
    assert ran.stderr == ""


def test_help_has_examples() -> None:
    for command in ("resize", "fill", "verify", "dump", "validate"):
        shown = subprocess.run(
            [sys.executable, "-m", "saltern_graphite", command, "--help"], capture_output=True, text=True, check=True
        )
        assert "examples:" in shown.stdout
