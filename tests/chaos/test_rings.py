"""Whisper's archives, read by the comparison's own code."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import whisper

from chaos import rings

METHODS = ["average", "sum", "max", "min", "last"]


@pytest.mark.parametrize("method", METHODS)
def test_what_whisper_wrote_is_read_and_rolled_up_as_whisper_does(tmp_path: Path, method: str) -> None:
    path = tmp_path / "x.wsp"
    whisper.create(str(path), [(1, 600), (10, 600), (60, 600)], xFilesFactor=0.0, aggregationMethod=method)
    now = int(time.time())
    points = {now - age: float(age * 37 % 11) for age in range(150) if age % 13}
    for at, value in sorted(points.items()):
        whisper.update(str(path), value, at)
    fine, ten, minute = rings.read(path, now - 200, now)
    assert (fine.step, ten.step, minute.step) == (1, 10, 60)
    assert fine.points == points
    right = rings.rolled_up(fine.points, 10, method)
    assert {at: right[at] for at in ten.points} == pytest.approx(ten.points)
    assert right.keys() - ten.points.keys() <= {now - 200 - (now - 200) % 10}  # the range's first may begin before it
    again = rings.rolled_up(ten.points, 60, method)
    assert {at: again[at] for at in minute.points if at > now - 120} == pytest.approx(
        {at: value for at, value in minute.points.items() if at > now - 120}
    )


def test_no_file_has_no_archives(tmp_path: Path) -> None:
    assert rings.read(tmp_path / "none.wsp", 0, 2**32) == []
