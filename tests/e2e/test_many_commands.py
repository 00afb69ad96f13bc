"""Two hundred commands at once, each to every minion: all of them are run, none is told that somebody is busy."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from support.stacks import Parts

COMMANDS, MINIONS = 200, 3
MASTER = "schedule: {}\n"


def test_two_hundred_commands_at_once(tmp_path: Path) -> None:
    parts = Parts(tmp_path, minions=MINIONS, master=MASTER)
    answers: list[Any] = [None] * COMMANDS

    def command(n: int) -> None:
        answers[n] = parts.client.cmd("*", "test.sleep" if n % 2 else "test.echo", [0.05 if n % 2 else n], timeout=60)

    with parts.running():
        threads = [threading.Thread(target=command, args=(n,)) for n in range(COMMANDS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wanted = [dict.fromkeys(parts.stack.minion_ids, True if n % 2 else n) for n in range(COMMANDS)]
        assert answers == wanted
