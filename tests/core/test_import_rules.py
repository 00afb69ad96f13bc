"""The lint of who may import whom finds what it is there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_rules import FOLDERS, ROOMS_OF, ROOT, faults, room_of


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
        (
            "graphite/saltern_graphite/series/x.py",
            "import saltern_graphite.index.tree",
            "may import its own room alone",
        ),
        ("graphite/saltern_graphite/whisper/x.py", "import saltern_graphite.store.cache", "x (whisper) may not import"),
        ("graphite/saltern_graphite/functions/x.py", "import saltern_graphite.tags.index", "(functions) may not"),
        ("graphite/saltern_graphite/store/x.py", "import saltern_graphite.functions.names", "(store) may not"),
        ("graphite/saltern_graphite/receivers/x.py", "import saltern_graphite.whisper.file", "(receivers) may not"),
        ("graphite/saltern_graphite/evaluation/times.py", "import saltern_graphite.functions", "(evaluation) may not"),
        ("graphite/saltern_graphite/render/x.py", "import saltern_graphite.http.params", "x (render) may not"),
        ("graphite/saltern_graphite/http/x.py", "import saltern_graphite.database.kept", "x (http) may not"),
        ("graphite/saltern_graphite/new.py", "import json", "saltern_graphite.new is in no room"),
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
        ("graphite/saltern_graphite/evaluation/evaluator.py", "import saltern_graphite.functions.registry"),
        ("graphite/saltern_graphite/tags/x.py", "from saltern_graphite.functions.patterns import compiled"),
        ("graphite/saltern_graphite/commands/x.py", "import saltern_graphite.store.store, saltern_graphite.tools.fill"),
    ],
)
def test_what_may_be_imported(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(text)
    assert list(faults(tmp_path)) == []


@pytest.mark.parametrize("name", ROOMS_OF)
def test_the_rooms_are_those_that_are_there(name: str) -> None:
    package = ROOT / FOLDERS[name] / name
    words = {word for row in ROOMS_OF[name].values() for word in f"{row.holds} {row.may}".split()}
    there = {path.relative_to(package).with_suffix("").as_posix().replace("/", ".") for path in package.rglob("*")}
    assert words - {"*", *ROOMS_OF[name]} <= there


def test_a_file_belongs_to_the_room_that_names_it_most_exactly() -> None:
    assert room_of("entrances.channel.hub") == "hub"
    assert room_of("entrances.channel.hubs") == "entrances"
    assert room_of("evaluation.evaluator", ROOMS_OF["saltern_graphite"]) == "evaluator"
