"""``verify``: each kind of damage is found and named, and nothing else is."""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import whisper
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.main import main
from saltern_graphite.rules.sample_conf import write_samples
from saltern_graphite.tools.tree import Selection

ARCHIVES = [(15, 240), (60, 1440)]


def tree(folder: Path) -> Path:
    root = folder / "whisper"
    for name in ("a/one", "a/two", "b/three"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        path = str(root / f"{name}.wsp")
        whisper.create(path, ARCHIVES, 0.0, "average")
        now = int(time.time())
        whisper.update_many(path, [(now - age, 1.0) for age in range(0, 600, 15)], now=now)
    return root


def found(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    told = json.loads(capsys.readouterr().out)
    kinds = {os.path.basename(problem["path"]): problem["kind"] for problem in told["problems"]}
    assert sum(told["counts"].values()) == len(told["problems"]) + told["counts"]["files"]
    return kinds


def test_a_sound_tree_has_nothing_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path)
    assert main(["verify", str(root), "--deep", "--stale", "3600"]) == 0
    assert capsys.readouterr().out == "3 files: nothing wrong\n"


def test_no_name_of_a_file_steers_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path)
    (root / "a" / "x\x1b[2J\u202e.wsp").write_text("junk")
    for out in ("text", "json"):
        assert main(["verify", str(root), "--out", out]) == 1
        told = capsys.readouterr().out
        assert not [c for c in told if (ord(c) < 32 and c != "\n") or c == "\u202e"]
        assert r"x\x1b[2J\u202e.wsp" in told.replace(r"\u001b", r"\x1b")
    assert main(["validate", "--conf", str(tmp_path), "a\x1b[2J.b"]) == 1
    assert main(["dump", f"{root}/a/x\x1b[2J\u202e.wsp"]) == 1
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err


def _flip(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def _move(path: Path, offset: int) -> None:
    """Have a slot hold the time of the next one."""
    (at,) = struct.unpack_from("!L", path.read_bytes(), offset)
    _flip(path, offset, struct.pack("!L", at + 15))


_DAMAGES: dict[str, tuple[Callable[[Path], object], str, bool]] = {
    "empty": (lambda path: path.write_bytes(b""), "corrupt", False),
    "junk": (lambda path: path.write_bytes(os.urandom(16) + b"\xff" * 5000), "corrupt", False),
    "short": (lambda path: os.truncate(path, path.stat().st_size - 1), "corrupt", False),
    "compressed": (lambda path: _flip(path, 0, b"whisper_compressed\x01"), "compressed", False),
    "method": (lambda path: _flip(path, 0, struct.pack("!L", 99)), "corrupt", False),
    "steps that don't divide": (lambda path: _flip(path, 32, struct.pack("!L", 61)), "corrupt", False),
    "base off its step": (lambda path: _flip(path, 40, struct.pack("!L", 1_700_000_001)), "timestamps", False),
    "base far ahead": (lambda path: _flip(path, 40, struct.pack("!L", 4_000_000_005)), "timestamps", False),
    "slot in another's place": (lambda path: _move(path, 40 + 12 * 7), "timestamps", True),
}


@pytest.mark.parametrize("damage", _DAMAGES)
def test_damage_is_found_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str) -> None:
    root = tree(tmp_path)
    inflict, kind, deep = _DAMAGES[damage]
    inflict(root / "a" / "two.wsp")
    command = ["verify", str(root), "--out", "json"]
    assert main(command) == (0 if deep else 1)
    assert found(capsys) == ({} if deep else {"two.wsp": kind})
    assert main([*command, "--deep"]) == 1
    assert found(capsys) == {"two.wsp": kind}


def test_the_rest_of_what_can_be_wrong_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "storage-schemas.conf").write_text(
        "[b]\npattern = ^b\nretentions = 1m:1d\n[all]\npattern = .*\nretentions = 15s:1h,1m:1d\n"
    )
    old = time.time() - 100
    for name in ("x.wsp.corrupt-1700000000", ".new", ".saltern-12.tmp", "y.wsp.bak", "notes.txt"):
        (root / "a" / name).write_bytes(b"")
        os.utime(root / "a" / name, (old, old))
    (root / "b" / ".new").write_bytes(b"")  # a server may be about to name it
    quiet = str(root / "a" / "quiet.wsp")
    whisper.create(quiet, ARCHIVES, 0.0, "average")
    whisper.update(quiet, 1.0, int(old) - 1000)
    assert main(["verify", "--root", str(tmp_path), "--stale", "900", "--out", "json"]) == 1
    assert found(capsys) == {
        "x.wsp.corrupt-1700000000": "set_aside",
        ".new": "leftover",
        ".saltern-12.tmp": "leftover",
        "y.wsp.bak": "leftover",
        "three.wsp": "mismatched",
        "quiet.wsp": "stale",
    }
    assert main(["verify", "--root", str(tmp_path), "a.one"]) == 0
    assert capsys.readouterr().out == "1 files: nothing wrong\n"
    assert main(["verify", "--root", str(tmp_path), "**.three"]) == 1
    (line, _) = capsys.readouterr().out.splitlines()
    assert line.endswith("mismatched: is 15s:240,60s:1440 average 0, the rules say 60s:1440 average 0")


def test_without_rules_no_layout_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree(tmp_path)
    write_samples(str(tmp_path / "conf"))
    assert main(["verify", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith(" files: nothing wrong\n")


def test_what_makes_no_sense_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(tree(tmp_path))
    for arguments, why in (
        ([], "say which tree"),
        ([root + "x"], "there is no such folder"),
        ([root, "no.such"], "no metric matches no.such"),
        ([root, "{a,b,c}" * 7], "stands for over 1000 patterns"),
        ([""], "an empty text names no folder"),
    ):
        assert main(["verify", *arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert why in line


def test_links_in_circles_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path)
    (root / "a" / "up").symlink_to(root)
    assert main(["verify", str(root)]) == 0
    assert "3 files" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [[], ["none"], ["fill"], ["verify", "--stale", "-1", "x"], ["dump", "--out", "xml", "x"]]
)
def test_a_wrong_command_line_is_one_line_too(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    command = " ".join(["saltern-graphite", *words[:1]]) if words and words != ["none"] else "saltern-graphite"
    assert line.startswith(f"{command}: error: ")
    assert line.endswith(f"; see {command} --help")


def test_what_is_no_file_keeps_no_command_waiting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path)
    os.mkfifo(root / "a" / "pipe.wsp")
    (root / "a" / "nowhere.wsp").symlink_to("gone")
    assert main(["verify", str(root)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{root}/a/nowhere.wsp: unreadable: a link to a file that isn't there",
        f"{root}/a/pipe.wsp: unreadable: it is no file",
        "5 files: 2 unreadable",
    ]
    assert main(["fill", str(root), str(tmp_path / "filled")]) == 1
    assert f"failed: {root}/a/pipe.wsp: it is no file\n" in capsys.readouterr().out
    assert (tmp_path / "filled" / "b" / "three.wsp").exists()


def _chosen(selection: Selection, name: str) -> bool:
    state = selection.start
    for element in name.split("."):
        state = selection.step(state, element)
    return selection.ends(state)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("a.b", ["a.b"], ["a", "a.b.c", "a.bb"]),
        ("a.*", ["a.b", "a.c"], ["a", "a.b.c"]),
        ("**", ["a", "a.b", "a.b.c"], []),
        ("a.**", ["a.b", "a.b.c"], ["a", "b.c"]),
        ("**.c", ["c", "a.c", "a.b.c"], ["a.c.b"]),
        ("a.**.c", ["a.c", "a.b.c", "a.b.b.c", "a.c.c"], ["a.b", "c", "b.a.c"]),
        ("{a,b}.x[0-9]?", ["a.x1y", "b.x22"], ["c.x1y", "a.xyz"]),
    ],
)
def test_globs_choose_as_in_queries(pattern: str, yes: list[str], no: list[str]) -> None:
    selection = Selection([pattern])
    assert [name for name in yes + no if _chosen(selection, name)] == yes


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_header_ends_in_a_traceback(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "a.wsp"), "wb") as file:
            file.write(data)
        assert main(["verify", folder, "--deep", "--stale", "1"]) == 1
