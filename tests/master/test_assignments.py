"""Who serves which device: every one is served in the end, and a shared one never by two at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from saltern.keystore import KeyStore
from saltern.pillar_delegations import PillarDelegations
from saltern_master.delegations import LEASE_S, Assignments, Delegations
from saltern_master.delegations.rendezvous import ranked
from saltern_master.key_table import KeyTable

HOSTS = ("h1", "h2", "h3")
DEVICES = ("d1", "d2", "d3", "d4")
SOON_S = LEASE_S + 8.0
SILENT_S = 62.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Files(PillarDelegations):
    """Keeps in memory what is to be kept."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, bool]] = {}

    def read(self, bad: Any = None) -> dict[str, dict[str, bool]]:
        return {host: dict(devices) for host, devices in self.kept.items()}

    def write(self, host: str, devices: Any) -> None:
        self.kept.pop(host, None)
        if devices:
            self.kept[host] = dict(devices)


class World:
    """A master's delegations and assignments, with hosts that have accepted keys, and what these were told."""

    def __init__(self, *hosts: str) -> None:
        self.clock = Clock()
        self.files = Files()
        self.accepted = KeyTable()
        for number, host in enumerate(hosts or HOSTS):
            self.accepted.put(host, f"{number}" * 40)
        self.told: list[tuple[str, list[str]]] = []
        self.start()

    def start(self) -> None:
        self.delegations = Delegations(self.accepted, KeyStore("/nowhere"), self.files, self.clock)
        self.assignments = Assignments(self.delegations, self.tell, self.clock)
        self.delegations.keys_changed(self.accepted.keys())

    def tell(self, host: str) -> None:
        self.told.append((host, self.assignments.served_by(host)))

    def pillar(self, host: str, *devices: str, more: bool = False) -> None:
        pillar = {"proxy": {"proxytype": "deltaproxy", "ids": list(devices)}} if devices else {}
        self.delegations.from_pillar(host, pillar, claimed=False, more=more)

    def give(self, device: str, *hosts: str) -> None:
        """Let *hosts* have a device, at once, as an operator does it."""
        self.delegations.from_operators({device: hosts})

    def move(self, host: str, other: str) -> None:
        """Move d1, which is all that *host* has, by one change of the pillars."""
        self.pillar(host, more=True)
        self.pillar(other, "d1")

    def news(self) -> list[tuple[str, list[str]]]:
        told, self.told = self.told, []
        return told

    def wait(self, seconds: float, *leasing: str) -> None:
        """Let time pass, in which hosts ask for their leases."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now = min(self.clock.now + 1.0, end)
            for host in leasing:
                self.assignments.leased(host)
            self.assignments.tick()


@pytest.fixture
def world() -> World:
    return World()


def preferred(device: str, *hosts: str) -> str:
    return ranked(device, hosts)[0]


def test_a_device_of_one_host_is_told_to_it_when_it_comes(world: World) -> None:
    world.pillar("h1", "d1", "d2")
    assert world.assignments.server_of("d1") == "h1"
    assert world.news() == []
    world.assignments.host_came("h1")
    assert world.news() == [("h1", ["d1", "d2"])]
    world.assignments.host_came("h2")
    assert world.news() == []


def test_a_device_that_comes_is_told_at_once(world: World) -> None:
    world.assignments.host_came("h1")
    world.pillar("h1", "d1")
    assert world.news() == [("h1", ["d1"])]
    world.pillar("h1", "d1")
    assert world.news() == []


def test_a_moved_device_is_told_to_the_next_host_when_the_first_has_let_go(world: World) -> None:
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.pillar("h1", "d1")
    world.news()
    world.move("h1", "h2")
    assert world.news() == [("h1", [])]
    assert world.assignments.server_of("d1") is None
    assert world.delegations.may_speak("h1", "d1")
    world.wait(30)
    assert world.news() == []
    world.assignments.released("h1", ["d1"])
    assert world.news() == [("h2", ["d1"])]
    assert not world.delegations.may_speak("h1", "d1")


def test_a_host_that_is_there_and_silent_loses_a_moved_device_after_a_minute(world: World) -> None:
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.pillar("h1", "d1")
    world.move("h1", "h2")
    world.wait(59)
    assert world.assignments.server_of("d1") is None
    world.wait(2)
    assert world.assignments.server_of("d1") == "h2"
    assert not world.delegations.may_speak("h1", "d1")


def test_a_host_that_is_away_loses_a_moved_device_after_a_leases_time_and_may_still_bring_its_returns(
    world: World,
) -> None:
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.pillar("h1", "d1")
    world.assignments.host_gone("h1")
    world.move("h1", "h2")
    world.wait(LEASE_S + 1)
    assert world.assignments.server_of("d1") is None
    world.wait(2)
    assert world.assignments.server_of("d1") == "h2"
    world.wait(3600)
    assert world.delegations.may_speak("h1", "d1")
    world.assignments.host_came("h1")
    world.assignments.serving("h1", ["d1"])
    assert world.news()[-1] == ("h1", [])
    world.assignments.released("h1", ["d1"])
    assert not world.delegations.may_speak("h1", "d1")


def test_a_host_that_was_away_when_its_device_moved_may_bring_its_returns_for_a_minute_and_then_no_more(
    world: World,
) -> None:
    world.assignments.host_came("h2")
    world.pillar("h1", "d1")
    world.move("h1", "h2")
    world.wait(3600)
    world.assignments.host_came("h1")
    world.wait(59)
    assert world.delegations.may_speak("h1", "d1")
    world.wait(2)
    assert not world.delegations.may_speak("h1", "d1")


def test_a_host_of_which_nothing_is_left_may_say_that_it_let_go(world: World) -> None:
    world.assignments.host_came("h2")
    world.pillar("h1", "d1")
    world.move("h1", "h2")
    world.wait(3600)
    world.assignments.released("h1", ["d1", "d7"])
    assert not world.delegations.may_speak("h1", "d1")


def test_a_host_that_lost_its_connection_while_it_let_go_says_so_when_it_is_back(world: World) -> None:
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.pillar("h1", "d1")
    world.move("h1", "h2")
    world.assignments.host_gone("h1")
    world.wait(5)
    world.assignments.serving("h1", [])
    assert world.assignments.server_of("d1") == "h2"
    assert world.delegations.may_speak("h1", "d1")  # its returns may not all be here


def test_a_host_that_is_back_is_given_its_minute_anew(world: World) -> None:
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.pillar("h1", "d1")
    world.move("h1", "h2")
    world.wait(10)
    world.assignments.host_gone("h1")
    world.wait(10)
    world.assignments.host_came("h1")
    world.wait(55)
    assert world.assignments.server_of("d1") is None
    world.wait(6)
    assert world.assignments.server_of("d1") == "h2"


def test_what_a_host_says_that_it_serves_may_be_older_than_what_it_was_told(world: World) -> None:
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.pillar("h1", "d1")
    world.move("h1", "h2")
    world.assignments.serving("h1", [])
    assert world.assignments.server_of("d1") is None


@pytest.mark.parametrize("said", ["serving", "released"])
def test_a_host_that_says_it_serves_nothing_and_never_attaches_has_nothing_for_long(world: World, said: str) -> None:
    first = preferred("d1", "h1", "h2")
    other = {"h1": "h2", "h2": "h1"}[first]
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.give("d1", "h1", "h2")
    world.wait(10, "h1", "h2")
    world.assignments.host_gone(first)
    if said == "serving":
        world.assignments.serving(first, [])
    else:
        world.assignments.released(first, ["d1"])
    assert world.assignments.server_of("d1") == first  # it is about to attach, as far as is known
    world.wait(LEASE_S + 3, other)
    assert world.assignments.server_of("d1") == other


def test_a_host_that_serves_what_nobody_knows_is_told_so_when_it_attaches(world: World) -> None:
    world.assignments.serving("h1", ["d7"])
    assert world.news() == []
    world.assignments.host_came("h1")
    assert world.news() == [("h1", [])]


def test_a_device_that_moved_while_no_master_ran_waits_for_the_host_that_had_it(world: World) -> None:
    world.pillar("h1", "d1")
    world.start()
    world.assignments.host_came("h2")
    world.move("h1", "h2")
    world.wait(LEASE_S + 1)
    assert world.assignments.server_of("d1") is None
    world.wait(2)
    assert world.assignments.server_of("d1") == "h2"


def test_nothing_is_remembered_of_what_is_gone(world: World) -> None:
    world.assignments.host_came("h1")
    world.pillar("h1", "d1")
    world.pillar("h1")
    world.assignments.released("h1", ["d1"])
    world.assignments.host_gone("h1")
    world.wait(2)
    assert (world.assignments._devices, world.assignments._hosts, world.assignments._leaving) == ({}, {}, {})


def test_what_a_host_says_of_a_moved_device_is_taken_for_a_day_at_most(world: World) -> None:
    world.pillar("h1", "d1")
    world.move("h1", "h2")
    world.clock.now += 86399
    world.assignments.tick()
    assert world.delegations.may_speak("h1", "d1")
    world.clock.now += 2
    world.assignments.tick()
    assert not world.delegations.may_speak("h1", "d1")


def test_a_revoked_device_is_told_off_and_no_word_of_it_is_taken(world: World) -> None:
    world.assignments.host_came("h1")
    world.pillar("h1", "d1", "d2")
    world.news()
    world.pillar("h1", "d2")
    assert world.news() == [("h1", ["d2"])]
    assert not world.delegations.may_speak("h1", "d1")
    assert world.assignments.server_of("d1") is None


def test_a_device_that_was_revoked_and_comes_back_waits_for_whoever_had_it(world: World) -> None:
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.pillar("h1", "d1")
    world.pillar("h1")
    world.pillar("h2", "d1")
    world.pillar("h1", "d1")
    world.pillar("h2")
    assert world.assignments.server_of("d1") is None
    world.assignments.released("h1", ["d1"])
    assert world.assignments.server_of("d1") == "h1"


def test_shared_devices_are_spread_over_those_that_are_up(world: World) -> None:
    for host in HOSTS:
        world.assignments.host_came(host)
    names = [f"x{number}" for number in range(60)]
    for host in HOSTS:
        world.pillar(host, *names)
    for host in HOSTS:
        world.assignments.released(host, names)
    shares = [len(world.assignments.served_by(host)) for host in HOSTS]
    assert sum(shares) == 60
    assert min(shares) > 8
    for name in names:
        assert world.assignments.server_of(name) == preferred(name, *HOSTS)


def test_a_shared_device_moves_when_the_lease_of_its_host_is_over_and_not_before(world: World) -> None:
    first = preferred("d1", "h1", "h2")
    other = {"h1": "h2", "h2": "h1"}[first]
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.give("d1", "h1", "h2")
    world.wait(30, "h1", "h2")
    world.assignments.host_gone(first)
    world.wait(LEASE_S + 1, other)
    world.assignments.released(other, ["d1"])
    assert world.assignments.server_of("d1") == first
    world.wait(2, other)
    assert world.assignments.server_of("d1") == other


def test_a_host_that_comes_back_before_its_lease_is_over_keeps_its_devices(world: World) -> None:
    first = preferred("d1", "h1", "h2")
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.give("d1", "h1", "h2")
    world.wait(30, "h1", "h2")
    world.assignments.host_gone(first)
    world.wait(15)
    world.news()
    world.assignments.host_came(first)
    assert world.news() == [(first, ["d1"])]
    world.wait(60, "h1", "h2")
    assert world.assignments.server_of("d1") == first
    assert world.news() == []


def test_a_host_that_is_back_gets_its_share_when_the_other_has_let_go(world: World) -> None:
    first = preferred("d1", "h1", "h2")
    other = {"h1": "h2", "h2": "h1"}[first]
    world.assignments.host_came(other)
    world.give("d1", "h1", "h2")
    assert world.assignments.server_of("d1") == other
    world.assignments.host_came(first)
    world.wait(4, first, other)
    assert world.assignments.server_of("d1") == other
    world.wait(3, first, other)
    assert world.assignments.server_of("d1") is None
    world.assignments.released(other, ["d1"])
    assert world.assignments.server_of("d1") == first


def test_a_host_that_is_there_and_asks_for_no_lease_loses_its_shared_devices_until_it_is_heard_of(world: World) -> None:
    first = preferred("d1", "h1", "h2")
    other = {"h1": "h2", "h2": "h1"}[first]
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.give("d1", "h1", "h2")
    world.wait(30, other)
    assert world.assignments.server_of("d1") == other
    world.wait(60, other)
    assert world.assignments.server_of("d1") == other
    world.news()
    world.assignments.leased(first)
    assert (first, []) in world.news()
    world.wait(6, other, first)
    world.assignments.released(other, ["d1"])
    assert world.assignments.server_of("d1") == first


def test_a_host_that_asks_late_is_told_its_list_again(world: World) -> None:
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.give("d1", "h1", "h2")
    first = world.assignments.server_of("d1")
    assert first is not None
    world.wait(20, "h1", "h2")
    world.news()
    world.wait(8)
    world.assignments.leased(first)
    assert world.news() == []
    world.wait(15)
    world.assignments.leased(first)
    assert world.news() == [(first, ["d1"])]


def test_after_a_masters_start_whoever_says_that_it_serves_a_device_has_it(world: World) -> None:
    for host in ("h1", "h2"):
        world.pillar(host, "d1", "d2")
    world.pillar("h3", "d3")
    other = {"h1": "h2", "h2": "h1"}[preferred("d1", "h1", "h2")]
    world.start()
    assert world.assignments.server_of("d3") == "h3"
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    assert world.news() == []
    world.assignments.serving(other, ["d1"])
    assert world.assignments.server_of("d1") == other
    assert world.news() == [(other, ["d1"])]
    world.assignments.serving("h1" if other == "h2" else "h2", [])
    world.wait(LEASE_S + 1, "h1", "h2")
    assert world.assignments.server_of("d2") is None
    world.wait(2, "h1", "h2")
    assert world.assignments.server_of("d2") == preferred("d2", "h1", "h2")


def test_a_host_may_claim_no_device_that_is_not_its_own(world: World) -> None:
    for host in ("h1", "h2"):
        world.pillar(host, "d1")
    world.start()
    for host in HOSTS:
        world.assignments.host_came(host)
    world.assignments.serving("h3", ["d1", "web01", "../x"])
    assert world.news() == [("h3", [])]
    assert world.assignments.server_of("d1") is None
    world.wait(LEASE_S + 3, *HOSTS)
    assert world.assignments.server_of("d1") in ("h1", "h2")


def test_a_device_that_gets_a_second_host_is_told_to_be_shared(world: World) -> None:
    world.assignments.host_came("h1")
    world.pillar("h1", "d1")
    assert not world.assignments.shared("d1")
    world.news()
    world.pillar("h2", "d1")
    assert world.assignments.shared("d1")
    assert world.news() == [("h1", ["d1"])]


def test_ten_thousand_devices_have_their_turns(world: World) -> None:
    names = [f"x{number}" for number in range(10_000)]
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
        world.pillar(host, *names)
    world.wait(6, "h1", "h2")
    for host in ("h1", "h2"):
        world.assignments.released(host, names)
    served = [world.assignments.served_by(host) for host in ("h1", "h2")]
    assert sorted(served[0] + served[1]) == sorted(names)
    world.assignments.host_gone("h1")
    world.wait(LEASE_S + 5, "h2")
    assert world.assignments.served_by("h2") == sorted(names)


class Agent:
    """What a host does: it serves what it is told, shared devices under a lease alone."""

    def __init__(self) -> None:
        self.alive = True
        self.connected = False
        self.serves: set[str] = set()
        self.shared: set[str] = set()
        self.asked_at = -1e9
        self.closing: set[str] = set()
        self.listed = False
        """Whether it was told a list since it has a lease."""
        self.hangs = False
        """Whether it takes and says nothing, though it is connected."""
        self.unread: list[tuple[set[str], set[str]]] = []
        """The lists that it was told meanwhile, and which of these are shared."""


class Servers(RuleBasedStateMachine):
    """Hosts that die, come and are cut off, and a master that restarts, by a clock of ours.

    A host that is told its list serves what is on it; what it lost is closed, and said to be released, a while later.
    """

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.world.tell = self.tell  # type: ignore[method-assign]
        self.agents = {host: Agent() for host in HOSTS}
        self.wishes: dict[str, set[str]] = {host: set() for host in HOSTS}
        self.world.start()

    @property
    def now(self) -> float:
        return self.world.clock.now

    def tell(self, host: str) -> None:
        agent, assignments = self.agents[host], self.world.assignments
        assert agent.connected
        wanted = set(assignments.served_by(host))
        shared = {device for device in wanted if assignments.shared(device)}
        agent.unread.append((wanted, shared))
        if not agent.hangs:
            self.read(agent)

    def read(self, agent: Agent) -> None:
        while agent.unread:
            wanted, shared = agent.unread.pop(0)
            agent.closing |= (agent.serves | agent.shared) - wanted
            agent.closing -= wanted
            agent.serves, agent.shared = wanted - shared, shared
            agent.listed = True

    def serving(self, host: str) -> set[str]:
        """Return what a host serves at this moment: a dead one nothing."""
        agent = self.agents[host]
        if not agent.alive:
            return set()
        leased = self.now < agent.asked_at + LEASE_S and agent.listed
        return agent.serves | (agent.shared if leased else set())

    def hears(self, host: str) -> bool:
        """Return whether a host knows what it was told last. Others go on with what isn't shared, whatever happens."""
        return self.agents[host].connected and not self.agents[host].hangs

    def ask(self, host: str) -> None:
        agent = self.agents[host]
        if agent.connected and agent.shared and not agent.hangs:
            if self.now >= agent.asked_at + LEASE_S:
                agent.listed = False
            agent.asked_at = self.now
            had = agent.listed
            self.world.assignments.leased(host)
            if not had:
                self.tell(host)  # it asks for its list too

    def step(self, *, releasing: bool) -> None:
        self.world.clock.now += 1.0
        for host, agent in self.agents.items():
            if agent.alive and self.now >= agent.asked_at + LEASE_S:
                agent.listed = False
            if int(self.now) % 5 == 0:
                self.ask(host)
            if releasing and agent.connected and agent.closing and not agent.hangs:
                done, agent.closing = agent.closing, set()
                self.world.assignments.released(host, done)
        self.world.assignments.tick()
        self.never_two()

    @rule(host=st.sampled_from(HOSTS), serving_first=st.booleans())
    def come(self, host: str, serving_first: bool) -> None:
        agent = self.agents[host]
        if agent.connected:
            return
        agent.alive = agent.connected = True
        agent.hangs, agent.unread = False, []
        said = self.serving(host)
        if serving_first:
            self.world.assignments.serving(host, said)
        self.world.assignments.host_came(host)
        if not serving_first:
            self.world.assignments.serving(host, said)
        self.ask(host)

    @rule(host=st.sampled_from(HOSTS))
    def die(self, host: str) -> None:
        if self.agents[host].connected:
            self.world.assignments.host_gone(host)
        self.agents[host] = Agent()
        self.agents[host].alive = False

    @rule(host=st.sampled_from(HOSTS))
    def cut_off(self, host: str) -> None:
        if self.agents[host].connected:
            self.agents[host].connected = False
            self.world.assignments.host_gone(host)

    @rule(host=st.sampled_from(HOSTS))
    def hang(self, host: str) -> None:
        self.agents[host].hangs = True

    @rule(host=st.sampled_from(HOSTS))
    def wake(self, host: str) -> None:
        agent = self.agents[host]
        if agent.alive and self.now >= agent.asked_at + LEASE_S:
            agent.listed = False
        agent.hangs = False
        self.read(agent)
        self.ask(host)

    @rule()
    def restart_master(self) -> None:
        for agent in self.agents.values():
            agent.connected = False
        self.world.start()

    @rule(device=st.sampled_from(DEVICES), hosts=st.sets(st.sampled_from(HOSTS), max_size=3), more=st.booleans())
    def delegate(self, device: str, hosts: set[str], more: bool) -> None:
        for host in HOSTS:
            (self.wishes[host].add if host in hosts else self.wishes[host].discard)(device)
        for number, host in enumerate(HOSTS):
            self.world.pillar(host, *self.wishes[host], more=more and number < len(HOSTS) - 1)

    @rule(seconds=st.integers(1, 30), releasing=st.booleans())
    def wait(self, seconds: int, releasing: bool) -> None:
        for _ in range(seconds):
            self.step(releasing=releasing)

    @precondition(lambda self: hasattr(self, "world"))
    @rule()
    def all_are_served_in_the_end(self) -> None:
        for host in HOSTS:
            self.wake(host)
        for _ in range(int(SOON_S)):
            self.step(releasing=True)
        for device, hosts in self.world.delegations.all().items():
            up = {host for host in hosts if self.agents[host].connected}
            if up:
                server = self.world.assignments.server_of(device)
                assert server in up, (device, hosts, server)
                assert device in self.serving(server), (device, server)

    @invariant()
    def never_two(self) -> None:
        if not hasattr(self, "world"):
            return
        for device in DEVICES:
            serving = [host for host in HOSTS if device in self.serving(host)]
            under_lease = [host for host in serving if device in self.agents[host].shared]
            known = [host for host in serving if self.hears(host) or host in under_lease]
            assert len(known) < 2 or not under_lease, (device, serving)
            assert len(under_lease) < 2, (device, serving)

    @invariant()
    def lists_agree(self) -> None:
        if not hasattr(self, "world"):
            return
        for host in HOSTS:
            for device in self.world.assignments.served_by(host):
                assert self.world.assignments.server_of(device) == host
                assert host in self.world.delegations.hosts(device)


Servers.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestServers = Servers.TestCase


def test_a_move_that_a_masters_start_interrupts_goes_on_where_it_was(world: World) -> None:
    for host in ("h1", "h2"):
        world.assignments.host_came(host)
    world.pillar("h1", "d1")
    world.move("h1", "h2")
    world.start()
    assert world.delegations.may_speak("h1", "d1")
    world.assignments.host_came("h2")
    world.assignments.serving("h2", [])
    world.assignments.host_came("h1")
    world.assignments.serving("h1", ["d1"])
    world.pillar("h1", more=True)
    world.pillar("h2", "d1")
    world.wait(5)
    assert (world.assignments.server_of("d1"), world.assignments.served_by("h1")) == (None, [])
    world.assignments.released("h1", ["d1"])
    assert world.assignments.server_of("d1") == "h2"
    assert not world.delegations.may_speak("h1", "d1")
    world.wait(2)
    assert world.files.kept == {"h2": {"d1": False}}
