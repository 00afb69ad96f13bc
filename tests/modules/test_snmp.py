"""Devices that speak SNMP: Debian's snmpd, and one that does what no right device would."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pysnmp.proto.api import v2c

from saltern.errors import CommandError
from saltern_modules import _snmp_session
from saltern_modules._snmp_message import Community
from saltern_modules._snmp_oid import (
    HOST,
    IF,
    IFX,
    PROCESSOR_LOAD,
    STORAGE,
    SYSTEM,
    UCD_LOAD,
    UPTIME,
    parsed,
    text_of,
    vendor_of,
)
from saltern_modules._snmp_pdu import Unanswered
from saltern_modules._snmp_remote import Remote, system_of
from saltern_modules._snmp_session import Patience, Session
from saltern_modules._snmp_settings import settings
from support.fake_snmp import FakeDevice, fake_device, snmpd
from support.ports import free_port

PASSWORD, OTHER = "of the signature", "of the cipher"
CONFIG = f"""
rocommunity s3cret 127.0.0.1
sysName box1
sysLocation rack 4
sysDescr Linux box1 6.1.0
createUser bare
rouser bare noauth
createUser md5 MD5 "{PASSWORD}" DES "{OTHER}"
createUser sha SHA "{PASSWORD}" AES "{OTHER}"
createUser sha224 SHA-224 "{PASSWORD}"
createUser sha256 SHA-256 "{PASSWORD}" AES "{OTHER}"
createUser sha384 SHA-384 "{PASSWORD}" AES "{OTHER}"
createUser sha512 SHA-512 "{PASSWORD}" AES "{OTHER}"
rouser md5 priv
rouser sha priv
rouser sha224 auth
rouser sha256 priv
rouser sha384 priv
rouser sha512 priv
createUser aes256 SHA-512 "{PASSWORD}" AES-256 "{OTHER}"
rouser aes256 priv
createUser aes192 SHA "{PASSWORD}" AES-192 "{OTHER}"
rouser aes192 priv
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmpd(tmp_path_factory.mktemp("snmpd"), CONFIG) as port:
        yield port


def proxy(port: int, **more: Any) -> dict[str, Any]:
    told = {"proxytype": "snmp", "host": "127.0.0.1", "port": port, "reply_timeout": 5, **more}
    return told if told.get("version") in (3, "3") else {"community": "public", **told}


def user(name: str, auth: str = "", priv: str = "", **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"version": 3, "user": name}
    if auth:
        told |= {"auth_protocol": auth, "auth_key": PASSWORD}
    if priv:
        told |= {"priv_protocol": priv, "priv_key": OTHER}
    return {**told, **more}


@pytest.fixture
def device(minion: Any) -> Any:
    """The proxymodule and the execution module, as one device has them."""
    module = minion.load("proxy/snmp")
    execution = minion.load("snmp_device")
    names = [name for name in vars(module) if not name.startswith("_")]
    execution.__proxy__ = {f"snmp.{name}": getattr(module, name) for name in names}
    return module, execution


def with_fake(test: Callable[[FakeDevice, int], Awaitable[None]]) -> None:
    async def run() -> None:
        async with fake_device() as (fake, port):
            fake.values[UPTIME] = (v2c.TimeTicks, 100)
            await test(fake, port)

    asyncio.run(run())


def remote(port: int, **more: Any) -> Remote:
    return Remote(settings(proxy(port, **more)))


def session(port: int, community: str = "public", **patience: Any) -> Session:
    told = Patience(**{"reply_timeout": 5.0, "retries": 0, **patience})
    return Session(("127.0.0.1", port), Community(community), told)


class TestSnmpd:
    def test_a_device_is_opened_asked_and_shut_down(self, server: int, device: Any) -> None:
        module, execution = device

        async def run() -> None:
            assert module.initialized() is False
            await module.init({"proxy": proxy(server, community="s3cret")})
            assert module.initialized() is True
            assert await module.alive({}) is await module.ping() is await execution.ping() is True
            grains = module.grains()
            assert (grains["sysName"], grains["sysLocation"], grains["os"]) == ("box1", "rack 4", "Linux")
            assert (grains["vendor"], grains["sysDescr"]) == ("net-snmp", "Linux box1 6.1.0")
            assert await module.grains_refresh() == grains
            assert await execution.get("sysName.0", ".1.3.6.1.2.1.1.99.0") == {
                "sysName.0": "box1",
                ".1.3.6.1.2.1.1.99.0": None,
            }
            told = await execution.system()
            assert (told["sysName"], told["uptime_s"] >= 0) == ("box1", True)
            tested = await execution.test()
            assert (tested["host"], tested["version"]) == (f"127.0.0.1:{server}", "2c")
            module.shutdown({})
            assert module.initialized() is False
            with pytest.raises(CommandError, match="has not been opened"):
                await execution.get("sysName.0")

        asyncio.run(run())

    def test_tables_are_walked(self, server: int, device: Any) -> None:
        module, execution = device

        async def run() -> None:
            await module.init({"proxy": proxy(server, community="s3cret")})
            names = await execution.walk("ifDescr")
            assert "lo" in names.values()
            assert all(oid.startswith("1.3.6.1.2.1.2.2.1.2.") for oid in names)
            assert await execution.walk("sysName.0") == {"1.3.6.1.2.1.1.5.0": "box1"}
            table = await execution.table("ifTable")
            assert {row["2"] for row in table.values()} == set(names.values())
            assert await execution.table("1.3.6.1.2.1.2.2.1") == table
            listed = await execution.interfaces()
            assert listed["lo"]["descr"] == "lo"
            assert listed["lo"]["oper"] == "up"
            assert listed["lo"]["rx_bytes"] >= 0
            bulk = await execution.bulk("ifDescr", "ifMtu", repetitions=1)
            assert len(bulk) == 2
            assert "lo" in bulk.values()
            with pytest.raises(CommandError, match="more than 1 values below "):
                await execution.walk("system", rows=1)
            with pytest.raises(CommandError, match="no table"):
                await execution.table("sysName")

        asyncio.run(run())

    def test_a_sample_has_the_names_of_a_hosts(self, server: int, device: Any) -> None:
        module, _ = device
        oids = {
            "octets": {"oid": "ifInOctets", "walk": True, "label": "ifDescr"},
            "half": {"oid": "laLoadInt.1", "scale": 0.5},
        }

        async def run() -> None:
            await module.init({"proxy": proxy(server, community="s3cret", oids=oids, exclude=["eth*"])})
            first, second = await module.stats(), await module.stats()
            assert first["uptime"]["seconds"] >= 0
            assert first["net"]["lo"]["rx_bytes"] == first["net"]["lo"]["tx_bytes"]
            assert "rx_bytes_per_s" not in first["net"]["lo"]
            assert second["net"]["lo"]["rx_bytes_per_s"] >= 0
            assert not any(name.startswith("eth") for name in first["net"])
            assert set(first["load"]) == {"1m", "5m", "15m"}
            assert first["storage"]["Physical_memory"]["total"] > 0
            assert first["oids"]["octets"]["lo"] > 0
            assert second["oids"]["octets_per_s"]["lo"] >= 0
            assert first["oids"]["half"] >= 0
            assert first["snmp"]["requests"] > 5

        asyncio.run(run())

    @pytest.mark.parametrize(
        ("name", "auth", "priv"),
        [
            ("bare", "", ""),
            ("md5", "MD5", "DES"),
            ("sha", "SHA", "AES"),
            ("sha224", "SHA-224", ""),
            ("sha256", "sha256", "AES"),
            ("sha384", "SHA-384", "AES"),
            ("sha512", "SHA512", "aes128"),
            ("aes192", "SHA", "AES-192"),
            ("aes256", "SHA-512", "AES-256"),
        ],
    )
    def test_users_of_version_3_are_served(self, server: int, name: str, auth: str, priv: str) -> None:
        async def run() -> None:
            far = remote(server, **user(name, auth, priv))
            for _ in range(2):  # the first asks for engine and clock
                await far.open()
                assert far.grains["sysName"] == "box1"
            async with far.session() as one:
                await one.get([UPTIME])
                assert one.sent == 1
                assert len(await one.walk(parsed("ifDescr"))) > 0

        asyncio.run(run())

    @pytest.mark.parametrize(
        ("told", "why"),
        [
            (user("nobody", "SHA", "AES"), "knows no such user"),
            (user("sha", "SHA", "AES", auth_key="wrong password"), "takes the signature for wrong"),
            (user("sha", "MD5", "AES"), "takes the signature for wrong"),
            (
                user("sha", "SHA", "AES", priv_key="wrong password"),
                "to this user: see priv_protocol, priv_key|can't decrypt",
            ),
            (user("sha", "SHA", "DES"), "to this user: see priv_protocol, priv_key|can't decrypt"),
            (user("sha224", "SHA-224", "AES"), "doesn't offer this security"),
            (user("sha", "SHA"), "authorizationError: who asks may not see that, or not so: see auth_protocol"),
            ({"community": "wrong community"}, "may this host ask it so"),
        ],
    )
    def test_what_is_wrong_with_credentials_is_said_without_them(self, server: int, told: Any, why: str) -> None:
        far = remote(server, **{"retries": 0, "reply_timeout": 0.3, **told})
        with pytest.raises(CommandError, match=why) as caught:
            asyncio.run(far.open())
        text = str(caught.value) + repr(far.settings) + repr(far.settings.credentials)
        assert not any(secret in text for secret in ("wrong ", PASSWORD, OTHER))
        assert str(caught.value).startswith(f"127.0.0.1:{server}: ")
        assert "\n" not in text

    def test_contexts_are_told(self, server: int) -> None:
        far = remote(server, **user("sha", "SHA", "AES", context="other", retries=0, reply_timeout=0.3))
        with pytest.raises(CommandError, match=r"priv_key and context$"):  # snmpd has no such context
            asyncio.run(far.open())

    def test_without_the_library_a_line_says_what_to_install(
        self, device: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module, _ = device
        assert module.__virtual__() is True
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        assert module.__virtual__() == (False, "devices by SNMP need the package pysnmp: install saltern[snmp]")

    def test_where_nothing_listens_that_is_said_at_once(self, device: Any) -> None:
        module, _ = device

        async def run() -> None:
            with pytest.raises(CommandError, match=r"^127\.0\.0\.1:\d+: nothing answers there: Connection refused$"):
                await module.init({"proxy": proxy(free_port(socket.SOCK_DGRAM))})
            assert module.initialized() is False

        asyncio.run(run())

    def test_a_device_that_went_is_not_alive(self, tmp_path: Path, device: Any) -> None:
        module, _ = device

        async def run() -> None:
            with snmpd(tmp_path, "rocommunity public 127.0.0.1\n") as port:
                await module.init({"proxy": proxy(port)})
                assert await module.alive({}) is True
            assert await module.alive({}) is False

        asyncio.run(run())


class TestStrangeDevices:
    def test_columns_end_each_for_itself(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            for row in range(1, 8):
                fake.values[(*IF, 2, row)] = (v2c.OctetString, b"port")
                if row % 3 == 0:
                    fake.values[(*IF, 5, row)] = (v2c.Gauge32, row)
            for bulk, most in ((25, 1000), (2, 1000), (25, 5), (25, 1)):
                fake.most = most
                async with session(port, bulk=bulk) as one:
                    table = await one.columns(IF, [(2,), (5,), (9,)])
                assert sorted(table[(2,)]) == [(row,) for row in range(1, 8)]
                assert {index[0]: bound.value for index, bound in table[(5,)].items()} == {3: 3, 6: 6}
                assert table[(9,)] == {}

        with_fake(test)

    def test_answers_that_are_too_big_are_asked_for_in_parts(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            for row in range(1, 8):
                fake.values[(*IF, 2, row)] = fake.values[(*IF, 3, row)] = (v2c.Integer, row)
            fake.status = lambda values: (1, 0) if values > 1 else (0, 0)
            async with session(port) as one:
                table = await one.columns(IF, [(2,), (3,)])
                assert [len(table[column]) for column in ((2,), (3,))] == [7, 7]
                assert len(await one.get([(*IF, 2, row) for row in range(1, 6)])) == 5

        with_fake(test)

    @pytest.mark.parametrize(("status", "failed"), [(2, 0), (5, 1)])
    def test_one_value_that_it_refuses_takes_no_other_along(self, status: int, failed: int) -> None:
        async def test(far: FakeDevice, port: int) -> None:
            for part in range(1, 7):
                far.values[(*SYSTEM, part, 0)] = (v2c.OctetString, f"part {part}".encode())
            far.status = lambda values: (status, 3) if values == 6 else (0, 0)
            async with session(port) as asking:
                found = await asking.get([(*SYSTEM, part, 0) for part in range(1, 7)])
                assert [bound.value for bound in found] == [b"part 1", b"part 2", None, b"part 4", b"part 5", b"part 6"]
                assert [bound.oid[-2] for bound in found] == [1, 2, 3, 4, 5, 6]
                assert asking.failed == failed
                far.status = lambda values: (status, 1)
                if status == 2:
                    assert (await asking.get([UPTIME]))[0].value is None
                else:
                    with pytest.raises(CommandError, match="it says genErr about"):
                        await asking.get([UPTIME])

        with_fake(test)

    def test_one_of_old_says_that_a_table_is_over_by_an_error(self) -> None:
        async def test(far: FakeDevice, port: int) -> None:
            for index in (1, 2):
                far.values[(*IF, 2, index)] = (v2c.OctetString, f"if{index}".encode())
                far.values[(*IF, 3, index)] = (v2c.Integer32, index)
            asked: list[int] = []

            def status(values: int) -> tuple[int, int]:
                asked.append(values)
                return (2, 1) if len(asked) == 2 else (0, 0)

            far.status = status
            far.most = 2
            async with session(port) as asking:
                table = await asking.columns(IF, [(2,), (3,)])
            assert {column: len(rows) for column, rows in table.items()} == {(2,): 1, (3,): 2}

        with_fake(test)

    def test_one_that_goes_round_in_circles_is_left(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            fake.values[(*IF, 2, 1)] = (v2c.Integer, 1)
            fake._bulk = lambda oids, repetitions: [((*IF, 2, 1), (v2c.Integer, 1))] * 3
            async with session(port) as one:
                with pytest.raises(CommandError, match=f"round in circles at {text_of(IF)}.2.1"):
                    await one.walk(IF)

        with_fake(test)

    def test_one_that_sends_without_end_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            fake.twist = lambda answer: [b"nonsense"] * 30 + [answer[:-3]] * 120
            async with session(port) as one:
                with pytest.raises(CommandError, match="sends 100 packets that are no answer: "):
                    await one.get([UPTIME])
            fake.twist = lambda answer: [b"nonsense", answer]
            async with session(port) as one:
                assert (await one.get([UPTIME]))[0].value == 100
            monkeypatch.setattr(_snmp_session, "MAX_BYTES", 50_000)
            fake.twist = lambda answer: [bytes(30000)] * 2
            async with session(port) as one:
                with pytest.raises(CommandError, match="more than 50000 bytes"):
                    await one.get([UPTIME])

        with_fake(test)

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
    def test_an_answer_from_elsewhere_is_not_taken(self, host: str) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind((host, 0))

                def twist(answer: bytes) -> list[bytes]:
                    forged = answer.replace(b"\x43\x01\x64", b"\x43\x01\x65")
                    assert forged != answer
                    other.sendto(forged, fake.asker)
                    return [answer]

                fake.twist = twist
                async with session(port) as one:
                    assert [(await one.get([UPTIME]))[0].value for _ in range(5)] == [100] * 5

        with_fake(test)

    def test_anothers_answer_is_not_taken(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            def other_number(answer: bytes) -> list[bytes]:
                at = answer.index(b"\xa2") + 4
                return [answer[:at] + bytes((answer[at] ^ 1,)) + answer[at + 1 :]]

            fake.twist = other_number
            async with session(port, reply_timeout=0.1) as one:
                with pytest.raises(Unanswered):
                    await one.get([UPTIME])

        with_fake(test)

    def test_why_an_answer_is_none_is_said(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            fake.twist = lambda answer: [b"\x31" + answer[1:]]
            async with session(port, reply_timeout=0.2) as one:
                with pytest.raises(Unanswered, match=r"sends what can't be read: .* of the library pyasn1$"):
                    await one.get([UPTIME])

        with_fake(test)

    def test_answers_about_something_else_are_an_error(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            fake.most = 0
            async with session(port) as one:
                with pytest.raises(CommandError, match="other values than were asked for"):
                    await one.get([UPTIME])
                with pytest.raises(CommandError, match="answers with nothing"):
                    await one.walk(IF)
            fake.status = lambda values: (5, 1)
            async with session(port) as one:
                with pytest.raises(CommandError, match=r"says genErr about 1\.3\.6\.1\.2\.1\.1\.3\.0$"):
                    await one.get([UPTIME])
            fake.status = lambda values: (77, 9)
            async with session(port) as one:
                with pytest.raises(CommandError, match=r"says error 77$"):
                    await one.get([UPTIME])

        with_fake(test)

    def test_requests_are_sent_again(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            fake.drop = 2
            async with session(port, reply_timeout=0.5, retries=2) as one:
                assert (await one.get([UPTIME]))[0].value == 100
            fake.drop = 2
            async with session(port, reply_timeout=0.1, retries=1) as one:
                with pytest.raises(Unanswered, match=r"didn't answer 2 times within 0\.1 s"):
                    await one.get([UPTIME])

        with_fake(test)

    def test_what_a_device_has_not_is_not_asked_for_again(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            far = remote(port, oids={"x": text_of((*SYSTEM, 9, 0))})
            told = [await far.sample(), await far.sample()]
            assert [set(each) for each in told] == [{"uptime", "snmp"}] * 2
            assert told[1]["snmp"]["requests"] == 2 < told[0]["snmp"]["requests"]
            fake.values[(*SYSTEM, 9, 0)] = (v2c.Integer, 3)
            assert (await far.sample())["oids"] == {"x": 3}

        with_fake(test)

    def test_where_one_part_fails_the_others_are_told(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            fake.values |= {(*PROCESSOR_LOAD, 1): (v2c.Integer, 5)}
            fake.values |= {(*SYSTEM, 99, row): (v2c.Integer, row) for row in range(1100)}
            far = remote(port, oids={"many": {"oid": text_of((*SYSTEM, 99)), "walk": True}})
            for _ in range(2):
                told = await far.sample()
                assert (told["snmp"]["failed"], told["cpu"]["count"]) == (1, 1)
            fake.drop = 100
            with pytest.raises(Unanswered):
                await remote(port, reply_timeout=0.1, retries=0).sample()

        with_fake(test)

    def test_memory_disks_and_processors_are_told(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            rows = [(1, b"Physical memory", 1024, 1000, 250, 2), (2, b"/", 4096, -2, 2**30, 4), (3, b"/", 1, 0, 0, 4)]
            for row, label, unit, size, used, kind in rows:
                fake.values |= {
                    (*STORAGE, 2, row): (v2c.ObjectIdentifier, (*HOST, 2, 1, kind)),
                    (*STORAGE, 3, row): (v2c.OctetString, label),
                    (*STORAGE, 4, row): (v2c.Integer, unit),
                    (*STORAGE, 5, row): (v2c.Integer, size),
                    (*STORAGE, 6, row): (v2c.Integer, used),
                }
            fake.values |= {(*PROCESSOR_LOAD, 768 + core): (v2c.Integer, 10 * core) for core in range(4)}
            fake.values |= {(*UCD_LOAD, 5, row): (v2c.Integer, 10 * row) for row in (1, 2, 3)}
            told = await remote(port).sample()
            assert told["storage"] == {
                "Physical_memory": {"total": 1_024_000, "used": 256_000, "free": 768_000, "percent": 25.0}
            }
            (disk,) = told["disk"].values()
            assert (disk["total"], disk["percent"]) == ((2**32 - 2) * 4096, 25.0)
            assert told["cpu"] == {"count": 4, "total": {"percent": 15.0}} | {
                str(core): {"percent": 10 * core} for core in range(4)
            }
            assert told["load"] == {"1m": 0.1, "5m": 0.2, "15m": 0.3}

        with_fake(test)

    def test_values_of_ones_own_are_numbers(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            base = (1, 3, 6, 1, 4, 1, 99)
            fake.values |= {
                (*base, 1, 0): (v2c.OctetString, b"23.5 %"),
                (*base, 2, 0): (v2c.OctetString, b"warm"),
                (*base, 3, 0): (v2c.Opaque, b"\x9f\x78\x04\x40\x20\x00\x00"),
                (*base, 4, 1, 1): (v2c.Integer, 1),
                (*base, 4, 1, 2): (v2c.Integer, 2),
                (*base, 4, 1, 3): (v2c.Integer, 3),
                (*base, 4, 2, 1): (v2c.OctetString, b"fan a"),
                (*base, 4, 2, 2): (v2c.OctetString, b"psu"),
                (*base, 4, 2, 3): (v2c.OctetString, b"psu"),
                (*base, 5, 0): (v2c.Integer, 7),
            }
            oids = {
                "warmth": text_of((*base, 1, 0)),
                "word": text_of((*base, 2, 0)),
                "volts": {"oid": text_of((*base, 3, 0)), "scale": 10},
                "fans": {"oid": text_of((*base, 4, 1)), "walk": True, "label": text_of((*base, 4, 2))},
                "plain": {"oid": text_of((*base, 4, 1)), "walk": True},
                "missing": "1.3.6.1.4.1.98.0",
                "sessions": {"oid": text_of((*base, 5, 0)), "type": "counter"},
            }
            far = remote(port, oids=oids)
            await far.sample()
            fake.values[(*base, 5, 0)] = (v2c.Integer, 9)
            told = (await far.sample())["oids"]
            assert (told["warmth"], told["volts"]) == (23.5, 25.0)
            assert told["plain"] == {"1": 1, "2": 2, "3": 3}
            assert sorted(told["fans"].values()) == [1, 2, 3]
            assert "psu" not in told["fans"]
            assert (told["sessions"], told["sessions_per_s"] > 0) == (9, True)
            assert set(told) == {"warmth", "volts", "fans", "plain", "sessions", "sessions_per_s"}

        with_fake(test)


class TestTraffic:
    def test_counters_go_on_when_they_were_full(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            now = [1000.0]
            far = Remote(settings(proxy(port, collect=["interfaces"])), clock=lambda: now[0])
            fake.values.update(
                {
                    (*IF, 2, 1): (v2c.OctetString, b"Gi0/1"),
                    (*IF, 10, 1): (v2c.Counter32, 2**32 - 1000),
                    (*IF, 14, 1): (v2c.Counter32, 5),
                }
            )
            first = await far.sample()
            (name,) = first["net"]
            assert name.startswith("Gi0")
            assert first["net"][name]["rx_bytes"] == 2**32 - 1000
            now[0] += 10
            fake.values[UPTIME] = (v2c.TimeTicks, 1100)
            fake.values[(*IF, 10, 1)] = (v2c.Counter32, 1000)
            second = (await far.sample())["net"][name]
            assert (second["rx_bytes"], second["rx_bytes_per_s"]) == (2**32 + 1000, 200.0)
            assert second["rx_errors_per_s"] == 0
            now[0] += 10
            fake.values[UPTIME] = (v2c.TimeTicks, 5)  # it was restarted
            fake.values[(*IF, 10, 1)] = (v2c.Counter32, 500)
            third = (await far.sample())["net"][name]
            assert third["rx_bytes"] == 500
            assert "rx_bytes_per_s" not in third

        with_fake(test)

    def test_counters_of_64_bits_count(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            far = remote(port, collect=["interfaces"])
            fake.values.update(
                {
                    (*IF, 2, 1): (v2c.OctetString, b"long description"),
                    (*IF, 5, 1): (v2c.Gauge32, 2**32 - 1),
                    (*IF, 8, 1): (v2c.Integer, 1),
                    (*IF, 10, 1): (v2c.Counter32, 1),
                    (*IFX, 1, 1): (v2c.OctetString, b"xe-0/0/0.100"),
                    (*IFX, 6, 1): (v2c.Counter64, 2**40),
                    (*IFX, 7, 1): (v2c.Counter64, 10),
                    (*IFX, 8, 1): (v2c.Counter64, 20),
                    (*IFX, 9, 1): (v2c.Counter64, 30),
                    (*IFX, 10, 1): (v2c.Counter64, 1),
                    (*IFX, 11, 1): (v2c.Counter64, 1),
                    (*IFX, 15, 1): (v2c.Gauge32, 10000),
                    (*IF, 2, 2): (v2c.OctetString, b"old"),
                    (*IF, 10, 2): (v2c.Counter32, 7),
                    (*IF, 11, 2): (v2c.Counter32, 8),
                    (*IF, 12, 2): (v2c.Counter32, 9),
                }
            )
            told = (await far.sample())["net"]
            (new,) = (name for name in told if name != "old")
            assert new.startswith("xe-0")
            assert told[new]["rx_bytes"] == 2**40
            assert (told[new]["rx_packets"], told[new]["rx_multicast"]) == (60, 20)
            assert (told[new]["speed_bits_per_s"], told[new]["up"]) == (10**10, 1)
            assert (told["old"]["rx_bytes"], told["old"]["rx_packets"]) == (7, 17)

        with_fake(test)

    def test_interfaces_of_one_name_are_told_apart(self) -> None:
        async def test(fake: FakeDevice, port: int) -> None:
            for row in (1, 2):
                fake.values[(*IFX, 1, row)] = (v2c.OctetString, b"eth")
                fake.values[(*IFX, 6, row)] = (v2c.Counter64, row)
            fake.values[(*IFX, 1, 3)] = (v2c.OctetString, b"lan_a")
            fake.values[(*IFX, 6, 3)] = (v2c.Counter64, 3)
            told = (await remote(port).sample())["net"]
            assert sorted(row["rx_bytes"] for row in told.values()) == [1, 2, 3]
            assert sum(name.startswith("eth_") for name in told) == 2
            assert "lan__a" in told

        with_fake(test)


class TestSettings:
    @pytest.mark.parametrize(
        ("told", "why"),
        [
            ({"host": None}, "host: it is missing"),
            ({"community": None}, "community: it is missing"),
            ({"port": 70000}, "port: a number from 1 to 65535 is right"),
            ({"port": "x"}, "port: a number from"),
            ({"retries": 1.5}, "retries: a whole number from 0 to 10 is right"),
            ({"version": 1}, "version: right are 2c, 3"),
            ({"comunity": "x"}, "comunity: there is no such option: right are"),
            ({"user": "x"}, "user: that is of version 3"),
            ({"version": 3}, "community: version 3 has none"),
            (user("u", community=None) | {"user": None}, "user: it is missing"),
            (user("u", "SHA", auth_key="short"), "auth_key: it has fewer than 8 characters"),
            (user("u", "SHA", auth_key=None), "auth_key: it is missing"),
            (user("ü" * 17), "user: it has more than 32 bytes"),
            (user("u", "ROT13"), "auth_protocol: right are MD5, SHA, SHA-224"),
            (user("u", priv="AES"), "priv_protocol: encryption needs auth_protocol"),
            (user("u", auth_key="x" * 9), "auth_key: it needs auth_protocol"),
            ({"collect": ["disks"]}, "collect: 'disks' is none of system, interfaces"),
            ({"collect": "system"}, "collect: a list of texts is right"),
            ({"oids": {"x": "not"}}, "'not' is no OID"),
            ({"oids": {"x.y": "1.3.6"}}, "'x.y' is no part of a metric's name"),
            ({"oids": {"x": {"oid": "1.3.6", "type": "text"}}}, "oids: x: type: right are gauge, counter"),
            ({"oids": {"x": {"oid": "1.3.6", "label": "1.3.7"}}}, "label: it needs walk: true"),
            ({"oids": {"x": {"oid": "1.3.6", "wlak": True}}}, "wlak: there is no such option"),
            ({"oids": [1]}, "oids: a map of names is right"),
            ({"exclude": [1]}, "exclude: a list of texts is right"),
        ],
    )
    def test_what_is_wrong_is_said_in_a_line(self, told: Any, why: str) -> None:
        with pytest.raises(CommandError) as caught:
            settings({**proxy(161), **told} if told.get("version") != 3 or "user" not in told else {**proxy(1, **told)})
        assert why in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_texts_of_numbers_are_taken(self) -> None:
        told = settings(proxy(161, community=12345, version="2c", oids={"x": 1.3, "y": "sysUpTime.0"}))
        assert told.community == "12345"
        assert told.oids["x"].oid == (1, 3)
        assert told.oids["y"].oid == UPTIME

    def test_no_repr_shows_a_credential(self) -> None:
        told = settings(proxy(161, **user("u", "SHA", "AES")))
        assert PASSWORD not in repr(told) + repr(told.credentials) + str(told)
        assert "public" not in repr(settings(proxy(161)))


class TestNames:
    def test_vendors_go_by_their_number(self) -> None:
        assert vendor_of(parsed("1.3.6.1.4.1.9.1.516")) == "Cisco"
        assert vendor_of(parsed("enterprises.14988.1")) == "MikroTik"
        assert vendor_of(parsed("1.3.6.1.4.1.4881.1.1.10.1.41")) == "Ruijie"
        assert [vendor_of(oid) for oid in (None, (1, 3), parsed("1.3.6.1.4.1"), parsed("1.3.6.1.4.1.1"))] == [""] * 4

    @pytest.mark.parametrize(
        ("descr", "system"),
        [
            ("Linux box 6.1.0-13-amd64 #1 SMP", "Linux"),
            ("Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2(55)SE", "IOS"),
            ("Cisco IOS Software [Amsterdam], Catalyst L3 Switch Software, IOS-XE", "IOS-XE"),
            ("Cisco NX-OS(tm) n5000, Software", "NX-OS"),
            ("Juniper Networks, Inc. ex2200-24t-4g , kernel JUNOS 12.3R6.6", "JUNOS"),
            ("RouterOS CCR1009-8G-1S", "RouterOS"),
            ("Arista Networks EOS version 4.14.5F running on an Arista Networks DCS-7050", "EOS"),
            ("Hardware: Intel64 Family 6 - Software: Windows Version 6.3", "Windows"),
            ("FreeBSD fw 12.3-STABLE FreeBSD 12.3", "FreeBSD"),
            ("SunOS zeus 5.11", "SunOS"),
            ("ArubaOS (MODEL: Aruba7010), Version 8.3.0.0 (64659)", "ArubaOS"),
            ("S5720-36C-EI-AC \r\nHuawei Versatile Routing Platform Software", "VRP"),
            ("H3C Comware Platform Software, Software Version 7.1.075", "Comware"),
            ("Isilon OneFS nas-1 v7.2.1.0", "OneFS"),
            ("HP ETHERNET MULTI-ENVIRONMENT,ROM none", ""),
            ("", ""),
        ],
    )
    def test_systems_go_by_what_they_say(self, descr: str, system: str) -> None:
        assert system_of(descr) == system

    @pytest.mark.parametrize(
        "text", ["", "x", "1", "1.3.", "1..3", "-1.3", "3.1", "1.40", "1.3.4294967296", "١.٣", "1.3 4"]
    )
    def test_what_is_no_oid_is_refused(self, text: str) -> None:
        with pytest.raises(CommandError, match="is no OID"):
            parsed(text)

    def test_oids_have_names(self) -> None:
        assert parsed("sysName.0") == parsed(".1.3.6.1.2.1.1.5.0") == parsed("SNMPv2-MIB::sysName.0") == (*SYSTEM, 5, 0)
        assert json.dumps(text_of(parsed("ifDescr.2"))) == '"1.3.6.1.2.1.2.2.1.2.2"'
