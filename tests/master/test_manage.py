"""``manage.*``, ``cache.*``, ``test.*`` and ``config.*``: what the master says of its minions, and to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from saltern import __version__
from saltern.errors import ArgumentError, CommandError, NotAuthorised
from saltern.key_functions import KeyFunctions
from saltern.keystore import ACCEPTED, PENDING, KeyStore
from saltern.secret import Secret
from saltern_master.bus import EventBus
from saltern_master.commands import manage, master, options, orchestration
from saltern_master.commands.keys import commands as key_commands
from saltern_master.commands.registry import Command
from saltern_master.targeting import DataFacts, Known, Targets
from support.doors import OPTIONS, ROOT, Door, Users

ACL = {"ann": ["@runner", "@wheel"], "fred": [{"@runner": ["manage.*", "cache.*", "config.*"]}], "eve": ["test.*"]}
MINIONS = ["db1", "web1", "web2", "web3"]
GRAINS = {
    "db1": {"os": "Debian", "salternversion": "0.0.9"},
    "web1": {"os": "Debian", "salternversion": __version__},
    "web2": {"os": "RedHat", "salternversion": "99.1"},
    "web3": {"os": "Debian", "salternversion": __version__},
}
KEY = "{:a<40}"


class Fleet:
    def __init__(self) -> None:
        self.there = {"db1", "web1", "web2"}

    def present(self) -> list[str]:
        return sorted(self.there)

    def is_present(self, minion: str) -> bool:
        return minion in self.there

    is_up = is_present

    def address(self, minion: str) -> str:
        return f"192.0.2.{MINIONS.index(minion)}"

    def grains(self, minion: str) -> dict[str, Any]:
        return GRAINS[minion]


class Here(Door):
    def __init__(self, folder: Path) -> None:
        self.store = KeyStore(str(folder))
        self.store.create()
        for number, name in enumerate(MINIONS):
            self.store.put(ACCEPTED, name, KEY.format(number))
        self.bus = EventBus(1000)
        self.looks = 0
        modules = (manage, master, options, orchestration)
        commands = [one for module in modules for one in vars(module).values() if isinstance(one, Command)]
        commands += [*manage.presence_commands(), *key_commands(KeyFunctions(self.store))]
        super().__init__(ACL, commands, Users(ann=(), fred=(), eve=()))
        self.services.keyring = SimpleNamespace(
            minions=lambda: sorted(self.store.ids(ACCEPTED)), delegations=SimpleNamespace(all=dict)
        )
        self.services.fleet = fleet = Fleet()
        pillar = DataFacts(lambda name: {"role": name})
        self.services.targets = Targets(OPTIONS, Known(DataFacts(fleet.grains), pillar))
        self.services.bus = self.bus
        self.services.keystore = self.store
        self.services.key_refresh = SimpleNamespace(now=self._look)
        self.services.briefing = SimpleNamespace(pillar_of=lambda name: {"of": name, "password": Secret("hunter2")})
        self.services.options = {"timeout": 5.0, "file_roots": {"base": ["/srv", "/x"]}, "key": Secret("hunter2")}

    async def _look(self) -> None:
        self.looks += 1

    def ask(self, name: str, *args: Any, who: Any = ROOT, **kwargs: Any) -> Any:
        return asyncio.run(self.call(who, name, *args, **kwargs))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    made = Here(tmp_path)
    yield made
    made.dispatcher.close()


def test_who_is_there_is_said_at_once(here: Here) -> None:
    assert here.ask("runner.manage.status") == {"up": ["db1", "web1", "web2"], "down": ["web3"]}
    assert here.ask("runner.manage.status", tgt="web*", timeout=1) == {"up": ["web1", "web2"], "down": ["web3"]}
    assert here.ask("runner.manage.status", tgt="os:Debian", tgt_type="grain") == {
        "up": ["db1", "web1"],
        "down": ["web3"],
    }
    assert here.ask("runner.manage.status", tgt="zz") == {"up": [], "down": []}
    by_pillar = {"tgt": "role:web*", "tgt_type": "pillar"}
    assert here.ask("runner.manage.up", **by_pillar) == ["web1", "web2"]
    assert here.ask("runner.manage.up", **by_pillar, who="fred") == []  # a glob would tell him of it letter by letter
    assert here.ask("runner.manage.up", tgt=["web1", "web3"], tgt_type="list") == ["web1"]
    assert here.ask("runner.manage.down") == ["web3"]
    assert here.ask("runner.manage.down", tgt="db*") == []
    assert here.looks == 0


@pytest.mark.parametrize("name", ["present", "joined", "allowed", "alived", "reaped", "list_state"])
def test_presence_has_each_of_its_names(here: Here, name: str) -> None:
    away = "list_not_state" if name == "list_state" else f"not_{name}"
    assert here.ask(f"runner.manage.{name}") == ["db1", "web1", "web2"]
    assert here.ask(f"runner.manage.{name}", subset=["web1", "web3"]) == ["web1"]
    assert here.ask(f"runner.manage.{name}", "web1,db1", True) == {"db1": "192.0.2.0", "web1": "192.0.2.1"}
    assert here.ask(f"runner.manage.{away}") == ["web3"]
    assert here.ask(f"runner.manage.{away}", subset=["web1"]) == []
    assert f"manage.{away}" in here.registry.get(f"runner.manage.{away}").description  # type: ignore[union-attr]


def test_keys_of_those_that_are_away_go_only_by_who_may_delete_keys(here: Here) -> None:
    here.store.put(PENDING, "web3", KEY.format(9))
    for who in ("fred", "eve"):
        with pytest.raises(NotAuthorised):
            here.ask("runner.manage.down", True, who=who)
    assert here.ask("runner.manage.down", who="fred") == ["web3"]
    assert sorted(here.store.ids(ACCEPTED)) == MINIONS

    async def scenario() -> None:
        heard = here.bus.subscribe("salt/key")
        assert await here.call("ann", "runner.manage.down", removekeys=True) == ["web3"]
        assert [{**event.data, "_stamp": ""} for event in await heard.batch()] == [
            {"result": True, "act": "delete", "id": "web3", "from": "master", "_stamp": ""}
        ]

    asyncio.run(scenario())
    assert sorted(here.store.ids(ACCEPTED)) == MINIONS[:-1]
    assert here.store.ids(PENDING) == ["web3"]
    assert here.looks == 1


def test_what_becomes_of_a_key_is_told(here: Here) -> None:
    here.store.put(PENDING, "new1", KEY.format(10))

    async def scenario() -> None:
        heard = here.bus.subscribe("salt/key")
        await here.call("ann", "wheel.key.list_all")
        await here.call("ann", "wheel.key.accept", "new*")
        await here.call("ann", "wheel.key.reject", "new1", include_accepted=True)
        await here.call("ann", "wheel.key.delete", "new1")
        await here.call("ann", "wheel.key.delete", "new1")
        assert [(event.data["act"], event.data["id"], event.data["result"]) for event in await heard.batch()] == [
            ("accept", "new1", True),
            ("reject", "new1", True),
            ("delete", "new1", True),
        ]

    asyncio.run(scenario())


def test_versions_beside_the_masters(here: Here) -> None:
    assert here.ask("runner.manage.versions") == {
        "Minion requires update": {"db1": "0.0.9"},
        "Up to date": {"web1": __version__},
        "Minion newer than master": {"web2": "99.1"},
        "Minion offline": {"web3": False},
        "Master": __version__,
    }
    with pytest.raises(CommandError, match="key_regen isn't done here"):
        here.ask("runner.manage.key_regen")


def test_what_is_known_of_minions(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    assert here.ask("runner.cache.grains", "web*", who="fred") == {name: GRAINS[name] for name in MINIONS[1:]}
    assert here.ask("runner.cache.grains", "zz") == {}
    assert list(here.ask("runner.cache.pillar")) == MINIONS
    assert here.ask("runner.cache.pillar", tgt="db1")["db1"]["of"] == "db1"
    for who in ("ann", "fred"):
        with pytest.raises(NotAuthorised, match="for who may do all"):
            here.ask("runner.cache.pillar", who=who)
    monkeypatch.setattr(manage, "MAX_SHOWN_BYTES", 100)
    with pytest.raises(ArgumentError, match="ask for fewer minions"):
        here.ask("runner.cache.grains", "*")


def test_options_are_for_who_may_do_all(here: Here) -> None:
    assert here.ask("runner.config.get", "timeout") == 5.0
    assert here.ask("runner.config.get", "file_roots:base:1") == "/x"
    assert here.ask("runner.config.get", "file_roots|base", delimiter="|") == ["/srv", "/x"]
    assert here.ask("runner.config.get", "key") == "***"
    assert here.ask("runner.config.get", "no:such", default=7) == 7
    assert here.ask("runner.config.get", "file_roots:base:9") == ""
    with pytest.raises(NotAuthorised):
        here.ask("runner.config.get", "timeout", who="fred")


def test_consoles_are_shown_what_they_need(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    templates = {"ping": {"command": "test.ping", "key": "p"}, "odd": {"api_key": "hunter2"}}
    monkeypatch.setitem(here.services.options, "saltgui_templates", templates)
    monkeypatch.setitem(here.services.options, "saltgui_motd_txt", "hello")
    monkeypatch.setitem(here.services.options, "nodegroups", {"web": "web*"})
    shown = {
        "nodegroups": {"web": "web*"},
        "saltgui_motd_txt": "hello",
        "saltgui_templates": {"ping": {"command": "test.ping", "key": "p"}, "odd": {"api_key": "***"}},
    }
    assert here.ask("wheel.config.values", who="ann") == shown
    everything = here.ask("wheel.config.values")
    assert everything["key"] == "***"
    assert {name: everything[name] for name in shown} == shown
    for who in ("fred", "eve"):
        with pytest.raises(NotAuthorised):
            here.ask("wheel.config.values", who=who)


def test_nothing_is_orchestrated(here: Here) -> None:
    (shown,) = here.ask("runner.state.orchestrate_show_sls", "*").values()
    assert shown == {}
    (shown,) = here.ask("runner.state.orchestrate_show_sls", "deploy,web*", saltenv="dev").values()
    assert shown == ["No matching sls found for 'deploy' in env 'dev'"]


def test_arguments_come_back_as_they_were_given(here: Here) -> None:
    assert here.ask("runner.test.arg", 1, "two", a=3, __b=4) == {"args": [1, "two"], "kwargs": {"a": 3}}
    assert here.ask("runner.test.raw_arg", 1, a=3, __b=4) == {"args": [1], "kwargs": {"a": 3, "__b": 4}}
    assert here.ask("runner.test.arg", args=1, kwargs=2) == {"args": [], "kwargs": {"args": 1, "kwargs": 2}}
    assert here.ask("runner.test.sleep", 0) is True
    with pytest.raises(ArgumentError, match="between 0 and 3600 seconds"):
        here.ask("runner.test.sleep", 1e9)
