"""SNMP's messages: whatever comes is read or refused, and nobody but the device is believed."""

from __future__ import annotations

import contextlib
import gc
import math
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c
from pysnmp.proto.mpmod.rfc3412 import SNMPv3Message

from saltern.errors import CommandError
from saltern_modules import _snmp_engine
from saltern_modules import _snmp_value as value
from saltern_modules._snmp_counters import FULL_TICKS, Counters, Reading, Uptime
from saltern_modules._snmp_engine import Engines
from saltern_modules._snmp_message import Community, unsigned
from saltern_modules._snmp_oid import MAX_ARC, UPTIME, parsed, text_of
from saltern_modules._snmp_pdu import AskAgain, Asked, Bound, Oid, Pdu, Unreadable
from saltern_modules._snmp_settings import Credentials
from saltern_modules._snmp_user import User
from support.fake_snmp import snmpd

OIDS = st.tuples(st.integers(0, 2), st.integers(0, 39)).flatmap(
    lambda first: st.lists(st.integers(0, MAX_ARC), max_size=20).map(lambda rest: (*first, *rest))
)


def answer_of_2c(number: int, *bound: Any) -> bytes:
    pdu, message = v2c.ResponsePDU(), v2c.Message()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, number)
    v2c.apiPDU.set_varbinds(pdu, bound)
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def read(one: Any) -> Bound:
    """Return what becomes of a value of the library's on its way."""
    found = Community("public").answer(answer_of_2c(1, (UPTIME, one)), 1)
    assert found is not None
    return found.bound[0]


class TestValues:
    @pytest.mark.parametrize(
        ("sent", "bound"),
        [
            (v2c.Integer(-5), Bound(UPTIME, "Integer", -5)),
            (v2c.Counter32(2**32 - 1), Bound(UPTIME, "Counter32", 2**32 - 1)),
            (v2c.Counter64(2**64 - 1), Bound(UPTIME, "Counter64", 2**64 - 1)),
            (v2c.Gauge32(7), Bound(UPTIME, "Gauge32", 7)),
            (v2c.TimeTicks(7), Bound(UPTIME, "TimeTicks", 7)),
            (v2c.OctetString(b"\xff\0"), Bound(UPTIME, "OctetString", b"\xff\0")),
            (v2c.IpAddress("127.0.0.1"), Bound(UPTIME, "IpAddress", "127.0.0.1")),
            (v2c.ObjectIdentifier((1, 3, 6)), Bound(UPTIME, "ObjectIdentifier", (1, 3, 6))),
            (v2c.Opaque(b"\x9f\x78\x04\x40\x20\0\0"), Bound(UPTIME, "Opaque", 2.5)),
            (v2c.Opaque(b"\x9f\x79\x08\x40\x04" + bytes(6)), Bound(UPTIME, "Opaque", 2.5)),
            (v2c.Opaque(b"\x9f\x78\x04\x40"), Bound(UPTIME, "Opaque", b"\x9f\x78\x04\x40")),
            (v2c.null, Bound(UPTIME, "Null", None)),
            (v2c.NoSuchObject(""), Bound(UPTIME, "NoSuchObject", None)),
            (v2c.EndOfMibView(""), Bound(UPTIME, "EndOfMibView", None)),
        ],
    )
    def test_values_are_pythons(self, sent: Any, bound: Bound) -> None:
        assert read(sent) == bound

    @pytest.mark.parametrize(
        ("bound", "plain", "number"),
        [
            (Bound((1, 3), "OctetString", b"text\0"), "text", None),
            (Bound((1, 3), "OctetString", b"\x02\xfc\0\x01"), "0x02fc0001", None),
            (Bound((1, 3), "OctetString", b"\x1b[2J"), "0x1b5b324a", None),
            (Bound((1, 3), "OctetString", b" 12.5\n"), "12.5", 12.5),
            (Bound((1, 3), "OctetString", b"inf"), "inf", None),
            (Bound((1, 3), "Counter64", 2**64 - 1), 2**64 - 1, 2**64 - 1),
            (Bound((1, 3), "ObjectIdentifier", (1, 3, 6)), "1.3.6", None),
            (Bound((1, 3), "IpAddress", "127.0.0.1"), "127.0.0.1", None),
            (Bound((1, 3), "NoSuchObject", None), None, None),
            (Bound((1, 3), "Opaque", math.nan), None, None),
        ],
    )
    def test_values_are_plain(self, bound: Bound, plain: Any, number: Any) -> None:
        assert value.plain(bound) == plain
        assert value.number(bound) == number

    @pytest.mark.parametrize(
        ("sent", "read"),
        [
            ("Zürich".encode(), "Zürich"),
            ("Zürich, Café".encode()[:-1], "Zürich, Caf"),  # as devices do that cut after so many bytes
            ("Zürich".encode("latin-1"), "Zürich"),
            ("Café".encode("latin-1"), "Café"),
            (b"rack 4\0\r\n", "rack 4"),
            ("rack 4", ""),
            (None, ""),
        ],
    )
    def test_texts_are_read_in_either_encoding(self, sent: Any, read: str) -> None:
        assert value.text(sent) == read

    @given(OIDS)
    def test_oids_come_back(self, oid: Oid) -> None:
        assert read(v2c.ObjectIdentifier(oid)).value == oid
        assert parsed(text_of(oid)) == oid

    def test_indexes_that_are_texts_are_read(self) -> None:
        assert value.index_text((3, 101, 116, 104)) == "eth"
        assert value.index_text((3, 1, 2, 3)) == "3.1.2.3"
        assert value.index_text((7,)) == "7"


WHOLE_2C = answer_of_2c(7, (UPTIME, v2c.TimeTicks(5)))


class TestVersion2c:
    def test_what_is_asked_is_sent(self) -> None:
        for asked in (Asked([UPTIME, (1, 3)]), Asked([UPTIME], 25)):
            message, rest = decoder.decode(Community("secret").request(asked, 2**31 - 1), asn1Spec=v2c.Message())
            assert (int(message[0]), bytes(message[1]), rest) == (1, b"secret", b"")
            pdu = v2c.apiMessage.get_pdu(message)
            assert isinstance(pdu, v2c.GetBulkRequestPDU if asked.repetitions else v2c.GetRequestPDU)
            assert [int(pdu[at]) for at in range(3)] == [2**31 - 1, 0, asked.repetitions]
            assert [tuple(oid) for oid, _ in v2c.apiPDU.get_varbinds(pdu)] == asked.oids

    @given(st.binary(max_size=300))
    @example(b"\x30\x80" * 30_000)
    @example(b"\x30\x84\xff\xff\xff\xff")
    def test_any_bytes_are_an_answer_or_an_error(self, data: bytes) -> None:
        with contextlib.suppress(Unreadable):
            assert isinstance(Community("public").answer(data, 1), Pdu | None)

    @given(st.integers(0, 60), st.integers(0, 255))
    def test_a_damaged_answer_is_an_answer_or_an_error(self, at: int, byte: int) -> None:
        at %= len(WHOLE_2C)
        with contextlib.suppress(Unreadable):
            found = Community("public").answer(WHOLE_2C[:at] + bytes((byte,)) + WHOLE_2C[at + 1 :], 7)
            assert found is None or len(found.bound) <= 1

    def test_answers_go_by_their_number(self) -> None:
        found = Community("public").answer(WHOLE_2C, 7)
        assert found is not None
        assert found.bound == [Bound(UPTIME, "TimeTicks", 5)]
        assert Community("public").answer(WHOLE_2C, 8) is None

    def test_requests_are_no_answers(self) -> None:
        public = Community("public")
        assert public.answer(public.request(Asked([UPTIME]), 7), 7) is None


AUTH, PRIV = "of the signature", "of the cipher"
GIVEN = Credentials("u", "SHA-256", AUTH, "AES", PRIV)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A device with the users ``u`` (signed and encrypted) and ``bare``."""
    lines = f'createUser u SHA-256 "{AUTH}" AES "{PRIV}"\nrouser u priv\ncreateUser bare\nrouser bare noauth\n'
    with snmpd(tmp_path_factory.mktemp("snmpd"), lines) as port:
        yield port


class Asker:
    """Asks one device as one user, and keeps the packets that it gets."""

    def __init__(self, port: int, given: Credentials = GIVEN, engines: Engines | None = None) -> None:
        self.user = User(given, engines or Engines())
        self.number = 0
        self.request = b""
        self._port = port

    def sent(self) -> bytes:
        """Return what the device answers to the next request."""
        self.user.forget(self.number)
        self.number += 1
        self.request = self.user.request(Asked([UPTIME]), self.number)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(5)
            one.connect(("127.0.0.1", self._port))
            one.send(self.request)
            return one.recv(65535)

    def rounds(self) -> int:
        """Ask until there is an answer, and return how often that was."""
        for count in range(1, 6):
            try:
                found = self.user.answer(self.sent(), self.number)
            except AskAgain:
                continue
            assert found is not None
            assert found.bound[0].type == "TimeTicks"
            return count
        raise AssertionError("it goes on asking")


class TestVersion3:
    def test_engine_and_clock_are_learnt_once(self, server: int) -> None:
        asker = Asker(server)
        asker.sent()
        assert not any(secret in asker.request for secret in (AUTH.encode(), PRIV.encode(), b"u" * 2))
        assert asker.rounds() == 2
        assert [asker.rounds() for _ in range(3)] == [1, 1, 1]
        assert Asker(server, Credentials("bare")).rounds() == 2

    def test_they_are_asked_for_anew_after_a_while(self, server: int, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [1000.0]
        monkeypatch.setattr(_snmp_engine.time, "monotonic", lambda: now[0])
        asker = Asker(server)
        rounds = []
        for _ in range(40):
            rounds.append(asker.rounds())
            now[0] += 10
        assert rounds[:10] == [2, *[1] * 9]
        assert max(rounds) == 3
        now[0] += 1e6
        assert asker.rounds() <= 3

    def test_a_damaged_answer_is_never_taken(self, server: int) -> None:
        asker = Asker(server)
        asker.rounds()
        whole = asker.sent()
        for at in range(len(whole)):
            for bit in (1, 2, 0x40):
                damaged = whole[:at] + bytes((whole[at] ^ bit,)) + whole[at + 1 :]
                assert asker.user.answer(damaged, asker.number) is None
        found = asker.user.answer(whole, asker.number)
        assert found is not None
        assert found.number == asker.number

    @given(st.binary(max_size=300))
    @example(b"\x30\x80" * 30_000)
    def test_any_bytes_are_no_answer(self, data: bytes) -> None:
        user = User(GIVEN, _SHARED)
        user.request(Asked([UPTIME]), 1)
        assert user.answer(data, 1) is None
        user.forget(1)

    def test_an_old_answer_is_not_taken(self, server: int) -> None:
        asker = Asker(server)
        asker.rounds()
        old = asker.sent()
        assert asker.user.answer(old, asker.number) is not None
        assert asker.user.answer(old, asker.number) is None
        asker.sent()
        assert asker.user.answer(old, asker.number) is None

    @pytest.mark.parametrize("flags", [0, 1, 3])
    def test_an_answer_that_is_not_signed_is_not_taken(self, server: int, flags: int) -> None:
        asker = Asker(server)
        asker.rounds()
        asker.sent()
        assert asker.user.answer(forged(asker.request, asker.number, flags), asker.number) is None
        assert asker.user.answer(forged(asker.request, asker.number, flags, user=b""), asker.number) is None

    def test_without_signatures_the_number_is_to_be_right(self, server: int) -> None:
        asker = Asker(server, Credentials("bare"))
        asker.rounds()
        asker.sent()
        assert asker.user.answer(forged(asker.request, asker.number + 1, 0), asker.number) is None
        asker.sent()
        assert asker.user.answer(forged(asker.request, asker.number, 0), asker.number) is not None

    def test_users_of_one_name_are_told_apart(self, server: int, tmp_path: Path) -> None:
        engines = Engines()
        here = Asker(server, GIVEN, engines)
        wrong = Asker(server, GIVEN._replace(auth_key="another password"), engines)
        other = GIVEN._replace(auth_protocol="SHA", auth_key="another password", priv_key="and another")
        lines = f'createUser u SHA "{other.auth_key}" AES "{other.priv_key}"\nrouser u priv\n'
        with snmpd(tmp_path, lines) as port:
            there = Asker(port, other, engines)
            for _ in range(2):
                assert (here.rounds(), there.rounds()) in ((2, 2), (1, 1))
                with pytest.raises(CommandError, match="takes the signature for wrong"):
                    wrong.rounds()

    def test_a_device_with_another_engine_is_met_anew(self, tmp_path: Path) -> None:
        lines = f'createUser u SHA-256 "{AUTH}" AES "{PRIV}"\nrouser u priv\n'
        with snmpd(tmp_path, f"engineID one\n{lines}") as port:
            asker = Asker(port)
            assert asker.rounds() == 2
        other = tmp_path / "other"
        other.mkdir()
        with snmpd(other, f"engineID two\n{lines}", port=port):
            assert asker.user.answer(asker.sent(), asker.number) is None  # the library takes no report of a stranger
            assert asker.rounds() == 2
            assert asker.rounds() == 1

    def test_a_device_that_was_restarted_is_believed(self, tmp_path: Path) -> None:
        lines = f'engineID one\ncreateUser u SHA-256 "{AUTH}" AES "{PRIV}"\nrouser u priv\n'
        with snmpd(tmp_path, lines) as port:
            asker = Asker(port)
            assert asker.rounds() == 2
        boots = f"engineBoots 6\noldEngineID 0x80001f8804{b'one'.hex()}\n"
        with snmpd(tmp_path, boots + lines, port=port):
            assert asker.rounds() == 2
            assert asker.rounds() == 1

    def test_a_worn_engine_is_replaced(self, server: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_snmp_engine, "MAX_USERS", 1)
        engines = Engines()
        one, other = Asker(server, GIVEN, engines), Asker(server, Credentials("bare"), engines)
        first = engines.newest()
        assert [one.rounds(), one.rounds()] == [2, 2]  # each time it is worn by then
        assert other.rounds() == 2
        assert engines.newest() is not first
        monkeypatch.setattr(_snmp_engine, "MAX_USERS", 100)
        monkeypatch.setattr(_snmp_engine, "MAX_STRANGE", 3)
        kept = engines.newest()
        assert [one.rounds(), other.rounds(), one.rounds()] == [2, 2, 1]
        assert engines.newest() is kept
        for _ in range(3):
            one.user.answer(b"nonsense", one.number)
        assert engines.newest() is not kept
        assert one.rounds() == 2

    def test_of_requests_that_are_over_nothing_is_kept(self, server: int) -> None:
        asker = Asker(server)
        asker.rounds()
        late = asker.sent()
        kept = ref(asker.user._pending[asker.number].told)
        asker.user.forget(asker.number)
        gc.collect()
        assert kept() is None
        asker.number += 1
        asker.user.request(Asked([UPTIME]), asker.number)
        assert asker.user.answer(late, asker.number) is None


_SHARED = Engines()


def forged(request: bytes, number: int, flags: int, user: bytes | None = None) -> bytes:
    """Return an answer to *request* by someone who saw it, and has no keys."""
    message, _ = decoder.decode(request, asn1Spec=SNMPv3Message())
    parameters, _ = decoder.decode(bytes(message[2]))
    pdu = v2c.ResponsePDU()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, number)
    v2c.apiPDU.set_varbinds(pdu, [(UPTIME, v2c.TimeTicks(666))])
    message[1][2] = bytes((flags,))
    if user is not None:
        parameters[3] = user
    if flags:
        parameters[4] = bytes(24)
    message[2] = encoder.encode(parameters)
    scoped = message.setComponentByPosition(3)[3].setComponentByPosition(0)[0]
    scoped[0] = parameters[0]
    scoped[1] = b""
    scoped.setComponentByPosition(2)[2].setComponentByType(pdu.tagSet, pdu)
    return bytes(encoder.encode(message))


class TestCounters:
    @given(
        st.sampled_from((32, 64)),
        st.integers(0, 2**64),
        st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=20),
    )
    def test_what_is_told_goes_on_as_the_counter_does(self, bits: int, start: int, steps: list[int]) -> None:
        counters, true = Counters(), start % 2**bits
        begun = counters.update(0.0, {"c": Reading(true, bits)})["c"]
        assert (begun.total, begun.per_s) == (true if true < 2**63 else float(true), None)
        for now, step in enumerate(steps, 1):
            true += step
            told = counters.update(float(now), {"c": Reading(true % 2**bits, bits)})["c"]
            assert told.total == (true if true < 2**63 else float(true))
            assert told.per_s == step

    def test_what_was_set_back_has_no_rate_once(self) -> None:
        counters = Counters()

        def told(now: float, reading: Reading, **how: bool) -> tuple[float | None, ...]:
            return tuple(counters.update(now, {"c": reading}, **how)["c"])

        assert told(0, Reading(1000, 32)) == (1000, None)
        assert told(10, Reading(10, 32)) == (10, None)  # far from full
        assert told(20, Reading(20, 32)) == (20, 1.0)
        assert told(30, Reading(30, 32), restarted=True) == (30, None)
        assert told(40, Reading(40, 32, "other")) == (40, None)
        assert told(50, Reading(50, 64, "other")) == (50, None)
        assert counters.update(60, {}) == {}
        assert told(70, Reading(60, 64, "other")) == (60, None)

    def test_an_interfaces_speed_tells_what_is_likely(self) -> None:
        counters = Counters()
        counters.update(0, {"c": Reading(1000, 32, None, 1e6)})
        assert counters.update(1, {"c": Reading(900, 32, None, 1e6)})["c"] == (900, None)  # 4 GB in a second: no
        counters.update(2, {"c": Reading(2**32 - 1, 32, None, 1e6)})
        assert counters.update(3, {"c": Reading(999_999, 32, None, 1e6)})["c"] == (2**32 + 999_999, 1_000_000)
        counters.update(4, {"c": Reading(5, 32, None, 1e9)})
        told = counters.update(34, {"c": Reading(6, 32, None, 1e9)})["c"]
        assert told.per_s is None  # it may have been full seven times

    def test_uptime_goes_on_after_497_days(self) -> None:
        uptime = Uptime()
        assert uptime.update(0, FULL_TICKS - 500) == ((FULL_TICKS - 500) / 100, False)
        assert uptime.update(10, 500) == ((FULL_TICKS + 500) / 100, False)
        assert uptime.update(20, 1500) == ((FULL_TICKS + 1500) / 100, False)
        assert uptime.update(30, 100) == (1.0, True)
        assert uptime.update(40, 1100) == (11.0, False)
        assert uptime.update(50, 1000) == (10.0, True)


class TestUnsigned:
    @pytest.mark.parametrize(
        ("kind", "number"),
        [(v2c.Counter32, 0x92345678), (v2c.Gauge32, 2**32 - 1), (v2c.TimeTicks, 2**31), (v2c.Counter64, 2**64 - 2)],
    )
    @pytest.mark.parametrize("more", [0, 30])
    def test_a_counter_that_is_written_as_if_it_were_below_0_is_what_it_means(
        self, kind: Any, number: int, more: int
    ) -> None:
        rest = [((*UPTIME, row), v2c.OctetString(bytes(row))) for row in range(more)]
        right = answer_of_2c(1, (UPTIME, kind(number)), *rest)
        wrong = unsigned_undone(right)
        assert wrong != right
        found = Community("public").answer(wrong, 1)
        assert found is not None
        assert found.bound[0].value == number
        assert len(found.bound) == 1 + more
        assert unsigned(wrong) == right
        assert unsigned(right) == right

    @given(st.binary(max_size=200))
    def test_whatever_comes_is_mended_or_refused(self, data: bytes) -> None:
        with contextlib.suppress(ValueError):
            unsigned(data)


def unsigned_undone(data: bytes, level: int = 0) -> bytes:
    """Return BER without the zero bytes before unsigned numbers."""
    parts, at = b"", 0
    while at < len(data):
        tag, size, start = data[at], data[at + 1], at + 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[at + 2 : start], "big")
        body = data[start : start + size]
        if tag in (0x30, 0xA2):
            body = unsigned_undone(body, level + 1)
        elif tag in (0x41, 0x42, 0x43, 0x46) and body[:1] == b"\0":
            body = body[1:]
        length = len(body).to_bytes(3, "big").lstrip(b"\0")
        parts += (
            bytes((tag,)) + (bytes((len(body),)) if len(body) < 128 else bytes((128 | len(length),)) + length) + body
        )
        at = start + size
    return parts
