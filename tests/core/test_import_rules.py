"""The lint of who may import whom finds what it is there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_rules import FOLDERS, ROOMS, ROOT, faults, room_of


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("agent/saltern_agent/a.py", "import saltern.client", "saltern_agent.a may not import saltern.client"),
        ("agent/saltern_agent/a.py", "from saltern import keystore", "may not import saltern.keystore"),
        ("modules/saltern_modules/m.py", "from saltern.local import frame", "may not import saltern.local.frame"),
        ("core/saltern/config/c.py", "from saltern.client import X", "saltern.config.c may not import"),
        ("core/saltern/wire.py", "def f():\n    import saltern.cli.key", "core/saltern/wire.py:2: "),
        ("core/saltern/wire.py", "import aiohttp", "an agent's host has no aiohttp"),
        ("agent/saltern_agent/a.py", "import saltern_master.bus", "saltern_agent may not import saltern_master.bus"),
        ("master/saltern_master/entrances/x.py", "import saltern_master.fleet", "x (entrances) may not import"),
        ("master/saltern_master/entrances/x.py", "import saltern_master.commands.registry", "(entrances) may not"),
        ("master/saltern_master/commands/x.py", "import saltern_master.entrances.local", "(commands) may not import"),
        ("master/saltern_master/auth/x.py", "import saltern_master.commands.registry", "may import ground"),
        ("master/saltern_master/inbox.py", "import saltern_master.entrances.channel.port", "inbox (flow) may not"),
        ("master/saltern_master/fleet.py", "import saltern_master.commands.context", "fleet (domain) may not"),
        ("master/saltern_master/jobs/x.py", "from saltern_master.commands import stream", "x (jobs) may not import"),
        ("master/saltern_master/complaints.py", "import saltern_master.bus", "(ground) may not import"),
        ("master/saltern_master/up/x.py", "import saltern_master.master", "(up) may not import"),
        ("master/saltern_master/keyring.py", "import saltern_master.master", "(domain) may not import"),
        ("master/saltern_master/entrances/channel/hub.py", "import saltern_master.jobs.keeper", "(hub) may not import"),
        ("master/saltern_master/new.py", "import json", "saltern_master.new is in no room"),
    ],
)
def test_what_no_one_may_import(tmp_path: Path, file: str, text: str, fault: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(text)
    found = list(faults(tmp_path))
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("core/saltern/wheel.py", "import saltern.keystore, saltern.local"),
        ("core/saltern/cli/key.py", "import saltern.wheel"),
        ("master/saltern_master/keyring.py", "import saltern.keystore"),
        ("agent/saltern_agent/a.py", "import saltern.pki"),
        (
            "master/saltern_master/master.py",
            "import saltern_master.entrances.channel.hub, saltern_master.alerts.engine",
        ),
        ("master/saltern_master/entrances/x.py", "from saltern_master.commands.stream import Stream"),
        ("master/saltern_master/entrances/channel/hub.py", "import saltern_master.jobs.tracker, saltern_master.inbox"),
        ("master/saltern_master/commands/x.py", "import saltern_master.jobs.publisher, saltern_master.commands.y"),
        ("master/saltern_master/fileserver/x/__init__.py", "from saltern_master.fileserver.x.y import Z"),
    ],
)
def test_what_may_be_imported(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(text)
    assert list(faults(tmp_path)) == []


def test_the_rooms_are_those_that_are_there() -> None:
    package = ROOT / FOLDERS["saltern_master"] / "saltern_master"
    names = {name for row in ROOMS.values() for name in row.holds.split()}
    there = {path.relative_to(package).with_suffix("").as_posix().replace("/", ".") for path in package.rglob("*")}
    assert names <= there
    assert room_of("entrances.channel.hub") == "hub"
    assert room_of("entrances.channel.hubs") == "entrances"
