"""What a minion is told and keeps: nothing that changes while it is on its way in is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from saltern import wire
from saltern.config import MasterOptions
from saltern.digest import digest_of
from saltern.keystore import ACCEPTED, KeyStore
from support.masters import FakeAgent, running, until


def have(welcome: wire.Message) -> dict[str, str]:
    """Return what an agent says it has once it took over a *welcome*."""
    body = welcome.body
    return {"schedule": digest_of(body["schedule"]), "pillar": digest_of(body["pillar"]), "modules": body["modules"]}


async def welcomed(master: Any, web01: FakeAgent) -> wire.Message:
    web01.hello()
    welcome = await web01.receive()
    assert welcome.type == "welcome"
    return welcome


async def attach(master: Any, web01: FakeAgent, has: dict[str, str]) -> None:
    web01.jobs = web01._connect("publish")
    web01.jobs.send(wire.pack("attach", 0, {"boot": 1.0, "grains": {"os": "Test"}, "have": has}))
    await until(lambda: master.fleet.is_present("web01"))


async def next_told(web01: FakeAgent, count: int) -> list[str]:
    """Return the types of the next *count* messages, which are all before a last one that was asked for."""
    return [(await web01.receive(web01.jobs)).type for _ in range(count)]


def test_what_changed_between_welcome_and_attach_is_told(options: MasterOptions, tmp_path: Path) -> None:
    main = Path(options["conf_file"])
    (tmp_path / "pillar.yaml").write_text("a: 1\n")
    main.write_text(main.read_text() + "pillar_files: {'*': [pillar.yaml]}\n")
    changed: MasterOptions = {**options, "auto_accept": True, "pillar_files": {"*": ["pillar.yaml"]}}

    async def scenario() -> None:
        async with running(changed) as master:
            web01 = FakeAgent(master, "web01")
            try:
                welcome = await welcomed(master, web01)
                main.write_text(main.read_text() + "schedule: {mine: {function: a.b, seconds: 5}}\n")
                (tmp_path / "pillar.yaml").write_text("a: 2\n")
                (tmp_path / "srv" / "_modules" / "mine.py").write_text("def b():\n    return 1\n")
                master.reload()
                assert await master.briefing.update_files()
                await attach(master, web01, have(welcome))
                told = {}
                for _ in range(3):
                    message = await web01.receive(web01.jobs)
                    told[message.type] = message.body
                assert sorted(told) == ["modules", "pillar", "schedule"]
                assert sorted(told["schedule"]["schedule"]) == ["mine", "stats"]
                assert told["modules"]["digest"] != welcome.body["modules"]
                assert "mine" in [name for minion, name, _ in master.accounting.rows(1.0) if minion == "web01"]
            finally:
                web01.close()

    asyncio.run(scenario())


def test_who_has_all_of_it_is_told_nothing(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running({**options, "auto_accept": True}) as master:
            web01 = FakeAgent(master, "web01")
            try:
                await attach(master, web01, have(await welcomed(master, web01)))
                # What comes next is what is sent next: nothing was before it.
                assert master.fleet.send("web01", wire.pack("last", 0, {}))
                assert await next_told(web01, 1) == ["last"]
            finally:
                web01.close()

    asyncio.run(scenario())


def test_a_change_is_expected_of_minions_that_are_away_too(options: MasterOptions) -> None:
    main = Path(options["conf_file"])

    async def scenario() -> None:
        async with running({**options, "auto_accept": True}) as master:
            web01 = FakeAgent(master, "web01")
            await web01.join()
            web01.close()
            await until(lambda: not master.fleet.is_present("web01"))
            main.write_text(main.read_text() + "schedule: {mine: {function: a.b, seconds: 5}}\n")
            master.reload()
            await until(lambda: "mine" in [name for minion, name, _ in master.accounting.rows(1.0)])
            assert "web01" in [minion for minion, name, _ in master.accounting.rows(1.0) if name == "mine"]

    asyncio.run(scenario())


def test_slips_are_said_when_the_configuration_is_read_again(
    options: MasterOptions, caplog: pytest.LogCaptureFixture
) -> None:
    main = Path(options["conf_file"])

    async def scenario() -> None:
        async with running(options) as master:
            main.write_text(main.read_text() + f"pillar_roots: {{base: [{main.parent}/gone]}}\n")
            main.write_text(main.read_text() + "nodegroups: {a: x, a: y}\n")
            master.reload()

    asyncio.run(scenario())
    said = [record.getMessage() for record in caplog.records if "no folder is found" in record.getMessage()]
    assert len(said) == 1
    assert caplog.text.count("nodegroups: a is set twice, first on line ") == 1
    assert said[0].endswith(f": pillar_roots: base: no folder is found at {main.parent}/gone")


def test_what_modules_can_do_is_known_before_any_minion_has_them(options: MasterOptions, tmp_path: Path) -> None:
    module = tmp_path / "srv" / "_modules" / "own.py"
    module.write_text("__powers__ = {'look': 'reads'}\ndef look(): return 1\n")

    async def scenario() -> None:
        async with running({**options, "auto_accept": True, "fileserver_update_interval": 3600}) as master:
            web01 = FakeAgent(master, "web01")
            try:
                await web01.join()
                assert master.powers.of("own.look") == "reads"
                module.write_text("__powers__ = {'look': 'runs'}\ndef look(): return 2\n")
                assert "_modules/own.py" in (await web01.call("modules"))["result"]["files"]
                assert master.powers.of("own.look") == "runs"
            finally:
                web01.close()

    asyncio.run(scenario())


def test_a_faulty_pillar_file_takes_nothing_from_minions_when_the_configuration_is_read_again(
    options: MasterOptions, tmp_path: Path
) -> None:
    main = Path(options["conf_file"])
    pillar = tmp_path / "pillar.yaml"
    pillar.write_text("a: 1\n")
    main.write_text(main.read_text() + "pillar_files: {'*': [pillar.yaml]}\n")

    async def scenario() -> None:
        changed: MasterOptions = {**options, "auto_accept": True, "pillar_files": {"*": ["pillar.yaml"]}}
        async with running(changed) as master:
            web01 = FakeAgent(master, "web01")
            try:
                assert (await welcomed(master, web01)).body["pillar"] == {"a": 1}
                pillar.write_text("a: [\n")
                master.reload()
                assert (await web01.call("pillar"))["result"] == {"a": 1}
            finally:
                web01.close()

    asyncio.run(scenario())


def test_options_that_wait_for_a_restart_are_named(options: MasterOptions, caplog: pytest.LogCaptureFixture) -> None:
    main = Path(options["conf_file"])

    async def scenario() -> None:
        async with running(options) as master:
            main.write_text(main.read_text() + "max_pending_keys: 5\nschedule: {stats: false}\n")
            master.reload()

    asyncio.run(scenario())
    (line,) = [line for line in caplog.messages if "wait for a restart" in line]
    assert line == "these options wait for a restart of the master: max_pending_keys"


def test_an_entry_that_is_for_nobody_is_said_at_the_start_and_after_a_change(
    options: MasterOptions, caplog: pytest.LogCaptureFixture
) -> None:
    main = Path(options["conf_file"])
    schedule: dict[str, Any] = {
        "stats": {"function": "stats.collect", "seconds": 15},
        "lost": {"function": "a.b", "seconds": 60, "target": "nosuch*"},
    }
    KeyStore(options["pki_dir"]).create()
    KeyStore(options["pki_dir"]).put(ACCEPTED, "web01", "A" * 40)

    async def scenario() -> None:
        async with running({**options, "schedule": schedule}) as master:
            await until(lambda: "schedule: lost: its target matches no accepted minion" in caplog.text)
            main.write_text(main.read_text() + "schedule: {other: {function: a.b, seconds: 5, target: 'G@os:X'}}\n")
            master.reload()
            await until(lambda: "schedule: other: its target matches no accepted minion" in caplog.text)
        assert "schedule: stats: its target" not in caplog.text

    asyncio.run(scenario())
