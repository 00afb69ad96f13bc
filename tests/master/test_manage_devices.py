"""What the master says of devices: which host serves each, whether it is reached, and to whom it is said."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from saltern.config import master_config
from saltern_master.auth.caller import Caller, Kind
from saltern_master.commands.devices import NOT_SHOWN
from support.device_hosts import HostDoor
from support.doors import ROOT
from support.keys import A, B, Door

UP = {"up": True, "since": 1000.5, "error": "", "host": "host1"}
DOWN = {"up": False, "since": 2000, "error": "refused", "host": "host1", "latency_ms": 3.5}


def ask(door: Door, name: str, *args: Any, caller: Caller = ROOT) -> Any:
    return asyncio.run(door.master.dispatcher.call(caller, name, list(args), {}))


@pytest.fixture
def three(door: Door, tmp_path: Path) -> Door:
    """A host with a device that is up, one that is down and one that it didn't begin with; and one of another's."""
    door.accept("host2", B)
    door.minion("host1", A)
    door.keyring.delegations.delegate(["d1", "d2", "d3"], ["host1"])
    door.keyring.delegations.delegate(["e1"], ["host2"])
    host = HostDoor(door, "host1", A)
    host.attach(["d1"], state=UP)
    host.attach(["d2"], state=DOWN)
    return door


def test_devices_are_shown_with_their_hosts_and_why_they_are_down(three: Door) -> None:
    found = ask(three, "runner.manage.devices")
    assert list(found) == ["d1", "d2", "d3", "e1"]
    nothing = {"proxytype": None, "latency_ms": None}
    assert found["d1"] == {"host": "host1", "up": True, "since": 1000.5, "error": "", **nothing}
    assert found["d2"] == {
        **nothing,
        "host": "host1",
        "up": False,
        "since": 2000,
        "error": "refused",
        "latency_ms": 3.5,
    }
    assert found["d3"] == {
        "host": None,
        "up": False,
        "since": None,
        "error": "it is being handed over, or opened: host1",
        **nothing,
    }
    assert ask(three, "runner.manage.devices", "e*") == {
        "e1": {**found["d3"], "error": "no host of it is connected: host2"}
    }


def test_what_a_devices_proxy_is_comes_from_its_pillar(three: Door) -> None:
    pillar = {"proxy": {"d1": {"proxytype": "http_json", "url": "x"}, "n2": {"proxytype": "x" * 300}}}
    three.keyring.delegations.from_pillar("host1", pillar, claimed=False)
    found = ask(three, "runner.manage.devices", "*[12]")
    assert {name: row["proxytype"] for name, row in found.items()} == {
        "d1": "http_json",
        "d2": None,
        "e1": None,
        "n2": "x" * 255,
    }


def test_a_device_that_is_down_is_not_up(three: Door) -> None:
    assert ask(three, "runner.manage.status") == {"up": ["d1", "host1"], "down": ["d2", "d3", "e1", "host2"]}
    assert ask(three, "runner.manage.up") == ask(three, "runner.manage.present") == ["d1", "host1"]
    assert ask(three, "runner.manage.down") == ask(three, "runner.manage.not_present") == ["d2", "d3", "e1", "host2"]
    assert ask(three, "wheel.minions.connected") == ["d1", "host1"]
    assert three.fleet.present() == ["d1", "d2", "host1"]  # a job reaches it, and is answered by its host


def test_the_overview_says_who_speaks_for_whom_where_it_shows_devices(three: Door) -> None:
    shown = ask(three, "runner.manage.overview")
    rows = list(zip(shown["id"], shown["up"], shown["via"], shown["device_up"], strict=True))
    assert rows == [
        ("d1", True, "host1", True),
        ("d2", False, "host1", False),
        ("d3", False, "host1", None),
        ("e1", False, "host2", None),
        ("host1", True, None, None),
        ("host2", False, None, None),
    ]
    three.keyring.delegations.from_operators(dict.fromkeys(("d1", "d2", "d3", "e1"), ()))
    shown = ask(three, "runner.manage.overview")
    assert shown["id"] == ["host1", "host2"]
    assert not shown.keys() & {"via", "device_up"}


STATES: list[Any] = [{}, "up", 5, ["up"], {"up": "yes", "since": "x", "error": 5, "latency_ms": True}, {"up": None}]


@pytest.mark.parametrize("state", STATES, ids=repr)
def test_a_state_that_is_none_says_nothing(door: Door, state: Any) -> None:
    door.accept("host1", A)
    door.keyring.delegations.delegate(["d1"], ["host1"])
    HostDoor(door, "host1", A).attach(["d1"], state=state)
    row = ask(door, "runner.manage.devices")["d1"]
    assert (row["up"], row["since"], row["latency_ms"]) == (None, None, None)
    assert door.fleet.is_up("d1")


def test_a_device_that_waits_for_a_host_that_is_there_says_so(door: Door) -> None:
    door.minion("host1", A)
    door.accept("host2", B)
    door.keyring.delegations.delegate(["d1"], ["host1", "host2"])
    door.keyring.delegations.delegate(["d2"], ["host2"])
    found = ask(door, "runner.manage.devices")
    row = found["d1"]
    assert (row["host"], row["up"], row["error"]) == (None, False, "it is being handed over, or opened: host1")
    assert found["d2"]["error"] == "no host of it is connected: host2"


def test_a_minion_of_its_own_isnt_down_by_a_grain_of_that_name(door: Door) -> None:
    door.minion("web1", A)
    door.fleet.set_grains("web1", A, {"device": {"up": False}})
    assert door.fleet.is_up("web1")
    assert ask(door, "runner.manage.devices") == {}


def test_who_sees_some_minions_sees_their_devices_alone_and_not_who_speaks_for_them(three: Door) -> None:
    door = three.master.doorkeeper
    main = Path(three.master.options["conf_file"])
    roles = "groups: {some: ['d*']}\nroles: {few: {grants: ['@runner'], members: ['ldap:fred'], on: [some]}}\n"
    main.write_text(main.read_text() + roles)
    door.checked(master_config(str(main.parent)))()
    fred = Caller(Kind.LOGIN, "fred", source="ldap")
    found = ask(three, "runner.manage.devices", caller=fred)
    assert {name: row["host"] for name, row in found.items()} == {"d1": NOT_SHOWN, "d2": NOT_SHOWN, "d3": None}
    assert found["d3"]["error"] == f"it is being handed over, or opened: {NOT_SHOWN}"
    shown = ask(three, "runner.manage.overview", caller=fred)
    assert (shown["id"], shown["via"]) == (["d1", "d2", "d3"], [NOT_SHOWN] * 3)
