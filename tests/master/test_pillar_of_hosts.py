"""Pillars of hosts: which devices they name, what of them is a device's own; nothing claimed has a part in it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.config.master import DEFAULTS
from saltern.digest import digest_of
from saltern.secret import Secret
from saltern.wire import pack, unpack
from saltern_master.pillar import keeper
from saltern_master.pillar.compile import Compiler, Request
from saltern_master.pillar.ext import run_ext
from saltern_master.pillar.keeper import Pillars
from saltern_master.pillar.settings import Settings
from support.masters import FakeAgent, running, until

HOST = "base:\n  'host*': [devices]\n  '*': [all]\n"
NAMED = "proxy:\n  d1: {proxytype: rest_sample, url: 'http://d1/'}\n  d2: {proxytype: dummy, id: other}\n"
IDS = "proxy: {proxytype: deltaproxy, ids: [d1]}\n"


class Tree:
    """A folder of pillar's, and a master's options for it."""

    def __init__(self, root: Path) -> None:
        self.root = root / "pillar"
        self.root.mkdir()
        self.options: Any = {
            **DEFAULTS,
            "pillar_roots": {"base": [str(self.root)]},
            "config_dir": str(root),
            "conf_file": str(root / "master"),
            "cachedir": str(root / "cache"),
            "file_roots": {"base": [str(root / "files")]},
        }

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.root / f"{name}.sls").write_text(text)


class Said:
    """Stands for the delegations: notes what pillars say, and gives out what the test wants."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any, bool, bool]] = []
        self.devices: dict[str, tuple[str, ...]] = {}
        self.entries: dict[str, Mapping[str, Any]] = {}
        self.unknown: dict[str, str] = {}

    def from_pillar(self, host: str, pillar: Mapping[str, Any], *, claimed: bool, more: bool) -> None:
        self.heard.append((host, pillar.get("proxy", pillar), claimed, more))
        self.unknown = {device: of for device, of in self.unknown.items() if of != host}

    def hosts(self, device: str) -> tuple[str, ...]:
        return self.devices.get(device, ())

    def named(self, device: str) -> Mapping[str, Any] | None:
        return self.entries.get(device)

    def awaited(self, device: str) -> str | None:
        return self.unknown.get(device)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@asynccontextmanager
async def keeping(tree: Tree, said: Any, minions: list[str], **options: Any) -> AsyncIterator[Pillars]:
    pillars = Pillars({**tree.options, **options}, lambda name: {"id": name}, lambda: minions, said)
    task = asyncio.create_task(pillars.run())
    try:
        yield pillars
    finally:
        task.cancel()
        await asyncio.wait([task])


def test_each_pillar_is_handed_on_hosts_first_and_the_last_says_so(tree: Tree) -> None:
    tree.write(top=HOST, devices=IDS, all="a: 1\n")
    said = Said()
    said.devices = {"d1": ("host1",)}

    async def scenario() -> None:
        async with keeping(tree, said, ["d1", "host1", "host2", "web1"], pillar_workers=1) as pillars:
            await until(lambda: len(said.heard) == 4)
            proxy = {"proxytype": "deltaproxy", "ids": ["d1"]}
            assert said.heard == [
                ("host1", proxy, False, True),
                ("host2", proxy, False, True),
                ("web1", {}, False, False),
                ("d1", {}, False, False),  # what a device's own pillar says delegates nothing
            ]
            said.heard.clear()
            tree.write(devices="a: {{ 1/0 }}\n")
            await pillars.fresh("host1")
            await until(lambda: len(said.heard) == 2)
            assert sorted(host for host, *_ in said.heard) == ["host1", "host2"]
            assert all(list(heard) == ["_errors"] for _, heard, _, _ in said.heard)

    asyncio.run(scenario())


@pytest.mark.parametrize("trees", [False, True], ids=["alone", "below trees"])
def test_what_simple_files_say_is_handed_on_and_told_when_they_change(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trees: bool
) -> None:
    monkeypatch.setattr(keeper, "LOOK_EVERY_S", 0.02)
    simple, other = tmp_path / "devices.yaml", tmp_path / "other.yaml"
    simple.write_text(NAMED)
    other.write_text("a: 1\n")
    tree.write(top="base:\n  '*': [all]\n", all="b: 1\n")
    options: dict[str, Any] = {"pillar_files": {"host1": ["devices.yaml"], "web*": ["other.yaml", "missing.yaml"]}}
    if not trees:
        options["pillar_roots"] = {}
    said, told = Said(), list[str]()

    async def scenario() -> None:
        async with keeping(tree, said, ["host1", "web1"], **options) as pillars:
            await until(lambda: len(said.heard) == 2)
            said.heard.clear()
            pillars.on_changed = told.append
            simple.write_text("proxy:\n  d3: {proxytype: dummy}\n")
            os.utime(simple, ns=(1, 1))
            await until(lambda: told)
            assert (said.heard, told) == ([("host1", {"d3": {"proxytype": "dummy"}}, False, False)], ["host1"])
            said.heard.clear()
            simple.write_text("proxy:\n  d4: {proxytype: dummy}\n")
            os.utime(simple, ns=(2, 2))
            assert list((await pillars.fresh("host1"))["proxy"]) == ["d4"]  # asked for, it is in force at once
            assert [proxy for _, proxy, _, _ in said.heard] == [{"d4": {"proxytype": "dummy"}}]
            told.clear()
            (tmp_path / "missing.yaml").write_text("c: 1\n")
            await until(lambda: told)
            assert told == ["web1"]

    asyncio.run(scenario())


def test_what_trees_said_is_gone_with_them(tree: Tree, tmp_path: Path) -> None:
    tree.write(top=HOST, devices=IDS, all="a: 1\n")
    (tmp_path / "devices.yaml").write_text(NAMED)
    simple: Any = {**tree.options, "pillar_roots": {}, "pillar_files": {"host1": ["devices.yaml"]}}
    said = Said()

    async def scenario() -> None:
        async with keeping(tree, said, ["host1", "web1"]) as pillars:
            await until(lambda: len(said.heard) == 2)
            said.heard.clear()
            pillars.reread(simple)
            assert [(host, sorted(proxy)) for host, proxy, _, _ in said.heard] == [
                ("host1", ["d1", "d2"]),
                ("web1", []),
            ]

    asyncio.run(scenario())


def test_a_device_that_its_host_names_has_that_entry_alone_as_proxy(tree: Tree) -> None:
    tree.write(top="base:\n  '*': [devices]\n", devices=NAMED + "other: 1\n")
    said = Said()
    said.devices = {"d1": ("host1",)}
    said.unknown = {"d1": "host1"}

    async def scenario() -> None:
        async with keeping(tree, said, ["d1", "host1"]) as pillars:
            assert not pillars.ready("d1")
            whole = await pillars.current("d1")
            assert sorted(whole["proxy"]) == ["d1", "d2"]  # nobody named it so far
            said.unknown = {"d1": "host1"}
            assert not pillars.ready("d1")  # the host's was compiled, with errors
            assert pillars.of("d1") == {"other": 1}
            said.unknown = {}
            said.entries = {"d1": {"proxytype": "rest_sample", "password": Secret("s")}}
            for pillar in (pillars.of("d1"), await pillars.current("d1"), await pillars.fresh("d1")):
                assert pillar == {"proxy": {"proxytype": "rest_sample", "password": Secret("s")}, "other": 1}
            assert (await pillars.made("d1", override={"other": 2}))["proxy"] == said.entries["d1"]
            assert pillars.digest("d1") == digest_of(pillars.of("d1"))
            different = {min(ids): data["proxy"] for data, ids in pillars.different(["d1", "host1"])}
            assert different["d1"] == said.entries["d1"]
            assert sorted(different["host1"]) == ["d1", "d2"]

    asyncio.run(scenario())


def test_what_pillar_files_give_names_devices_too_and_is_read_again(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "of_host.yaml").write_text(IDS)
    said = Said()
    none = {"pillar_roots": {"base": []}, "pillar_files": {"host*": ["of_host.yaml"]}, "pillar_workers": 1}

    async def scenario() -> None:
        async with keeping(tree, said, ["host1", "web1"], **none) as pillars:
            await until(lambda: len(said.heard) == 2)
            assert said.heard == [
                ("host1", {"proxytype": "deltaproxy", "ids": ["d1"]}, False, True),
                ("web1", {}, False, False),
            ]
            said.entries = {"web1": {"proxytype": "x"}}
            assert pillars.of("web1") == await pillars.made("web1") == {"proxy": {"proxytype": "x"}}
            said.heard.clear()
            (tmp_path / "of_host.yaml").write_text(NAMED)
            os.utime(tmp_path / "of_host.yaml", (1, 1))  # however coarse the time of files is
            pillars.reread({**tree.options, **none})
            assert sorted(said.heard[0][1]) == ["d1", "d2"]

    asyncio.run(scenario())


CLAIMED = {
    "a template": {"devices": "{% if grains.role == 'host' %}" + IDS + "{% endif %}"},
    "a template of one entry": {"devices": "proxy: {d1: {proxytype: dummy, where: {{ grains.role }}}}\n"},
    "a target": {"top": "base:\n  'G@role:host': [{match: compound}, devices]\n", "devices": IDS},
    "an included file": {"devices": "include: [more]\na: 1\n", "more": "{{ grains.role }}: 1\n" + IDS},
    "a file that includes": {"devices": "include: [more]\n{{ grains.role }}: 1\n", "more": IDS},
    "a file below a key": {
        "devices": "include: [{more: {key: proxy}}]\n",
        "more": "d1: {proxytype: dummy, a: '{{ grains.role }}'}\n",
    },
    "a file two below a key": {
        "devices": "include: [{more: {key: proxy}}]\n",
        "more": "include: [last]\nd2: {proxytype: dummy}\n",
        "last": "d1: {proxytype: dummy, a: '{{ grains.role }}'}\n",
    },
    "one of several files": {
        "top": "base:\n  '*': [devices, more]\n",
        "devices": "proxy: {d1: {proxytype: dummy}}\n",
        "more": "proxy: {d2: {proxytype: dummy, a: '{{ grains.role }}'}}\n",
    },
    "a top file": {"top": "base:\n  '{{ grains.id if grains.role else 1 }}': [devices]\n", "devices": IDS},
}
PROVEN = {
    "by the id": {"devices": "{% if grains.id == 'host1' %}" + IDS + "{% endif %}"},
    "beside what is claimed": {
        "top": "base:\n  '*': [devices, more]\n",
        "devices": IDS,
        "more": "role: {{ grains.role }}\n",
    },
}


def compiled(tree: Tree, files: Mapping[str, str], **options: Any) -> Any:
    tree.write(**{"top": "base:\n  'host*': [devices]\n", **files})
    compiler = Compiler(Settings.of({**tree.options, **options}), run_ext)
    compiler.tree.look()
    found = compiler.compile(Request("host1", {"role": "host"}))
    assert found.errors == []
    assert "proxy" in found.pillar
    return found


@pytest.mark.parametrize("how", CLAIMED)
def test_a_proxy_in_which_grains_have_a_part_is_claimed(tree: Tree, how: str) -> None:
    assert compiled(tree, CLAIMED[how]).proxy_claimed


@pytest.mark.parametrize("how", PROVEN)
def test_a_proxy_of_the_id_alone_is_not(tree: Tree, how: str) -> None:
    assert not compiled(tree, PROVEN[how]).proxy_claimed


def test_an_external_pillar_that_reads_grains_claims_what_it_gives_and_what_hangs_on_it(tree: Tree) -> None:
    folder = Path(tree.options["file_roots"]["base"][0]) / "_pillar"
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text(
        "def ext_pillar(minion_id, pillar, what):\n"
        "    return {what: {'proxytype': 'deltaproxy', 'ids': [__grains__['role']]}}\n"
    )
    assert compiled(tree, {"devices": "a: 1\n"}, ext_pillar=[{"mine": "proxy"}]).proxy_claimed
    files = {"devices": "proxy: {{ pillar.get('seen') | json }}\n"}
    assert compiled(tree, files, ext_pillar=[{"mine": "seen"}], ext_pillar_first=True).proxy_claimed


def test_what_grains_have_a_part_in_counts_where_an_option_says_so(tree: Tree) -> None:
    tree.write(
        top=HOST,
        devices=CLAIMED["a template"]["devices"].replace("grains.role == 'host'", "grains.id2|default(1)"),
        all="a: 1\n",
    )
    said = Said()

    async def scenario(claims_count: bool) -> None:
        async with keeping(tree, said, ["host1"], pillar_secrets_by_grains=claims_count):
            await until(lambda: said.heard)
            assert said.heard.pop()[2] is not claims_count

    asyncio.run(scenario(False))
    asyncio.run(scenario(True))


def test_over_the_wire_a_host_has_what_its_pillar_says_and_each_device_its_entry(
    options: MasterOptions, tmp_path: Path
) -> None:
    """Over real sockets: also that a device is told its pillar when that is there, and of another entry."""
    roots = tmp_path / "pillar"
    roots.mkdir()
    (roots / "top.sls").write_text("base:\n  'host1': [devices]\n")
    devices = roots / "devices.sls"
    devices.write_text(NAMED.replace("'http://d1/'", "!secret one"))
    given: MasterOptions = {**options, "auto_accept": True, "pillar_roots": {"base": [str(roots)]}}

    async def scenario() -> None:
        async with running(given) as master:
            one = FakeAgent(master, "host1")
            try:
                await one.join()
                assert (await told(one, "devices")).body["devices"] == ["d1", "other"]
                inner = pack("attach", 0, {"boot": 1.0, "grains": {"os": "Toaster"}, "have": {}})
                assert one.jobs is not None
                one.jobs.send(pack("for", 0, {"minion": "d1", "message": inner}))
                while "pillar" not in (brief := await told(one, "brief")).body:
                    pass
                assert brief.body["named"] is True
                proxy = brief.body["pillar"]["proxy"]
                assert {key: value.reveal() if key == "url" else value for key, value in proxy.items()} == {
                    "proxytype": "rest_sample",
                    "url": "one",
                }
                devices.write_text(NAMED.replace("'http://d1/'", "!secret two"))
                brief = await told(one, "brief", of="d1")
                assert brief.body["pillar"]["proxy"]["url"].reveal() == "two"
                one.send("for", 5, minion="d1", message=pack("call", 0, {"cmd": "pillar", "args": {}}))
                while (reply := await one.receive()).type != "reply":
                    pass
                assert reply.body["result"]["proxy"]["url"].reveal() == "two"
                devices.write_text("a: 1\n")
                assert (await told(one, "devices")).body["devices"] == []
                await until(lambda: not master.fleet.is_present("d1"))
            finally:
                one.close()

    asyncio.run(scenario())


async def told(one: FakeAgent, type_: str, of: str = "") -> Any:
    """Return the next message of one type for jobs, out of its envelope if it has one; *of*: for that device."""
    while True:
        message = await one.receive(one.jobs)
        whose = message.body["minions"] if message.type == "for" else [""]
        if message.type == "for":
            message = unpack(message.body["message"], secrets=True)
        if message.type == type_ and (not of or of in whose):
            return message
