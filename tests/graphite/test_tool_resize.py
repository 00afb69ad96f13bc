"""``resize``: other layouts for files that exist, every point that fits kept, also while a server writes."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import whisper
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.main import main
from saltern_graphite.rules.rollup import METHODS
from saltern_graphite.rules.sample_conf import write_samples
from saltern_graphite.rules.schemas import Retention
from saltern_graphite.tools import rebuilt_file, replacement
from saltern_graphite.tools.contents import Contents, load_contents
from saltern_graphite.tools.points import Points
from saltern_graphite.tools.rebuilt_file import rebuilt, write_slots
from saltern_graphite.tools.replacement import Replacements
from saltern_graphite.tools.reshape import reshape, spread, windows
from saltern_graphite.whisper import file as whisper_file
from saltern_graphite.whisper.file import Layout, read_layout
from saltern_graphite.whisper.late import oldest_interval
from saltern_graphite.whisper.update import update

NOW = 1_700_000_007
PROGRAM = [sys.executable, "-c", "import sys; from saltern_graphite.main import main; sys.exit(main())"]
Archives = list[tuple[int, int]]


def new_file(path: str, archives: Archives, method: str = "average", factor: float = 0.0) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    whisper.create(path, archives, factor, method)


def layout_of(archives: Archives, method: str, factor: float) -> Layout:
    return whisper_file.layout_of(tuple(Retention(*archive) for archive in archives), method, factor)


def values(contents: Contents, place: int) -> dict[int, float]:
    points = contents.archives[place]
    return dict(zip(points.times.tolist(), points.values.tolist(), strict=True))


def resized(path: str, layout: Layout, now: int) -> Contents:
    """Rebuild the file *path* as *layout* and read it back."""
    before = load_contents(path, now)
    with rebuilt(path, layout, windows(reshape(before, layout, now), layout, now), os.stat(path)) as new:
        return load_contents(new, now)


@st.composite
def layouts(draw: st.DrawFn) -> Archives:
    """Archives that Whisper allows, reaching back some minutes."""
    step = draw(st.integers(1, 6))
    archives: Archives = []
    reach = 0
    for _ in range(draw(st.integers(1, 3))):
        least = max(reach // step + 1, 6)
        archives.append((step, draw(st.integers(least, least + 30))))
        reach = step * archives[-1][1]
        step *= draw(st.integers(2, 6))
    return archives


_ages = st.lists(st.tuples(st.integers(0, 900), st.integers(-9, 9).map(float)), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(layouts(), layouts(), _ages, st.lists(st.integers(0, 200), max_size=3), st.sampled_from(METHODS), st.booleans())
def test_every_point_that_fits_is_kept_and_none_invented(
    old: Archives, new: Archives, ages: list[tuple[int, float]], moves: list[int], method: str, by_library: bool
) -> None:
    whisper.validateArchiveList(old)
    whisper.validateArchiveList(new)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.wsp")
        new_file(path, old, method)
        now = NOW
        for moved in [0, *moves]:
            now += moved
            points = [(now - age, value) for age, value in ages]
            if by_library:
                whisper.update_many(path, points, now=now)
            else:
                update(path, points, now)
        before = load_contents(path, now)
        assert before.impossible == 0
        layout = layout_of(new, method, 0.0)
        after = resized(path, layout, now)
        assert (after.layout, after.impossible) == (layout, 0)
        coarsest = layout.archives[-1]
        for place, archive in enumerate(before.layout.archives):
            for time_, value in values(before, place).items():
                fitting = [
                    target
                    for target, fit in enumerate(layout.archives)
                    if (fit.step >= archive.step or fit is coarsest)
                    and time_ - time_ % fit.step >= oldest_interval(fit, now)
                ]
                if not fitting:
                    continue
                kept, step = values(after, fitting[0]), layout.archives[fitting[0]].step
                slot = time_ - time_ % step
                if step < archive.step:  # coarser than all: somewhere in its interval
                    assert any(slot <= at < time_ + archive.step for at in kept)
                else:
                    assert slot in kept
                    if step == archive.step:
                        assert kept[slot] == value
        _not_invented(before, after, method)


def _not_invented(before: Contents, after: Contents, method: str) -> None:
    """Each slot of *after* lies over points of *before*, and within their values."""
    known = [
        (time_, time_ + archive.step, value)
        for place, archive in enumerate(before.layout.archives)
        for time_, value in values(before, place).items()
    ]
    for place, archive in enumerate(after.layout.archives):
        for slot, value in values(after, place).items():
            below = [found for begin, end, found in known if begin < slot + archive.step and end > slot]
            assert below
            if method in ("average", "max", "min", "last", "absmax", "absmin"):
                assert min(below) - 1e-9 <= value <= max(below) + 1e-9


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 120), st.integers(-9, 9).map(float)), min_size=1, max_size=60),
    layouts(),
    st.sampled_from(METHODS),
    st.sampled_from(METHODS),
)
def test_roll_ups_are_what_they_were_had_the_points_come_into_the_new_layout(
    gaps: list[tuple[int, float]], new: Archives, method: str, wanted: str
) -> None:
    step = new[0][0]
    now = NOW - NOW % step
    with tempfile.TemporaryDirectory() as folder:
        path, fresh = os.path.join(folder, "a.wsp"), os.path.join(folder, "fresh.wsp")
        new_file(path, [(step, 10_000)], method)  # it still has everything
        new_file(fresh, new, wanted)
        for gap, value in gaps:
            now += gap * step
            whisper.update_many(path, [(now, value)], now=now)
            whisper.update_many(fresh, [(now, value)], now=now)
        layout = layout_of(new, wanted, 0.0)
        after, expected = resized(path, layout, now), load_contents(fresh, now)
        for place, archive in enumerate(layout.archives):
            oldest = oldest_interval(archive, now)
            should = {at: value for at, value in values(expected, place).items() if at >= oldest}
            assert values(after, place) == pytest.approx(should)


def test_a_coarse_slot_whose_points_are_gone_is_kept_when_the_method_changes(tmp_path: Path) -> None:
    path = str(tmp_path / "a.wsp")
    new_file(path, [(1, 10), (5, 100)], "average")
    now = NOW // 5 * 5
    for at in range(now - 100, now + 1):
        whisper.update_many(path, [(at, float(at % 5))], now=at)
    after = resized(path, layout_of([(1, 10), (5, 100)], "max", 0.5), now)
    coarse = values(after, 1)
    assert coarse[now - 50] == 2.0  # the average, for its points are overwritten
    assert coarse[now - 5] == 4.0
    assert after.layout.x_files_factor == 0.5


def test_the_share_of_known_points_decides_where_a_finer_archive_keeps_the_rest(tmp_path: Path) -> None:
    path = str(tmp_path / "a.wsp")
    new_file(path, [(1, 1000)])
    now = NOW // 10 * 10
    whisper.update_many(path, [(at, 1.0) for at in range(now - 700, now, 10)], now=now)
    after = resized(path, layout_of([(1, 100), (10, 100)], "sum", 0.5), now)
    assert set(values(after, 0)) == {at for at in range(now - 700, now, 10) if at > now - 100}
    assert min(values(after, 1)) == now - 700  # too old for the finer one: it would be lost
    assert max(values(after, 1)) < now - 80


@pytest.mark.parametrize(("method", "shown"), [("sum", 1.0), ("average", 6.0), ("max", 6.0), ("avg_zero", 6.0)])
def test_points_of_a_coarse_archive_are_spread_when_asked(tmp_path: Path, method: str, shown: float) -> None:
    path = str(tmp_path / "a.wsp")
    new_file(path, [(60, 1000)], method)
    now = NOW // 60 * 60 + 25
    minutes = range(now // 60 * 60 - 3000, now, 60)
    whisper.update_many(path, [(at, 6.0) for at in minutes], now=now)
    layout = layout_of([(10, 100), (60, 1000)], method, 0.0)
    sources = reshape(load_contents(path, now), layout, now)
    assert len(sources[0].points) == 0
    fine, coarse = windows(spread(sources, layout, now), layout, now)
    last = minutes[-1]
    assert fine.times.tolist() == list(range((now // 10 * 10 - 990 + 59) // 60 * 60, now, 10))
    assert set(fine.values[fine.times < last]) == {shown}
    assert sum(fine.values[fine.times >= last]) == pytest.approx(6.0 if method == "sum" else shown * 3)
    assert coarse.times.tolist() == list(minutes)
    assert set(coarse.values) == {6.0}


def tree(folder: Path, names: list[str], archives: Archives, points: list[tuple[int, float]]) -> Path:
    for name in names:
        path = str(folder / "whisper" / (name.replace(".", "/") + ".wsp"))
        new_file(path, archives)
        whisper.update_many(path, points)
    return folder / "whisper"


def rules(folder: Path, schemas: str, aggregation: str = "") -> None:
    (folder / "conf").mkdir()
    (folder / "conf" / "storage-schemas.conf").write_text(schemas)
    (folder / "conf" / "storage-aggregation.conf").write_text(aggregation)


def layout_at(path: Path) -> Layout:
    with path.open("rb") as file:
        return read_layout(file.fileno(), str(path))


SCHEMAS = "[all]\npattern = .*\nretentions = 1m:1h,10m:1d\n"


def test_the_command_applies_the_rules_to_what_the_globs_select(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = int(time.time()) // 600 * 600
    names = ["a.x.cpu", "a.y.cpu", "a.y.disk", "b"]
    root = tree(tmp_path, names, [(60, 60)], [(at - 60 * place, 6.0) for place in range(30)])
    rules(tmp_path, SCHEMAS, "[all]\npattern = cpu\naggregationMethod = sum\nxFilesFactor = 0.1\n")
    os.chmod(root / "a" / "x" / "cpu.wsp", 0o640)
    untouched = (root / "b.wsp").read_bytes()
    command = ["resize", "--root", str(tmp_path)]
    assert main([*command, "--dry-run", "--out", "json", "**"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [file["metric"] for file in told["files"]] == names or {f["metric"] for f in told["files"]} == set(names)
    assert layout_at(root / "a" / "x" / "cpu.wsp").method == "average"
    assert main([*command, "a.*.cpu"]) == 0
    out = capsys.readouterr().out
    assert "a.x.cpu: 60s:60 average 0 -> 60s:60,600s:144 sum 0.1; " in out
    assert out.splitlines()[-1].startswith("2 files: 2 resized, 0 fit already")
    layout = layout_at(root / "a" / "y" / "cpu.wsp")
    assert layout == layout_of([(60, 60), (600, 144)], "sum", 0.1)
    assert os.stat(root / "a" / "x" / "cpu.wsp").st_mode & 0o777 == 0o640
    assert (root / "b.wsp").read_bytes() == untouched
    contents = load_contents(str(root / "a" / "x" / "cpu.wsp"), int(time.time()))
    assert len(contents.archives[0]) == 30
    assert values(contents, 1)[at - 600] == 60.0
    assert main([*command, "a.*.cpu"]) == 0
    assert "0 resized, 2 fit already" in capsys.readouterr().out
    assert sorted(os.listdir(root / "a" / "y")) == ["cpu.wsp", "disk.wsp"]


def test_a_tagged_metric_is_named_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from saltern_graphite.rules.metric_name import relative_path

    path = tmp_path / "whisper" / relative_path("disk;host=a")
    new_file(str(path), [(60, 60)])
    rules(tmp_path, SCHEMAS)
    assert main(["resize", "--root", str(tmp_path), "**"]) == 0
    assert "1 tagged ones passed over (name them in full)" in capsys.readouterr().out
    assert main(["resize", "--root", str(tmp_path), "disk;host=a"]) == 0
    assert capsys.readouterr().out.startswith("disk;host=a: ")
    assert len(layout_at(path).archives) == 2


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--root", "ROOT", "nope.*"], "no metric matches nope.*"),
        (["--root", "ROOT", "a..b"], "selects nothing (empty_segment)"),
        (["--root", "ROOT/nowhere", "**"], "there is no such folder"),
        (["--whisper", "ROOT/whisper", "**"], "say where the schema files are"),
        (["--whisper", "ROOT/whisper", "--conf", "ROOT", "**"], "there is no storage-schemas.conf to apply"),
        (["--whisper", "ROOT/whisper", "--conf", "ROOT/samples", "**"], "storage-schemas.conf has no section"),
        (["**"], "say where the files are"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    tree(tmp_path, ["a"], [(60, 60)], [])
    rules(tmp_path, SCHEMAS)
    write_samples(str(tmp_path / "samples"))
    assert main(["resize", *(word.replace("ROOT", str(tmp_path)) for word in arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert why in line


def test_rules_with_a_fault_are_not_applied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path, ["a"], [(60, 60)], [])
    rules(tmp_path, "[bad]\npattern = (\nretentions = 1m:1d\n")
    before = (root / "a.wsp").read_bytes()
    assert main(["resize", "--root", str(tmp_path), "**"]) == 2
    assert "storage-schemas.conf:2: pattern" in capsys.readouterr().err
    assert (root / "a.wsp").read_bytes() == before


def test_a_corrupt_file_is_named_and_the_others_are_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path, ["a", "c"], [(60, 60)], [(int(time.time()), 1.0)])
    (root / "b.wsp").write_bytes(b"junk")
    rules(tmp_path, SCHEMAS)
    assert main(["resize", "--root", str(tmp_path), "**"]) == 1
    out = capsys.readouterr().out
    assert f"failed: {root}/b.wsp: 4 bytes are too few for a header" in out
    assert "3 files: 2 resized, 0 fit already, 1 failed" in out
    assert (root / "b.wsp").read_bytes() == b"junk"


def test_a_full_disk_ends_it_with_every_file_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path, ["a", "b"], [(60, 60)], [(int(time.time()), 1.0)])
    rules(tmp_path, SCHEMAS)
    before = (root / "a.wsp").read_bytes()

    def full(fd: int, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(rebuilt_file, "write_all", full)
    assert main(["resize", "--root", str(tmp_path), "--out", "json", "**"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [file["error"] for file in told["files"]] == [
        f"{root}/a.wsp: No space left on device; ended here, the others are as they were"
    ]
    assert (root / "a.wsp").read_bytes() == before
    assert sorted(os.listdir(root)) == ["a.wsp", "b.wsp"]


def test_points_written_to_the_old_file_meanwhile_are_brought_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacement, "GRACE_S", 0.01)
    path = str(tmp_path / "a.wsp")
    now = NOW // 60 * 60
    new_file(path, [(1, 600)], "sum")
    update(path, [(now - 120 + place, 1.0) for place in range(120)], now)
    layout = layout_of([(1, 600), (60, 60)], "sum", 0.0)

    def derive(contents: Contents) -> list[Points]:
        return windows(reshape(contents, layout, now), layout, now)

    before = load_contents(path, now)
    replacements = Replacements(lambda: now + 5)
    opened = os.open(path, os.O_RDWR)  # as a server has it when the rename comes
    try:
        update(path, [(now - 30, 100.0)], now)  # after it was read
        with open(path, "rb") as old:
            replacements.replace(path, old.fileno(), before, layout, derive(before), derive)
        ring = before.layout.archives[0]
        write_slots(opened, path, ring, Points(np.array([now - 90, now]), np.array([7.0, 8.0])))
        update(path, [(now, 9.0), (now + 1, 3.0)], now + 1)  # by now into the new file: it is newer
        replacements.close()
    finally:
        os.close(opened)
    after = load_contents(path, now)
    assert after.layout == layout
    fine = values(after, 0)
    assert {at: fine[at] for at in (now - 90, now - 30, now, now + 1)} == {
        now - 90: 7.0,
        now - 30: 100.0,
        now: 9.0,
        now + 1: 3.0,
    }
    assert values(after, 1) == {now - 120: 66.0, now - 60: 159.0, now: 12.0}
    assert replacements.late_points == 2


def test_late_points_written_to_the_old_file_meanwhile_are_brought_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacement, "GRACE_S", 0.01)
    path = str(tmp_path / "a.wsp")
    now = NOW // 60 * 60
    new_file(path, [(1, 60), (60, 60)], "sum")
    update(path, [(now, 1.0)], now)
    layout = layout_of([(1, 120), (60, 60)], "sum", 0.0)

    def derive(contents: Contents) -> list[Points]:
        return windows(reshape(contents, layout, now), layout, now)

    before = load_contents(path, now)
    update(path, [(now - 600, 5.0)], now)  # only the coarser archive reaches back to it
    replacements = Replacements(lambda: now)
    with open(path, "rb") as old:
        replacements.replace(path, old.fileno(), before, layout, derive(before), derive)
    replacements.close()
    assert values(load_contents(path, now), 1) == {now - 600: 5.0, now: 1.0}


def test_an_old_file_that_never_stands_still_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacement, "MAX_ROUNDS", 0)
    root = tree(tmp_path, ["a"], [(60, 60)], [])
    rules(tmp_path, SCHEMAS)
    assert main(["resize", "--root", str(tmp_path), "**"]) == 1
    assert f"failed: {root}/a.wsp: the file it replaced is still written to" in capsys.readouterr().out


_WRITER = """
import sys, time
from saltern_graphite.whisper.update import update
paths, begin = sys.argv[2:], int(sys.argv[1])
print("ready", flush=True)
for place in range(1_000_000):
    now = int(time.time())
    for path in paths:
        update(path, [(begin + place, float(place % 7))], now)
    print(place, flush=True)
"""


def test_no_point_is_lost_under_a_writer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin = int(time.time()) // 60 * 60 - 6000
    names = [f"m{number}" for number in range(20)]
    root = tree(tmp_path, names, [(1, 20_000)], [(begin - 1, 5.0)])
    paths = [str(root / f"{name}.wsp") for name in names]
    rules(
        tmp_path, "[all]\npattern = .*\nretentions = 1s:30000,1m:2d\n", "[all]\npattern = .*\naggregationMethod = sum\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(begin), *paths], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        with contextlib.ExitStack() as stack:
            stack.callback(writer.kill)
            assert writer.stdout.readline() == "ready\n"
            assert main(["resize", "--root", str(tmp_path), "**"]) == 0
            for _ in range(5):
                writer.stdout.readline()
        written = [int(line) for line in writer.stdout.read().splitlines() if line]
    last = max(written)
    assert last < 6000, "the writer ran into the present"
    assert "20 files: 20 resized" in capsys.readouterr().out
    minutes = range(begin, begin + last // 60 * 60, 60)
    for path in paths:
        contents = load_contents(path, int(time.time()))
        fine = values(contents, 0)
        assert [fine.get(begin + place) for place in range(last + 1)] == [float(place % 7) for place in range(last + 1)]
        coarse = values(contents, 1)
        assert {at: coarse.get(at) for at in minutes} == {
            at: sum(float((at - begin + place) % 7) for place in range(60)) for at in minutes
        }


def test_no_point_is_lost_under_a_server(tmp_path: Path) -> None:
    names = [f"m{number}" for number in range(100)]
    begin = int(time.time()) - 3000
    rules(tmp_path, "[all]\npattern = .*\nretentions = 1s:20000\n")
    address = "127.0.0.1:0"
    ports = ["--line", address, "--pickle", "off", "--http", address]
    arguments = ["--root", str(tmp_path), *ports, "--flush-interval", "0.1"]
    sent = 0
    ended = threading.Event()

    def send(sock: socket.socket) -> None:
        nonlocal sent
        while not ended.is_set() and sent < 2900:
            sock.sendall(b"".join(b"%s %d %d\n" % (name.encode(), sent % 7, begin + sent) for name in names))
            sent += 1
            ended.wait(0.002)

    with running("serve", "--batch", "off", *arguments) as server:
        run_file = tmp_path / "run" / "graphite.json"
        until(run_file.exists)
        host, _, port = json.loads(run_file.read_text())["line"].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as sock:
            sender = threading.Thread(target=send, args=(sock,))
            sender.start()
            try:
                until(lambda: all((tmp_path / "whisper" / f"{name}.wsp").exists() for name in names))
                for retentions in ("1s:30000,1m:2d", "1s:20000,10s:1d,1m:3d"):
                    schemas = f"[all]\npattern = .*\nretentions = {retentions}\n"
                    (tmp_path / "conf" / "storage-schemas.conf").write_text(schemas)
                    assert main(["resize", "--root", str(tmp_path), "m*"]) == 0
            finally:
                ended.set()
                sender.join(20)
        paths = [str(tmp_path / "whisper" / f"{name}.wsp") for name in names]
        until(lambda: all(load_contents(path, int(time.time())).newest == begin + sent - 1 for path in paths))
        server.send_signal(signal.SIGTERM)
        assert server.wait(40) == 0
    for name in names:
        contents = load_contents(str(tmp_path / "whisper" / f"{name}.wsp"), int(time.time()))
        assert len(contents.archives) == 3
        assert values(contents, 0) == {begin + place: float(place % 7) for place in range(sent)}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_every_file_whole(tmp_path: Path, number: signal.Signals) -> None:
    names = [f"m{place:03}" for place in range(400)]
    at = int(time.time())
    root = tree(tmp_path, names, [(1, 20_000)], [(at - place, 1.0) for place in range(100)])
    rules(tmp_path, "[all]\npattern = .*\nretentions = 1s:30000,1m:30d\n")
    with running("resize", "--root", str(tmp_path), "--out", "json", "**") as process:
        deadline = time.monotonic() + 40
        first = root / "m000.wsp"
        while len(layout_at(first).archives) == 1:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert "Traceback" not in err
    done = json.loads(out)
    assert 0 < len(done["files"]) < 400
    assert sorted(os.listdir(root)) == [f"{name}.wsp" for name in names]
    for name in names:
        assert len(load_contents(str(root / f"{name}.wsp"), at).archives[0]) == 100


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    tree(tmp_path, [f"m{place:03}" for place in range(300)], [(60, 60)], [])
    rules(tmp_path, SCHEMAS)
    with running("resize", "--root", str(tmp_path), "--dry-run", "**") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(40) == 128 + signal.SIGPIPE
        process.stdout = None
