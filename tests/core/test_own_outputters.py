"""Forms of the operator's own for --out: which of them are run, as whom, and what one that misbehaves costs."""

from __future__ import annotations

import io
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.cli import outputters
from saltern.cli.outputters import Look, OwnOutputter, find, shown
from saltern.config import MasterOptions, master_config
from saltern.own_code import distrusted

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
STRANGER = 65534


@pytest.fixture
def opts(tmp_path: Path) -> MasterOptions:
    (tmp_path / "dirs").mkdir()
    (tmp_path / "cache").mkdir()
    (tmp_path / "master").write_text(f"outputter_dirs: [dirs]\ncachedir: {tmp_path}/cache\n")
    return master_config(tmp_path)


@pytest.fixture
def started() -> Iterator[list[OwnOutputter]]:
    found: list[OwnOutputter] = []
    yield found
    for own in found:
        own.close()


def form(opts: MasterOptions, name: str, text: str, started: list[OwnOutputter]) -> tuple[OwnOutputter | None, Any]:
    (Path(opts["config_dir"]) / "dirs" / f"{name}.py").write_text(text)
    stream = io.StringIO()
    own = find(name, opts["config_dir"], Look(stream, None, None))
    if own is not None:
        started.append(own)
    return own, stream


def test_values_are_shown_one_after_the_other_by_one_process(opts: MasterOptions, started: list[OwnOutputter]) -> None:
    own, stream = form(opts, "one", "n = []\ndef output(data, _retcode=0):\n    n.append(data)\n"
                       "    return f'{len(n)} {data} {_retcode}\\n\\n'\n", started)  # fmt: skip
    assert shown(own, {"a": "\x1b[2J\u202e"}, 0, stream)
    assert shown(own, [b"\xff"], 2, stream)
    assert stream.getvalue() == "1 {'a': '\\\\x1b[2J\\\\u202e'} 0\n2 [b'\\xff'] 2\n"


def test_one_that_fails_is_asked_again_and_one_that_hangs_is_not(
    opts: MasterOptions,
    started: list[OwnOutputter],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "import time\ndef output(data):\n    time.sleep(100 if data == 'hang' else 0)\n    return data['key']\n"
    own, stream = form(opts, "one", text, started)
    assert not shown(own, {}, 0, stream)
    assert shown(own, {"key": 1}, 0, stream)
    assert stream.getvalue() == "1\n"
    monkeypatch.setattr(outputters, "WITHIN_S", 0.2)
    assert not shown(own, "hang", 0, stream)
    assert not shown(own, {"key": 1}, 0, stream)
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "[ERROR   ] The outputter one can't be used: KeyError: 'key'",
        "[ERROR   ] The outputter one can't be used: it took over 0.2 s",
    ]


def test_what_is_no_name_of_a_form_is_looked_for_nowhere(opts: MasterOptions) -> None:
    (Path(opts["config_dir"]) / "escape.py").write_text("raise SystemExit\n")
    for name in ("../escape", "a/b", "", ".hidden", "x" * 200):
        assert find(name, opts["config_dir"], Look(io.StringIO(), None, None)) is None


@needs_root
def test_root_runs_what_the_masters_user_wrote_as_that_user(
    opts: MasterOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Path(opts["config_dir"]) / "dirs" / "one.py"
    place.write_text("def output(data):\n    return 'x'\n")
    for path in (place, place.parent, Path(opts["cachedir"])):
        os.chown(path, STRANGER, STRANGER)
    begun: list[dict[str, Any]] = []

    def popen(argv: list[str], **kwargs: Any) -> Any:
        begun.append(kwargs)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(subprocess, "Popen", popen)
    assert find("one", opts["config_dir"], Look(io.StringIO(), None, None)) is None
    assert (begun[0]["user"], begun[0]["group"], begun[0]["extra_groups"]) == (STRANGER, 65534, [])
    os.chown(place, 0, 0)  # in his folder: he may have put it there by a link
    find("one", opts["config_dir"], Look(io.StringIO(), None, None))
    assert begun[1]["user"] == STRANGER
    os.chown(opts["cachedir"], 0, 0)  # he is a stranger now
    find("one", opts["config_dir"], Look(io.StringIO(), None, None))
    assert len(begun) == 2


@pytest.mark.parametrize(
    ("mode", "user", "why"),
    [
        (0o644, 0, ""),
        (0o100600, 5, ""),
        (0o664, 0, "others may write to it: chmod go-w"),
        (0o646, 0, "others may write to it: chmod go-w"),
        (0o644, 6, "it belongs to user 6"),
    ],
)
def test_whom_a_file_may_belong_to_and_who_may_write_it(mode: int, user: int, why: str) -> None:
    assert distrusted(os.stat_result((mode, 1, 1, 1, user, 0, 0, 0, 0, 0)), {0, 5}) == why


def test_a_program_that_has_many_files_open(opts: MasterOptions, started: list[OwnOutputter]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    null = os.open(os.devnull, os.O_RDONLY)
    many = [os.dup(null) for _ in range(1100)]
    try:
        own, stream = form(opts, "one", "def output(data):\n    return str(data)\n", started)
        assert shown(own, 5, 0, stream)
    finally:
        for descriptor in (null, *many):
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
