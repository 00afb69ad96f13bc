"""A configuration that this user may not read, as an ordinary user's commands tell of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.folders import open_to_all

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
USER = 61234


AS_USER = f"""
import os, sys
import saltern.cli.run
for folder in sys.argv[1:3]:  # what is imported on the way may be where an ordinary user may not read
    saltern.cli.run.main(["-c", folder, "manage.up"])
sys.argv[1:3] = []
print(file=sys.stderr)
os.setresgid({USER}, {USER}, {USER})
os.setgroups([])
os.setresuid({USER}, {USER}, {USER})
sys.exit(saltern.cli.run.main(sys.argv[1:]))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_to_all() as folder:
        yield folder


def told(*words: str) -> tuple[int, str]:
    """Return the exit code of ``saltern-run``, run by an ordinary user, and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", AS_USER, "/nowhere/at/all", os.path.dirname(__file__), *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd="/",
    )
    return done.returncode, done.stderr.rpartition("\n\n")[2]


def test_a_folder_that_may_not_be_looked_into(folder: Path) -> None:
    (folder / "etc" / "more").mkdir(parents=True)
    (folder / "etc").chmod(0o700)
    for path in (folder / "etc", folder / "etc" / "more"):
        code, said = told("-c", str(path), "manage.up")
        assert code == 78
        assert said == (
            f"saltern-run: {path}: can't be read, and was named as the configuration: Permission denied: run it as "
            "root, or as the user that owns it\n"
        )


def test_a_file_that_may_say_where_the_master_is(folder: Path) -> None:
    main = folder / "master"
    main.write_text(f"sock_dir: {folder}\n")
    main.chmod(0o600)
    code, said = told("-c", str(folder), "manage.up")
    assert code == 69
    assert said.endswith(f"; {main} can't be read by this user, and may say where\n")
    main.chmod(0o644)
    code, said = told("-c", str(folder), "manage.up")
    assert code == 69
    assert "can't be read" not in said
