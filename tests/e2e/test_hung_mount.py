"""A mount that never answers, under a real agent: its own numbers are missing, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.mounts import fuse_without_answers
from support.stacks import Parts, wait_for

pytestmark = pytest.mark.timeout(300)

WAIT_S = 90.0
POINTS = 6
MASTER = 'schedule:\n  stats: {function: stats.collect, seconds: 1, target: "*", metrics: true}\n'
SCHEMAS = "[all]\npattern = .*\nretentions = 1s:1h\n"


def test_the_schedule_and_commands_go_on(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    parts = Parts(tmp_path / "stack", master=MASTER, minion=f"stats: {{disk: {{include_mount: ['{mounts}/*']}}}}\n")
    conf = tmp_path / "stack/graphite/conf"
    conf.mkdir(parents=True)
    (conf / "storage-schemas.conf").write_text(SCHEMAS)

    def points(name: str) -> list[tuple[float, int]]:
        return [point for row in parts.render(f"saltern.*.stats.{name}").values() for point in row]

    with parts.running():
        wait_for(lambda: points("load.1m"), "the first sample", WAIT_S)
        with fuse_without_answers(mounts / "hung"):
            hung = wait_for(lambda: [at for value, at in points("disk.*.hung") if value], "disk.*.hung", WAIT_S)[0]
            wait_for(lambda: len([at for _, at in points("load.1m") if at > hung]) >= POINTS, "more samples", WAIT_S)
            wait_for(lambda: [at for _, at in points("disk.root.percent") if at > hung], "other mounts", WAIT_S)
            for _ in range(10):
                sample = parts.call("stats.collect")
                assert sample["load"]
                assert {row["hung"] for row in sample["disk"].values()} == {0, 1}
                assert {cost["success"] for cost in sample["collector"].values()} == {1}
            assert set(parts.call("status.diskusage")) >= {"/", f"{mounts}/hung"}
            assert parts.call("test.ping") is True
            name = next(name for name in parts.names if name.startswith("agent"))
            assert parts.stop(name) == 0, "at once, though a thread of it hangs"
