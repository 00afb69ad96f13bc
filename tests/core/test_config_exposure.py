"""Files that hold a secret and that every user can read are told; others aren't."""

from __future__ import annotations

import grp
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.config.exposure import exposures, holds_secret
from support.folders import open_to_all


@pytest.fixture
def etc() -> Iterator[Path]:
    """A folder that every user gets to, as a test's usual one isn't."""
    with open_to_all() as folder:
        (folder / "master.d").mkdir(mode=0o755)
        yield folder


def told(etc: Path, text: str, mode: int = 0o644) -> list[str]:
    (etc / "master").write_text(text)
    (etc / "master").chmod(mode)
    return list(exposures(str(etc / "master")))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("events_token: abc\n", "events_token"),
        ("timeout: 5\ncarbon_password: x\n", "carbon_password"),
        ("gitfs_remotes: ['https://me:pw@host/x.git']\n", "gitfs_remotes, with credentials in a URL"),
        ("gitfs_remotes: ['https://ghp_abc@host/x.git']\n", "gitfs_remotes, with credentials in a URL"),
        ("gitfs_remotes: [{'https://me:pw@host/x': [{root: a}]}]\n", "gitfs_remotes, with credentials in a URL"),
        ("job_db: postgresql://saltern:pw@db/jobs\n", "job_db, with credentials in a URL"),
        ("stats: {redis: {Password: x}}\n", "stats.redis.Password"),
        ("interface: !secret x\n", "interface, marked !secret"),
        ("mysql.pass: x\n", "mysql.pass"),
        ("mysql: {pass: x}\n", "mysql.pass"),
        ("a:\n  - b: !secret x\n", "a.b, marked !secret"),
    ],
)
def test_a_secret_that_all_can_read_is_told(etc: Path, text: str, what: str) -> None:
    (line,) = told(etc, text)
    assert line.startswith(f"{etc}/master: every user of this host can read it, and it holds a secret ({what}): run ")
    assert "\n" not in line
    assert line.endswith(f" {etc}/master && chmod 640 {etc}/master")
    assert told(etc, text, 0o640) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "timeout: 5\n",
        "events_token: ''\n",
        "master_key: aaaa\n",
        "bypass: 1\ncompass: x\n",
        "gitfs_remotes: ['ssh://git@host/x', 'git@host:x']\n",
        "# a !secret is what a comment tells of\n",
        "events_url: http://host/events/\n",
    ],
)
def test_without_a_secret_nothing_is_told(etc: Path, text: str) -> None:
    assert told(etc, text) == []


def test_drop_ins_count_too_and_a_closed_folder_hides_them(etc: Path) -> None:
    (etc / "master.d" / "a.conf").write_text("events_token: x\n")
    (line,) = told(etc, "timeout: 1\n")
    assert line.startswith(f"{etc}/master.d/a.conf: ")
    (etc / "master.d").chmod(0o750)
    assert told(etc, "timeout: 1\n") == []


def test_the_cure_names_the_group_of_the_one_who_reads(etc: Path) -> None:
    (line,) = told(etc, "events_token: x\n")
    assert f"run chgrp {grp.getgrgid(os.getegid()).gr_name} " in line


def test_pillar_files_are_for_some_alone(etc: Path) -> None:
    files = [str(etc / f"{number}.yaml") for number in range(7)]
    for file in files:
        Path(file).write_text("a: 1\n")
        os.chmod(file, 0o644)
    os.chmod(files[0], 0o640)
    (line,) = exposures(str(etc / "master"), [*files, str(etc / "gone.yaml")])
    assert line.startswith(f"pillar: every user of this host can read {files[1]}, ")
    assert " and 1 more, which are for some minions alone: run chgrp " in line
    assert files[6] not in line


def test_a_file_that_is_not_yaml_is_left_to_others(etc: Path) -> None:
    assert told(etc, "events_token: [\n") == []


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("auth.ldap.bindpw", True),
        ("sharedsecret", True),
        ("mysql.pass", True),
        ("sign_token", True),
        ("routing_key", True),
        ("compass", False),
        ("auth.ldap.binddn", False),
        ("publish_key", False),
    ],
)
def test_which_options_hold_a_secret(key: str, secret: bool) -> None:
    assert holds_secret(key) is secret
