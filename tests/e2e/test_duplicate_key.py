"""Two hosts with one key, as a cloned disk makes them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from saltern.config import master_config
from saltern.event import MasterEvent
from support.stacks import Parts, wait_for


def test_the_clone_takes_over_and_when_it_goes_the_first_is_up_at_once(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "stack", master="schedule: {stats: false}\n")
    (minion,) = parts.stack.minion_ids
    clone = None
    try:
        parts.start("master", f"agent {minion}")
        wait_for(lambda: parts.up() == [minion], "the agent")
        events = MasterEvent(master_config(parts.stack.config_dir)["sock_dir"])
        events.subscribe(f"salt/minion/{minion}/duplicate")
        config = shutil.copytree(parts.stack.minion_config(minion), tmp_path / "clone")
        (config / "minion.d" / "zz.conf").write_text(f"cachedir: {tmp_path}/clone-cache\n")
        with (tmp_path / "clone.log").open("wb") as log:
            program = Path(sys.executable).parent / "saltern-agent"
            clone = subprocess.Popen([program, "-c", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        event = events.get_event(30)
        assert event is not None
        assert event["addresses"] == ["127.0.0.1", "127.0.0.1"]
        events.close()
        first = f"agent {minion}"
        wait_for(
            lambda: "refused (duplicate): another agent with this key is connected" in parts.log(first), "its word"
        )
        assert parts.client.cmd(minion, "test.ping") == {minion: True}
        assert "two agents have the key of minion" in parts.log("master")
        clone.kill()
        clone.wait()
        wait_for(lambda: parts.log(first).count(": connected") == 2, "the first to be in charge again")
        assert parts.client.cmd(minion, "test.ping") == {minion: True}
        assert parts.up() == [minion]
        assert parts.log(first).count("refused (duplicate)") == 1
    finally:
        if clone is not None:
            clone.kill()
            clone.wait()
        parts.stop_all()
