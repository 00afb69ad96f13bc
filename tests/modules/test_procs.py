"""The collector procs: chosen programs, on built trees and on this host's own processes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors import procs
from saltern_modules.collectors.explained import unnamed
from saltern_modules.collectors.source import Source
from support.trees import fault_of, plant

TICKS, PAGE = procs.TICKS_PER_S, procs.PAGE_BYTES


def process(
    pid: int, name: str, command: str = "", *, ticks: int = 0, started: int = 100, io: int = 0
) -> dict[str, str]:
    numbers = ["S", "1", "1", "1", "0", "-1", "4194304", "0", "0", "0", "0", str(ticks), str(ticks), "0", "0", "20"]
    numbers += ["0", "3", "0", str(started), "4096000", "10", "0"]
    files = {
        f"proc/{pid}/stat": f"{pid} ({name[:15]}) {' '.join(numbers)}\n",
        f"proc/{pid}/comm": f"{name[:15]}\n",
        f"proc/{pid}/cmdline": command.replace(" ", "\0") + "\0" if command else "",
        f"proc/{pid}/fd/0": "",
    }
    if io:
        files[f"proc/{pid}/io"] = f"rchar: 9\nwchar: 9\nread_bytes: {io}\nwrite_bytes: {2 * io}\n"
    return files


def watch(root: Path, *match: str, **files: Any) -> procs.Procs:
    plant(root, {"proc/uptime": "100.00 50.00\n"})
    return procs.Procs(Source(str(root / "proc"), str(root / "sys")), {"match": list(match)})


def test_what_fits_is_summed_up(tmp_path: Path) -> None:
    plant(tmp_path, {**process(7, "nginx", io=10), **process(8, "nginx", started=200), **process(9, "bash")})
    collector = watch(tmp_path, "nginx", "nothing")
    first = collector.collect(10.0)
    fds = first["nginx"].pop("fds")
    assert fds > 0
    assert first == {
        "nginx": {
            "count": 2,
            "threads": 6,
            "rss_bytes": 20 * PAGE,
            "cpu_ms": 0.0,
            "restarts": 0,
            "uptime_seconds": 100.0 - 100 / TICKS,
            "read_bytes": 0,
            "write_bytes": 0,
        },
        "nothing": {"count": 0, "cpu_ms": 0.0, "restarts": 0},
        "left_out": 0,
    }
    plant(tmp_path, {**process(7, "nginx", ticks=TICKS, io=30), **process(8, "nginx", ticks=TICKS // 2, started=200)})
    second = collector.collect(20.0)
    assert second["nginx"]["cpu_ms"] == 3000.0
    assert second["nginx"]["cpu_percent"] == 30.0
    assert (second["nginx"]["read_bytes"], second["nginx"]["write_bytes"]) == (20, 40)
    assert second["nginx"]["read_bytes_per_s"] == 2.0
    assert not list(unnamed("procs", second))


def test_a_counter_does_not_fall_when_a_process_ends_and_counts_a_new_one_whole(tmp_path: Path) -> None:
    plant(tmp_path, {**process(7, "a"), **process(8, "a", ticks=TICKS)})
    collector = watch(tmp_path, "a")
    collector.collect(1.0)
    shutil.rmtree(tmp_path / "proc/8")
    old = process(10, "a", ticks=TICKS, started=50)
    plant(tmp_path, {**process(9, "a", ticks=TICKS, started=110 * TICKS), **old, "proc/uptime": "120.00 1"})
    collector.files.begin()
    assert collector.collect(2.0)["a"]["cpu_ms"] == 2000.0, "the one that began before has not used it since"
    plant(tmp_path, {**process(9, "a", ticks=1, started=130 * TICKS), "proc/uptime": "140.00 1"})
    collector.files.begin()
    assert collector.collect(3.0)["a"]["cpu_ms"] == 2000.0 + 2000.0 / TICKS, "the number is another process's by now"


def test_restarts_are_of_the_oldest(tmp_path: Path) -> None:
    plant(tmp_path, {**process(7, "a"), **process(8, "a", started=200)})
    collector = watch(tmp_path, "a")
    restarts = [collector.collect(1.0)["a"]["restarts"]]
    for gone, come in (([8], 300), ([7, 10], 400), ([11], None), ([], 500)):
        for pid in gone:
            shutil.rmtree(tmp_path / f"proc/{pid}")
        if come:
            plant(tmp_path, process({300: 10, 400: 11, 500: 12}[come], "a", started=come))
        restarts.append(collector.collect(1.0)["a"]["restarts"])
    assert restarts == [0, 0, 1, 1, 2]
    plant(tmp_path, process(13, "a", started=1))
    assert collector.collect(1.0)["a"]["restarts"] == 2, "an older one that fits by now is no restart"
    shutil.rmtree(tmp_path / "proc/13")


@pytest.mark.parametrize(
    ("pattern", "name", "command", "expected"),
    [
        ("nginx", "nginx", "nginx: worker process", True),
        ("nginx", "nginx-debug", "", False),
        ("php-fpm*", "php-fpm8.2", "php-fpm: pool www", True),
        ("a-very-long-program-name", "a-very-long-pro", "/usr/bin/a-very-long-program-name --x", True),
        ("python3 *celery*", "python3", "python3 -m celery worker", True),
        ("python3 *celery*", "python3", "python3 -m http.server", False),
        ("/usr/bin/java *", "java", "/usr/bin/java -jar x.jar", True),
        ("java", "main", "/usr/bin/java -jar x.jar", True),
        ("*celery*", "python3", "python3 -m celery worker", True),
        ("nginx", "vim", "vim nginx", False),
        ("kworker*", "kworker/0:1", "", True),
    ],
)
def test_patterns(pattern: str, name: str, command: str, expected: bool) -> None:
    assert procs.fits(pattern, name, command) is expected


def test_a_child_that_becomes_another_program_is_found(tmp_path: Path) -> None:
    plant(tmp_path, process(7, "bash", "bash"))
    collector = watch(tmp_path, "nginx")
    assert collector.collect(1.0)["nginx"]["count"] == 0
    plant(tmp_path, process(7, "nginx", "nginx"))
    assert collector.collect(2.0)["nginx"]["count"] == 1
    plant(tmp_path, process(7, "bash", "bash"))
    assert collector.collect(3.0)["nginx"]["count"] == 1, "it was looked at twice"
    for _ in range(procs.LOOK_AGAIN_EVERY):
        last = collector.collect(4.0)
    assert last["nginx"]["count"] == 0


def test_processes_are_bounded_and_the_rest_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procs, "MAX_PROCESSES", 2)
    plant(tmp_path, {name: text for pid in range(5) for name, text in process(pid + 1, "a").items()})
    found = watch(tmp_path, "a").collect(1.0)
    assert (found["a"]["count"], found["left_out"]) == (2, 3)


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ([""], "holds an empty entry"),
        (["a", "a"], "would both be called 'a'"),
        (["a=x", "a=y"], "'x' and 'y' would both be called 'a'"),
        (["left_out=x"], "is taken"),
        (["a"] * 201, "may name 200 at most, not 201"),
    ],
)
def test_a_wrong_pattern_is_one_clear_line(tmp_path: Path, match: list[str], message: str) -> None:
    assert re.search(f"stats: procs: match.*{message}", fault_of(tmp_path, {"procs": {"match": match}}))


def test_names_of_patterns() -> None:
    assert [label for label, _ in procs.named(["nginx", "celery=python3 *celery*", "a b", "a_b"], procs._label)] == [
        "nginx",
        "celery",
        "a_b",
        "a__b",
    ]


def test_a_real_process(tmp_path: Path) -> None:
    code = "import sys, time\nwhile time.process_time() < 0.05: pass\nprint('ready', flush=True); sys.stdin.read()"
    marker = f"saltern-test-{tmp_path.name}"
    argv = [sys.executable, "-c", code, marker]
    collector = procs.Procs(Source(), {"match": [f"own=*{marker}*"]})
    assert collector.collect(1.0)["own"]["count"] == 0
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        found = collector.collect(2.0)["own"]
        child.communicate()
    assert (found["count"], found["threads"]) == (1, 1)
    assert found["rss_bytes"] > 1 << 20
    assert found["fds"] >= 3
    assert found["cpu_ms"] > 0
    gone = collector.collect(3.0)["own"]
    assert (gone["count"], gone["cpu_ms"]) == (0, found["cpu_ms"])


@given(data=st.binary(max_size=300))
def test_garbage_is_no_process(data: bytes) -> None:
    assert procs.parse_stat(data) is None or data.find(b"(") > 0
    procs.parse_command(data)
    assert all(value >= 0 for value in procs.parse_io(data).values())
