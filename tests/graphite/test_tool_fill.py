"""``fill``: one tree merged into another, as if its points had come in time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import tempfile
import time
from pathlib import Path

import pytest
import whisper
from hypothesis import example, given, settings
from hypothesis import strategies as st

from saltern_graphite.commands import rewriting
from saltern_graphite.main import main
from saltern_graphite.rules.metric_name import relative_path
from saltern_graphite.rules.rollup import METHODS
from saltern_graphite.tools import progress
from saltern_graphite.tools.contents import Contents, load_contents
from saltern_graphite.tools.merge import merge
from saltern_graphite.tools.points import Points
from saltern_graphite.whisper.late import oldest_interval

NOW = 1_700_000_007
ARCHIVES = [(1, 60), (5, 60), (20, 60)]
Values = dict[int, float]


def columns(points: Points) -> Values:
    return dict(zip(points.times.tolist(), points.values.tolist(), strict=True))


def fed(path: str, points: Values, method: str, archives: list[tuple[int, int]], factor: float = 0.0) -> None:
    """Create the file *path* and give it *points* in time, as a server does."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    whisper.create(path, archives, factor, method)
    for at, value in sorted(points.items()):
        whisper.update_many(path, [(at, value)], now=at)


def in_window(contents: Contents, place: int, now: int) -> Values:
    oldest = oldest_interval(contents.layout.archives[place], now)
    return {at: value for at, value in columns(contents.archives[place]).items() if at >= oldest}


_points = st.dictionaries(st.integers(0, 55), st.integers(-9, 9).map(float), min_size=1, max_size=50)


@settings(max_examples=200, deadline=None)
@given(_points, st.sets(st.integers(0, 55)), st.sampled_from(METHODS), st.sampled_from([0.0, 0.5, 1.0]))
def test_after_a_gap_all_archives_are_as_if_the_points_had_come_in_time(
    ages: Values, lost: set[int], method: str, factor: float
) -> None:
    points = {NOW - age: value for age, value in ages.items()}
    with tempfile.TemporaryDirectory() as folder:
        whole, gapped, other = (os.path.join(folder, name) for name in ("whole", "gapped", "other"))
        fed(whole, points, method, ARCHIVES, factor)
        fed(gapped, {at: value for at, value in points.items() if NOW - at not in lost}, method, ARCHIVES, factor)
        fed(other, {at: value for at, value in points.items() if NOW - at in lost}, method, ARCHIVES, factor)
        expected = load_contents(whole, NOW)
        merged = merge(load_contents(gapped, NOW), load_contents(other, NOW), NOW)
        for place, points_ in enumerate(merged):
            assert columns(points_) == pytest.approx(in_window(expected, place, NOW))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("source", [ARCHIVES, [(1, 2000)], [(1, 200), (10, 200)]], ids=["same", "longer", "other"])
def test_a_long_outage_is_filled_in_every_archive(tmp_path: Path, method: str, source: list[tuple[int, int]]) -> None:
    now = NOW // 20 * 20 + 19
    outage = range(now // 20 * 20 - 600, now // 20 * 20 - 20)
    points = {at: float((at * 7) % 11 - 3) for at in range(now - 900, now + 1)}
    whole, gapped, other = (str(tmp_path / name) for name in ("whole", "gapped", "other"))
    fed(whole, points, method, ARCHIVES)
    fed(gapped, {at: value for at, value in points.items() if at not in outage}, method, ARCHIVES)
    fed(other, points, method, source)
    expected, into = load_contents(whole, now), load_contents(gapped, now)
    merged = merge(into, load_contents(other, now), now)
    for place in range(3):
        should = in_window(expected, place, now)
        if source[1:] and source[1] == (10, 200) and place == 1:
            should = {at: value for at, value in should.items() if at > now - 200}  # it knows older ones by 10 s only
        found = columns(merged[place])
        assert {at: found.get(at) for at in should} == pytest.approx(should)


@pytest.mark.parametrize(("overwrite", "value"), [(False, 1.0), (True, 2.0)])
def test_where_both_know_a_slot_the_target_wins_unless_asked(tmp_path: Path, overwrite: bool, value: float) -> None:
    ours, theirs = str(tmp_path / "a.wsp"), str(tmp_path / "b.wsp")
    now = NOW // 20 * 20 + 19
    fed(ours, {now - 30: 1.0}, "sum", ARCHIVES)
    fed(theirs, {now - 30: 2.0, now - 29: 4.0}, "sum", ARCHIVES)
    merged = merge(load_contents(ours, now), load_contents(theirs, now), now, overwrite=overwrite)
    assert columns(merged[0]) == {now - 30: value, now - 29: 4.0}
    assert sum(columns(merged[1]).values()) == value + 4.0
    assert sum(columns(merged[2]).values()) == value + 4.0


@pytest.mark.parametrize(("method", "value"), [("max", 9.0), ("min", 1.0), ("average", 4.0), ("sum", 4.0)])
def test_coarse_slots_whose_points_are_gone_are_joined_only_where_that_is_right(
    tmp_path: Path, method: str, value: float
) -> None:
    ours, theirs = str(tmp_path / "a.wsp"), str(tmp_path / "b.wsp")
    at = (NOW - 200) // 5 * 5
    for path, known in ((ours, 4.0), (theirs, 9.0 if method == "max" else 1.0)):
        fed(path, {at: known}, method, ARCHIVES)
    before = load_contents(ours, NOW)
    merged = merge(before, load_contents(theirs, NOW), NOW)
    assert columns(merged[1]) == {at: value}
    again = merge(Contents(before.layout, tuple(merged), 0), load_contents(theirs, NOW), NOW)
    assert again == merged


@st.composite
def layouts(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Archives that Whisper allows, reaching back some minutes."""
    step, reach = draw(st.integers(1, 6)), 0
    archives: list[tuple[int, int]] = []
    for _ in range(draw(st.integers(1, 3))):
        least = max(reach // step + 1, 6)
        archives.append((step, draw(st.integers(least, least + 30))))
        reach = step * archives[-1][1]
        step *= draw(st.integers(2, 6))
    return archives


_ages = st.dictionaries(st.integers(0, 600), st.integers(-9, 9).map(float), max_size=60)


@settings(max_examples=150, deadline=None)
@given(layouts(), layouts(), _ages, _ages, st.sampled_from(METHODS), st.sampled_from(METHODS), st.booleans())
@example([(5, 6), (30, 6)], [(4, 7)], {18: 1.0}, {0: 1.0, 16: 0.0}, "absmin", "average", False)
def test_whatever_the_layouts_what_fits_is_there_and_a_second_time_changes_nothing(
    own: list[tuple[int, int]],
    other: list[tuple[int, int]],
    ours: Values,
    theirs: Values,
    method: str,
    others_method: str,
    overwrite: bool,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target, source = os.path.join(folder, "a"), os.path.join(folder, "b")
        fed(target, {NOW - age: value for age, value in ours.items()}, method, own)
        fed(source, {NOW - age: value for age, value in theirs.items()}, others_method, other)
        into, given = load_contents(target, NOW), load_contents(source, NOW)
    merged = merge(into, given, NOW, overwrite=overwrite)
    finest = columns(merged[0])
    if not overwrite:
        assert in_window(into, 0, NOW).items() <= finest.items()
    for place, archive in enumerate(into.layout.archives):
        assert set(in_window(into, place, NOW)) <= set(columns(merged[place]))
        twin = next((at for at, found in enumerate(given.layout.archives) if found.step == archive.step), None)
        if twin is not None:
            fitting = {at for at in columns(given.archives[twin]) if at >= oldest_interval(archive, NOW)}
            assert fitting <= set(columns(merged[place]))
    for place, points in enumerate(merged):  # what a file can hold
        archive = into.layout.archives[place]
        assert not (points.times % archive.step).any()
        assert len(set((points.times // archive.step % archive.points).tolist())) == len(points)
    again = merge(Contents(into.layout, tuple(merged), 0), given, NOW, overwrite=overwrite)
    assert again == merged


def two_trees(folder: Path) -> tuple[Path, Path, int]:
    now = int(time.time())
    source, target = folder / "src", folder / "dst"
    fed(str(source / "a" / "b.wsp"), {now - age: float(age) for age in (40, 30, 20, 10)}, "average", ARCHIVES)
    fed(str(target / "a" / "b.wsp"), {now - 40: 1.0, now - 5: 5.0}, "average", ARCHIVES)
    fed(str(source / relative_path("disk;host=a")), {now - 10: 3.0}, "max", ARCHIVES)
    return source, target, now


def test_the_command_fills_creates_and_names_what_is_corrupt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target, now = two_trees(tmp_path)
    (source / "bad.wsp").write_bytes(b"junk")
    fed(str(source / "worse.wsp"), {now: 1.0}, "average", ARCHIVES)
    (target / "worse.wsp").write_bytes(b"")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.rglob("*.wsp")}
    assert main(["fill", str(source), str(target)]) == 1
    out = capsys.readouterr().out
    assert f"failed: {source}/bad.wsp: 4 bytes are too few for a header" in out
    assert f"failed: {target}/worse.wsp: 0 bytes are too few for a header" in out
    assert out.splitlines()[-1].startswith("4 files: 1 created, 1 filled, 0 unchanged, 2 failed; ")
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.rglob("*.wsp")} == before
    fine = columns(load_contents(str(target / "a" / "b.wsp"), now).archives[0])
    assert fine == {now - 40: 1.0, now - 30: 30.0, now - 20: 20.0, now - 10: 10.0, now - 5: 5.0}
    created = target / relative_path("disk;host=a")
    assert created.read_bytes() == (source / relative_path("disk;host=a")).read_bytes()
    assert whisper.info(str(created))["aggregationMethod"] == "max"
    assert not list(target.rglob(".*"))


def test_a_file_that_can_be_none_of_ours_is_named_and_the_others_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target, now = two_trees(tmp_path)
    fed(str(source / "odd.wsp"), {now: 1.0}, "average", ARCHIVES)
    with (source / "odd.wsp").open("r+b") as file:  # 7 s archives can't be rolled up from 5 s ones
        file.seek(16 + 2 * 12 + 4)
        file.write(struct.pack("!L", 7))
    assert main(["fill", str(source), str(target)]) == 1
    out = capsys.readouterr().out
    assert f"failed: {target}/odd.wsp: no file can have its archives: Higher precision" in out
    assert "3 files: 1 created, 1 filled, 0 unchanged, 1 failed; " in out
    assert not list(target.rglob(".*"))


def test_a_second_fill_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target, _ = two_trees(tmp_path)
    assert main(["fill", str(source), str(target)]) == 0
    before = {path: (path.read_bytes(), path.stat().st_ino) for path in target.rglob("*.wsp")}
    capsys.readouterr()
    assert main(["fill", "--out", "json", str(source), str(target)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["files"], told["counts"]["unchanged"]) == ([], 2)
    assert {path: (path.read_bytes(), path.stat().st_ino) for path in target.rglob("*.wsp")} == before


def test_a_dry_run_writes_nothing_and_tells_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target, _ = two_trees(tmp_path)
    shutil.copytree(target, tmp_path / "copy")
    before = {path: path.read_bytes() for path in target.rglob("*.wsp")}
    assert main(["fill", "--dry-run", "--out", "json", str(source), str(target)]) == 0
    planned = json.loads(capsys.readouterr().out)["counts"]
    assert {path: path.read_bytes() for path in target.rglob("*.wsp")} == before
    assert main(["fill", "--out", "json", str(source), str(target)]) == 0
    assert json.loads(capsys.readouterr().out)["counts"] == planned


def test_a_tree_that_is_not_there_is_made_unless_it_is_a_dry_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, _, now = two_trees(tmp_path)
    target = tmp_path / "new" / "whisper"
    assert main(["fill", "--dry-run", "--out", "json", str(source), str(target)]) == 0
    planned = json.loads(capsys.readouterr().out)["counts"]
    assert not target.parent.exists()
    assert main(["fill", "--out", "json", str(source), str(target)]) == 0
    assert json.loads(capsys.readouterr().out)["counts"] == planned
    made, given = (load_contents(str(tree / "a" / "b.wsp"), now).archives[0] for tree in (target, source))
    assert columns(made) == columns(given)


def test_only_what_lies_in_the_range_is_taken(tmp_path: Path) -> None:
    source, target, now = two_trees(tmp_path)
    assert main(["fill", "--from", str(now - 32), "--until", str(now - 15), str(source), str(target)]) == 0
    fine = columns(load_contents(str(target / "a" / "b.wsp"), now).archives[0])
    assert fine == {now - 40: 1.0, now - 30: 30.0, now - 20: 20.0, now - 5: 5.0}
    assert not (target / "_tagged").exists()  # it has no point in the range


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["ROOT/nowhere", "ROOT/dst"], "there is no such folder"),
        (["ROOT/src", "ROOT/src/a/b.wsp"], "one is in the other"),
        (["ROOT/src", "ROOT/dst/a/b.wsp"], "is no folder"),
        (["ROOT/src", "ROOT/dst/a/b.wsp/c"], "can't be made: something above it is no folder"),
        (["ROOT/src", "ROOT/src/new"], "one is in the other"),
        (["ROOT/root", "ROOT/dst"], "root is the root of a store: its tree is "),
        (["ROOT/src", "ROOT/root"], "root is the root of a store: its tree is "),
        (["ROOT/src", "ROOT/src"], "are one folder"),
        (["ROOT/src/a", "ROOT/src"], "one is in the other"),
        (["--from", "soon", "ROOT/src", "ROOT/dst"], "time 'soon': "),
        (["--from", "-1h", "--until", "-2h", "ROOT/src", "ROOT/dst"], "--from -1h is after --until -2h"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    two_trees(tmp_path)
    for part in ("whisper", "log", "run"):
        (tmp_path / "root" / part).mkdir(parents=True)
    assert main(["fill", *(word.replace("ROOT", str(tmp_path)) for word in arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert why in line


def test_a_signal_while_files_are_counted_ends_it_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target, _ = two_trees(tmp_path)
    before = sorted(target.rglob("*"))
    monkeypatch.setattr(rewriting, "walk", lambda *_: iter([signal.raise_signal(signal.SIGINT)] * 9))
    assert main(["fill", str(source), str(target), "--out", "json"]) == 128 + signal.SIGINT
    told = json.loads(capsys.readouterr().out)
    assert (told["files"], told["counts"]["files"], told["counts"]["stopped"]) == ([], 0, 1)
    assert sorted(target.rglob("*")) == before


def test_counting_tells_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "ELSEWHERE_EVERY_S", 0.0)
    source, target, _ = two_trees(tmp_path)
    main(["fill", str(source), str(target)])
    assert capsys.readouterr().err.startswith("fill: counting: 1 files, ")
