"""``key.*`` as the master's commands."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from saltern.join_token import read_token
from saltern.key_functions import KeyFunctions
from saltern.keystore import KeyStore
from saltern.pki import new_pair
from saltern_master.commands.keys import commands
from saltern_master.delegations import voice
from support.keys import A, Door


def command_of(name: str, store: KeyStore) -> Any:
    (found,) = (one for one in commands(KeyFunctions(store)) if one.name == name)
    return found


def test_devices_are_listed_as_the_master_knows_them_and_delegated_as_keys_are_accepted(tmp_path: Path) -> None:
    door = Door(tmp_path)
    try:
        door.accept("h1", A)
        door.told()
        keyring = door.keyring
        keyring.delegations.from_pillar("h1", {"proxy": {"sw1": {"proxytype": "x"}}}, claimed=False)
        services = SimpleNamespace(
            keystore=door.store, keyring=keyring, bus=door.master.bus, key_refresh=door.master.key_refresh
        )
        context: Any = SimpleNamespace(services=services)
        delegate, undelegate = (command_of(f"wheel.key.{name}", door.store) for name in ("delegate", "undelegate"))
        accept = command_of("wheel.key.accept", door.store)
        for ours in (delegate, undelegate):
            assert (ours.need, ours.changes) == (accept.need, accept.changes)
        listed = command_of("wheel.key.list_all", door.store)

        async def calls() -> Any:
            await delegate.handler(context, devices=["sw2"], hosts=["h1"], fingerprints=None)
            assert keyring.minion_of(voice(A, "sw2")) == "sw2"
            found = await listed.handler(context)
            await undelegate.handler(context, devices="sw2", shown={"sw2": ["h1"]})
            assert keyring.minion_of(voice(A, "sw2")) is None
            return found

        assert asyncio.run(calls())["minions_proxied"] == {"sw1": "h1", "sw2": "h1"}
        acts = [(data["act"], data["id"]) for _, data in door.told("salt/key")]
        assert acts == [("delegate", "sw2"), ("undelegate", "sw2")]
    finally:
        door.close()


class Refresh:
    async def now(self) -> None:
        """Look at nothing."""


@pytest.mark.parametrize(
    ("given", "ports"),
    [({}, (14505, 14506)), ({"ret_port": 99}, (14505, 99)), ({"publish_port": 98, "ret_port": 99}, (98, 99))],
)
def test_an_invitation_leads_to_this_masters_ports(
    tmp_path: Path, given: dict[str, int], ports: tuple[int, int]
) -> None:
    store = KeyStore(str(tmp_path))
    store.create()
    (tmp_path / "master.pub").write_text(f"{new_pair().public}\n")
    (invite,) = (one for one in commands(KeyFunctions(store)) if one.name == "wheel.key.invite")
    options = {"publish_port": 14505, "ret_port": 14506}
    services: Any = SimpleNamespace(keystore=store, options=options, key_refresh=Refresh())
    arguments = {"host": "master.example", "publish_port": 0, "ret_port": 0, "ttl_s": 60, "minion_id": "", **given}
    context: Any = SimpleNamespace(services=services)
    token = read_token(asyncio.run(invite.handler(context, **arguments)))
    assert (token.host, token.publish_port, token.ret_port) == ("master.example", *ports)
