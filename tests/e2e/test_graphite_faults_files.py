"""Single files that can't be written, are damaged or are not what the rules say: they hurt nothing but themselves."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import whisper

from support.graphite_faults import FaultServer, all_stored
from support.stacks import wait_for
from support.whisper_trees import in_file, path_of

pytestmark = pytest.mark.timeout(180)

DENIED = "Permission denied"
GOOD = [f"good.m{n}" for n in range(20)]


@pytest.fixture
def at() -> int:
    """The time of the first points: late enough to be in the finest archive at the end of the test."""
    return int(time.time()) - 120


def as_anyone() -> list[str]:
    """Return what to put before a command so that permissions count for it, whoever runs the test."""
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def test_a_folder_without_permission_only_delays_its_own_metrics(tmp_path: Path, at: int) -> None:
    tree = tmp_path / "tree"
    denied = tree / "denied"
    with FaultServer(
        tmp_path / "root", "--whisper", str(tree), console=tmp_path / "console", prefix=as_anyone()
    ) as server:
        sender = server.sender()
        assert sender.send([*GOOD, "denied.old"], at, 1.0)
        all_stored(server, tree, sender)
        path_of(tree, "denied.old").chmod(0o444)
        denied.chmod(0o555)
        names = ["denied.old", *(f"denied.m{n}" for n in range(20))]
        assert sender.send([*GOOD, *names], at + 1, 2.0)
        server.ill(DENIED)
        assert sender.send(GOOD, at + 2, 3.0)
        stored = {at: 1.0, at + 1: 2.0, at + 2: 3.0}
        wait_for(lambda: all(in_file(tree, name) == stored for name in GOOD), "the other metrics to be written")
        assert server.health()[0] == 503  # others being written doesn't make it well
        assert sorted(path.name for path in denied.iterdir()) == ["old.wsp"]
        assert 1 <= len(server.lines(DENIED)) <= 3, server.lines(DENIED)
        denied.chmod(0o755)
        path_of(tree, "denied.old").chmod(0o644)
        server.well()
        all_stored(server, tree, sender)


@pytest.mark.parametrize("damage", [b"", b"\0" * 100, b"no whisper file\n" * 100], ids=["empty", "zeros", "text"])
def test_a_damaged_file_is_set_aside_and_begun_anew(tmp_path: Path, at: int, damage: bytes) -> None:
    tree = tmp_path / "tree"
    before = path_of(tree, "bad.before")
    before.parent.mkdir(parents=True)
    before.write_bytes(damage)
    with FaultServer(tmp_path / "root", "--whisper", str(tree), console=tmp_path / "console") as server:
        sender = server.sender()
        assert sender.send([*GOOD, "bad.before"], at, 1.0)
        all_stored(server, tree, sender)
        meanwhile = path_of(tree, GOOD[0])
        meanwhile.write_bytes(damage)
        assert sender.send(GOOD[:1], at + 1, 2.0)
        wait_for(lambda: in_file(tree, GOOD[0]) == {at + 1: 2.0}, "the file to be begun anew")
        del sender.acknowledged[GOOD[0], at]  # was written, then destroyed
        all_stored(server, tree, sender)
        for path in (before, meanwhile):
            (aside,) = path.parent.glob(f"{path.name}.corrupt-*")
            assert aside.read_bytes() == damage
            (line,) = server.lines(str(aside))
            assert "set aside" in line
        server.well()
        assert server.end() == 0


def test_a_short_file_is_set_aside_with_what_it_still_has(tmp_path: Path, at: int) -> None:
    tree = tmp_path / "tree"
    with FaultServer(tmp_path / "root", "--whisper", str(tree), console=tmp_path / "console") as server:
        sender = server.sender()
        assert sender.send(GOOD, at, 1.0)
        all_stored(server, tree, sender)
        path = path_of(tree, GOOD[0])
        whole = path.read_bytes()
        os.truncate(path, len(whole) // 2)
        assert sender.send(GOOD, at + 1, 2.0)
        wait_for(lambda: in_file(tree, GOOD[0]) == {at + 1: 2.0}, "the file to be begun anew")
        (aside,) = path.parent.glob(f"{path.name}.corrupt-*")
        assert aside.read_bytes() == whole[: len(whole) // 2]
        del sender.acknowledged[GOOD[0], at]
        all_stored(server, tree, sender)


def test_a_file_that_the_rules_would_make_otherwise_is_used_as_it_is(tmp_path: Path, at: int) -> None:
    tree = tmp_path / "tree"
    path = path_of(tree, "other.sum")
    path.parent.mkdir(parents=True)
    whisper.create(str(path), [(60, 120), (600, 24)], xFilesFactor=0.0, aggregationMethod="sum")
    made = whisper.info(str(path))
    with FaultServer(tmp_path / "root", "--whisper", str(tree), console=tmp_path / "console") as server:
        sender = server.sender()
        slot = at // 600 * 600
        for n in range(3):
            assert sender.send(["other.sum"], slot + 60 * n, float(n + 1))
        wait_for(lambda: in_file(tree, "other.sum").get(slot + 120) == 3.0, "the points")
        all_stored(server, tree, sender)
        assert whisper.info(str(path)) == made
        now = int(time.time())
        (_, _, step), values = whisper.fetch(str(path), now - 3 * 3600, now)
        assert (step, max(filter(None, values))) == (600, 6.0)
        server.well()


def test_a_folder_in_the_place_of_a_file_holds_up_no_other(tmp_path: Path, at: int) -> None:
    tree = tmp_path / "tree"
    place = path_of(tree, "odd.m")
    place.mkdir(parents=True)
    with FaultServer(tmp_path / "root", "--whisper", str(tree), console=tmp_path / "console") as server:
        sender = server.sender()
        assert sender.send(["odd.m", *GOOD], at, 1.0)
        wait_for(lambda: all(in_file(tree, name) == {at: 1.0} for name in GOOD), "the other metrics")
        wait_for(lambda: str(place) in str(server.health()[1]["warnings"]), "/health to warn of it")
        assert server.health()[0] == 200
        (series,) = server.get(f"/render?target=odd.m&format=json&from={at - 1}&until={at}")
        assert series["datapoints"] == [[1.0, at]]
        place.rmdir()
        wait_for(lambda: not server.health()[1]["warnings"], "/health to be without a warning")
        all_stored(server, tree, sender)
