"""Forms of the operator's own for --out: taken from the file server, and used by the command line."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.own_python import python_module
from support.folders import open_to_all
from support.stacks import Parts, wait_for

CSV = '''
import salt.utils.json


def __virtual__():
    return "csv_form"


def output(data, **kwargs):
    """Show a table."""
    return "\\n".join(f"{key},{salt.utils.json.dumps(value)},{kwargs.get('_retcode')}" for key, value in data.items())
'''
MORE = {
    "colours": "def output(data):\n    return f'\\x1b[31m{data}\\x1b[0m' if __opts__['color'] else str(data)\n",
    "nothing": "def output(data):\n    return None\n",
    "broken": "def output(data):\n    return data['no such key']\n",
    "exits": "import os\ndef output(data):\n    os._exit(3)\n",
    "unloadable": "import no_such_library\ndef output(data):\n    return 'x'\n",
    "by_another": "def output(data):\n    return 'as ' + __salt__['nested'](data)\n",
    "who": "import os\ndef output(data):\n    return str(os.getuid())\n",
    "csv_form": CSV,
}
FALLBACK = "[ERROR   ] Invalid outputter {} specified, fall back to nested\n"


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    with open_to_all() as folder:
        parts = Parts(
            folder / "stack", minions=2, master="schedule: {stats: false}\npublisher_acl: {nobody: [test.*]}\n"
        )
        srv = Path(parts.stack.root) / "srv"
        for name, text in MORE.items():
            place = srv / ("_outputters" if name == "who" else "_output")
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{name}.py").write_text(text)
        try:
            parts.start("master", *(name for name in parts.names if name.startswith("agent")))
            wait_for(lambda: len(parts.up()) == 2, "the agents")
            assert parts.runner.cmd("saltutil.sync_output") == sorted(f"output.{name}" for name in MORE)
            yield parts
        finally:
            parts.stop_all()


def called(parts: Parts, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    argv = python_module(f"saltern.cli.{program}", "-c", parts.stack.config_dir, *words)
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_both_commands_show_values_in_it(parts: Parts) -> None:
    done = called(parts, "run", "--out", "csv_form", "test.arg", "1", "a=b")
    assert (done.returncode, done.stdout, done.stderr) == (0, 'args,[1],0\nkwargs,{"a": "b"},0\n', "")
    done = called(parts, "salt", "--out", "csv_form", "*", "test.echo", "x")
    assert sorted(done.stdout.splitlines()) == [f'{minion},"x",0' for minion in sorted(parts.stack.minion_ids)]
    done = called(parts, "run", "--out", "by_another", "test.arg", "1")
    assert done.stdout.startswith("as args:")
    done = called(parts, "run", "--out", "nothing", "test.arg", "1")
    assert (done.stdout, done.stderr) == ("", "")


def test_colours_and_files(parts: Parts, tmp_path: Path) -> None:
    assert called(parts, "run", "--out", "colours", "fileserver.envs").stdout == "['base']\n"
    forced = called(parts, "run", "--out", "colours", "--force-color", "fileserver.envs")
    assert forced.stdout == "\x1b[31m['base']\x1b[0m\n"
    called(parts, "run", "--out", "colours", "--out-file", str(tmp_path / "file"), "fileserver.envs")
    assert (tmp_path / "file").read_text() == "['base']\n"


def test_no_minion_steers_the_terminal_by_it(parts: Parts) -> None:
    done = called(parts, "salt", "--out", "colours", "*", "test.echo", "\x1b[2J")
    assert "\x1b" not in done.stdout
    assert "x1b[2J" in done.stdout


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("broken", "can't be used: "),
        ("exits", "can't be used: its process ended"),
        ("unloadable", "No module named 'no_such_library'"),
        ("missing", ""),
        ("../../etc/passwd", ""),
    ],
)
def test_what_fails_is_said_and_shown_nested(parts: Parts, name: str, why: str) -> None:
    done = called(parts, "run", "--out", name, "fileserver.envs")
    assert (done.returncode, done.stdout) == (0, "- base\n")
    assert FALLBACK.format(name) in done.stderr
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_run_that_others_may_have_written(parts: Parts) -> None:
    folder = Path(parts.runner.opts["cachedir"]) / "extmods" / "output"
    assert called(parts, "run", "--out", "who", "fileserver.envs").stdout == f"{os.getuid()}\n"
    (folder / "who.py").chmod(0o666)
    try:
        done = called(parts, "run", "--out", "who", "fileserver.envs")
    finally:
        (folder / "who.py").chmod(0o644)
    assert done.stdout == "- base\n"
    assert "who.py is not run: others may write to it: chmod go-w" in done.stderr
    folder.chmod(0o777)
    try:
        assert called(parts, "run", "--out", "who", "fileserver.envs").stdout == "- base\n"
    finally:
        folder.chmod(0o755)


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_what_another_user_wrote_is_run_by_nobody_else(parts: Parts) -> None:
    folder = Path(parts.runner.opts["cachedir"]) / "extmods" / "output"
    os.chown(folder / "who.py", 65534, 65534)
    try:
        done = called(parts, "run", "--out", "who", "fileserver.envs")
    finally:
        os.chown(folder / "who.py", 0, 0)
    assert done.stdout == "- base\n"
    assert "who.py is not run: it belongs to user 65534" in done.stderr
