"""How our own programs are started: nothing in the current folder may become part of them."""

from __future__ import annotations

import runpy
import subprocess
from pathlib import Path

import pytest

from saltern.own_python import python_module

LINT = runpy.run_path(str(Path(__file__).parent.parent / "import_rules.py"))


def test_the_current_folder_is_not_imported_from(tmp_path: Path) -> None:
    (tmp_path / "logging.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    argv = python_module("saltern.log", "an argument")
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert argv[-1] == "an argument"
    assert [path.name for path in tmp_path.iterdir()] == ["logging.py"]


@pytest.mark.parametrize(
    "source",
    [
        'run([sys.executable, "-m", "saltern_agent"])',
        'python = [sys.executable, "-P"]',
        'python = (interpreter, "-m", name)',
        'argv = [\n    python,\n    "-m",\n    "x"]',
    ],
)
def test_the_lint_finds_what_starts_a_python_by_hand(source: str) -> None:
    assert list(LINT["hand_made_programs"](source)) == [1]


def test_the_lint_lets_the_rest_be() -> None:
    assert list(LINT["hand_made_programs"]('fact = {"pythonexecutable": sys.executable}; flags = ["-n", m]')) == []
    assert [line for line in LINT["faults"]() if "python_module" in line] == []
