"""Targets over a master's real sockets: its grains, its pillar, its nodegroups, and what changes in them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from saltern.client import LocalClient
from saltern.config import MasterOptions, master_config
from saltern.errors import TargetTooCostly, UnknownNodegroup
from saltern.keystore import ACCEPTED
from saltern.local import LocalConnection
from saltern_master.master import Master
from support.masters import FakeAgent, running, until

IDS = ["db1", "web1", "web2"]


@pytest.fixture
def configured(options: MasterOptions) -> MasterOptions:
    folder = Path(options["config_dir"])
    (folder / "all.yaml").write_text("role: any\ntoken: !secret hunter2\n")
    (folder / "web.yaml").write_text("role: web\nports: {80: http}\n")
    text = (folder / "master").read_text() if (folder / "master").exists() else ""
    text += 'pillar_files: {"*": all.yaml, "web*": web.yaml}\nnodegroups: {web: "web*", all: "N@web or L@db1,gone"}\n'
    (folder / "master").write_text(text)
    return master_config(folder)


@contextlib.asynccontextmanager
async def fleet(options: MasterOptions) -> AsyncIterator[tuple[Master, dict[str, FakeAgent]]]:
    async with running(options) as master:
        agents = {name: FakeAgent(master, name) for name in IDS}
        try:
            for name, agent in agents.items():
                master.keystore.put(ACCEPTED, name, agent.key.public)
            await until(lambda: master.keyring.minions() == IDS)
            for agent in agents.values():
                await agent.join()
            yield master, agents
        finally:
            for agent in agents.values():
                agent.close()


def preview(options: MasterOptions, target: Any, kind: str = "glob", **more: Any) -> list[str]:
    with LocalConnection(options["sock_dir"]) as connection:
        found = connection.call("target.preview", target, kind, **more)
    assert found["problem"] == ""
    minions: list[str] = found["minions"]
    return minions


def test_a_target_is_held_against_what_the_master_hands_out_and_was_told(configured: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(configured) as (master, agents):

            async def means(target: Any, kind: str = "glob", **more: Any) -> list[str]:
                return await asyncio.to_thread(preview, configured, target, kind, **more)

            await until(lambda: master.fleet.grains_facts.indexed == len(IDS))  # before anybody asked
            assert await means("role:web", "pillar") == ["web1", "web2"]
            assert await means("ports:80:http", "pillar_exact") == ["web1", "web2"]
            assert await means("token:hunter2", "pillar") == []
            assert await means("all", "nodegroup") == IDS
            assert await means("id::web1", "grain", delimiter="::") == ["web1"]
            assert await means("*:web2", "grain") == ["web2"]
            assert await means(["N@web", "and", "not", "G@id:web1"], "compound") == ["web2"]
            assert await means(IDS[:2], "list") == IDS[:2]

            agents["web1"].send("hello", id="web1", version="test", grains={"os": "Other"}, boot=1.0)
            await until(lambda: master.fleet.grains("web1") == {"os": "Other"})
            assert await means("id:web*", "grain") == ["web2"]
            assert await means("os:other", "grain") == ["web1"]

            web = Path(configured["config_dir"]) / "web.yaml"
            web.write_text("role: shop\n")
            os.utime(web, ns=(1, 1))
            assert await means("role:shop", "pillar") == ["web1", "web2"]
            assert await means("ports:80:http", "pillar") == []

            conf = Path(configured["conf_file"])
            conf.write_text(conf.read_text().replace('web: "web*"', 'web: "db*"'))
            master.reload()
            assert await means("web", "nodegroup") == ["db1"]

            await asyncio.to_thread(master.keystore.remove, ACCEPTED, "web1")
            await until(lambda: master.keyring.minions() == ["db1", "web2"])
            assert await means("os:other", "grain") == []

    asyncio.run(scenario())


def test_a_target_that_means_nobody_starts_nothing_and_says_why(configured: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(configured):
            client = LocalClient(configured["config_dir"])

            def publish(target: Any, kind: str) -> dict[str, Any]:
                with LocalConnection(configured["sock_dir"]) as connection:
                    answer: dict[str, Any] = connection.call("job.publish", target, "test.ping", tgt_type=kind)
                    shown = connection.call("target.preview", target, kind)
                assert shown == {"minions": answer["minions"], "problem": answer["problem"]}
                return answer

            for target, kind, problem in (
                ("web1 and", "compound", "a target is missing (at character 9)"),
                ("*", "glub", "target type 'glub' is not known"),
                ("role", "pillar", "'role' has no value"),
                ("10.0.0.1/8", "ipcidr", "has host bits set"),
                ("nobody*", "glob", ""),
            ):
                answer = await asyncio.to_thread(publish, target, kind)
                assert (answer["jid"], answer["minions"], answer["unknown"]) == ("", [], [])
                assert problem in answer["problem"]
                assert bool(problem) == bool(answer["problem"])
                assert await asyncio.to_thread(client.cmd, target, "test.ping", tgt_type=kind) == {}
                assert await asyncio.to_thread(client.run_job, target, "test.ping", tgt_type=kind) == {}
            with pytest.raises(UnknownNodegroup, match=r"^Node group x unavailable in .*/master$"):
                await asyncio.to_thread(client.run_job, "x", "test.ping", tgt_type="nodegroup")
            with pytest.raises(TargetTooCostly, match="1000 are allowed"):
                await asyncio.to_thread(client.run_job, "*a" * 1000, "test.ping")
            answer = await asyncio.to_thread(publish, "all", "nodegroup")
            assert (answer["minions"], answer["unknown"], answer["problem"]) == (IDS, ["gone"], "")

    asyncio.run(scenario())
