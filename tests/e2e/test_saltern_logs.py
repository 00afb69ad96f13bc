"""``saltern-logs`` and ``saltern-run logs.show``: lines of many hosts as one stream."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from saltern.cli.logs import Row, merged
from saltern_master.auth.grants import Grant, covers
from saltern_master.auth.powers import Powers
from support.stacks import Parts

DAY = "2026-11-29T16:22:"
LOGS = {
    "web1": [f"{DAY}01Z one", f"{DAY}04Z four \x1b[31mred\x07", "  and more", f"{DAY}05Z five"],
    "web2": [f"{DAY}02Z two", f"{DAY}03Z three", f"{DAY}06Z six"],
    "db1": [],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Parts]:
    parts = Parts(tmp_path_factory.mktemp("stack"), ids=list(LOGS), master="schedule: {stats: false}\n")
    for minion, lines in LOGS.items():
        (folder / minion).mkdir()
        if lines:
            (folder / minion / "app.log").write_text("\n".join(lines) + "\n")
        conf = Path(parts.stack.minion_config(minion)) / "minion"
        options = yaml.safe_load(conf.read_text()) or {}
        paths = [str(folder / minion)] + [str(folder / "shared")] * minion.startswith("web")
        conf.write_text(yaml.safe_dump({**options, "log_paths": paths}))
    (folder / "shared").mkdir()
    (folder / "shared/app.log").write_text("\n".join(LOGS["web2"]) + "\n")
    with parts.running():
        yield parts


def run(parts: Parts, program: str, *words: str, code: int = 0) -> tuple[str, str]:
    argv = [sys.executable, "-m", f"saltern.cli.{program}", "-c", parts.stack.config_dir, *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done
    return done.stdout, done.stderr


def test_hosts_are_one_stream_in_the_order_of_time(parts: Parts, folder: Path) -> None:
    out, err = run(parts, "logs", "web*", str(folder / "shared/app.log"), "-n", "5")  # one file, as two hosts see it
    assert [line.split()[::2] for line in out.splitlines()] == [
        ["web2", "two"],
        ["web1", "three"],
        ["web2", "three"],
        ["web1", "six"],
        ["web2", "six"],
    ]
    link = folder / "web1/app.log"
    out, err = run(parts, "logs", "web1", str(link))
    assert err == ""
    assert out.splitlines() == [
        f"web1  {DAY}01Z one",
        f"web1  {DAY}04Z four \\x1b[31mred\\x07",  # what a host says steers no terminal
        "web1    and more",
        f"web1  {DAY}05Z five",
    ]
    assert run(parts, "logs", "web1", str(link), "-n", "1", "--force-color")[0].startswith("\x1b[0;")
    out, _ = run(parts, "run", "logs.show", "web1", str(link), "lines=2", f"until={DAY}04Z")
    assert [line.split()[1] for line in out.splitlines()] == [f"{DAY}04Z", "and"]
    out, _ = run(parts, "logs", "web1", str(link), "--match", "FIVE", "-i", "--since", f"{DAY}00Z")
    assert out == f"web1  {DAY}05Z five\n"


def test_hosts_that_fail_are_named_and_the_others_shown(parts: Parts, folder: Path) -> None:
    out, err = run(parts, "logs", "*", str(folder / "web2/app.log"), code=1)
    assert [line.split()[2] for line in out.splitlines()] == ["two", "three", "six"]
    assert out.startswith("web2  ")
    assert sorted(line.split(":")[1].strip() for line in err.splitlines()) == ["db1", "web1"]
    assert "isn't a file below" in err
    out, err = run(parts, "logs", "web*", "/etc/shadow", code=1)
    assert (out, err.count("log_paths says what is")) == ("", 2)
    _, err = run(parts, "logs", "nobody", "/var/log/x", code=2)
    assert err.startswith("No minions matched the target.")
    _, err = run(parts, "logs", "web1", code=64)
    assert "a target and a file, or --unit, are needed" in err
    out, _ = run(parts, "run", "logs.show")
    assert "logs.show(tgt, path=''" in out
    assert "as one, in the order of time" in run(parts, "run", "-d", "logs.show")[0]


def test_rows_of_many_hosts_are_merged() -> None:
    one = [Row(float(n), "a", n, str(n)) for n in range(0, 100, 2)]
    two = [Row(float(n), "b", n, str(n)) for n in range(1, 100, 2)]
    assert [row.text for row in merged([one, two], 10)] == [str(n) for n in range(90, 100)]
    assert len(list(merged([one, two, []], 1000))) == 100


def test_a_glob_grants_no_logs() -> None:
    power = Powers().of("logs.tail")
    assert not covers(Grant("*", ["logs.*"]), "logs.tail", power, None)
    assert not covers(Grant("*", ["*"]), "logs.tail", power, None)
    assert covers(Grant("*", ["logs.tail"]), "logs.tail", power, None)
