"""Logins from outside: whoever asks, how often, and how many at a time."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import Busy, ChannelError, ConfigError, NotAuthorised
from saltern.secret import Secret
from saltern_master.auth import authenticator as module
from saltern_master.auth import passwords
from saltern_master.auth.authenticator import REFUSED, Authenticator
from saltern_master.auth.eauth.configured import configured_drivers
from saltern_master.auth.eauth.driver import Identity

HERE = "192.0.2.7"
QUICKLY_S = 0.01


class Book:
    """A driver that knows ``{name: password}``, and who asked it."""

    def __init__(self, known: dict[str, str] | None = None) -> None:
        self.known = {"fred": "s3cret"} if known is None else known
        self.asked: list[tuple[str, str]] = []
        self.running = self.most = 0
        self.go: threading.Event | None = None
        self.fault: Exception | None = None
        self._lock = threading.Lock()

    def authenticate(self, username: str, password: str) -> Identity | None:
        with self._lock:
            self.asked.append((username, password))
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            if self.go is not None:
                assert self.go.wait(30)
            if self.fault is not None:
                raise self.fault
            return Identity(username) if self.known.get(username) == password else None
        finally:
            with self._lock:
                self.running -= 1


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


Run = Callable[[Callable[[Authenticator], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def run(book: Book, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs a test with an authenticator that answers quickly."""
    monkeypatch.setattr(module, "ANSWER_EVERY_S", QUICKLY_S)

    def running(test: Callable[[Authenticator], Coroutine[Any, Any, Any]]) -> Any:
        one = Authenticator({}, drivers=lambda _: {"book": book}, clock=clock)

        async def whole() -> Any:
            try:
                return await test(one)
            finally:
                one.close()

        return asyncio.run(whole())

    return running


async def ended(login: Awaitable[Identity]) -> str:
    """Return how a login ends: its name, ``no``, or why it isn't tried."""
    try:
        return (await login).name
    except (NotAuthorised, Busy) as error:
        return "no" if str(error) == REFUSED else str(error)


def test_who_knows_his_password_is_let_in(run: Run, book: Book) -> None:
    async def test(one: Authenticator) -> None:
        assert await one.authenticate("book", "fred", "s3cret", HERE) == Identity("fred")
        assert one.sources == ["book"]
        assert one.metrics() == {
            "succeeded": 1,
            "failed": 0,
            "throttled": 0,
            "busy": 0,
            "unavailable": 0,
            "running": 0,
        }

    run(test)
    assert book.asked == [("fred", "s3cret")]


NEVER_ASKED: list[tuple[Any, Any, Any]] = [
    ("other", "fred", "s3cret"),
    ("", "fred", "s3cret"),
    (None, "fred", "s3cret"),
    (["book"], "fred", "s3cret"),
    ("x" * 10_000, "fred", "s3cret"),
    ("book", "", "s3cret"),
    ("book", "x" * 257, "s3cret"),
    ("book", "fred\0", "s3cret"),
    ("book", "fred\n", "s3cret"),
    ("book", "fr\x1b[0med", "s3cret"),
    ("book", "fr\u00aded", "s3cret"),
    ("book", "fr\ud800ed", "s3cret"),
    ("book", " fred", "s3cret"),
    ("book", "fred ", "s3cret"),
    ("book", None, "s3cret"),
    ("book", {"fred": 1}, "s3cret"),
    ("book", "fred", ""),
    ("book", "fred", "x" * 1025),
    ("book", "fred", "s3cret\0"),
    ("book", "fred", "s3cret\n"),
    ("book", "fred", "s3\x85cret"),
    ("book", "fred", "\udfff"),
    ("book", "fred", None),
    ("book", "fred", ["s3cret"]),
    ("book", "fred", Secret("s3cret")),
]


@pytest.mark.parametrize(("source", "username", "password"), NEVER_ASKED)
def test_what_can_be_no_name_or_password_is_refused_unasked(
    run: Run, book: Book, source: Any, username: Any, password: Any
) -> None:
    async def test(one: Authenticator) -> None:
        with pytest.raises(NotAuthorised) as raised:
            await one.authenticate(source, username, password, HERE)
        assert str(raised.value) == "Could not authenticate using provided credentials"
        assert one.metrics()["failed"] == 1

    run(test)
    assert book.asked == []


def test_all_refusals_take_the_same_time(tmp_path: Path) -> None:
    """An unknown driver and an unknown user too, with the hashes of a real file."""
    path = tmp_path / "users"
    path.write_text(f"fred:{passwords.hashed('s3cret')}\nplain:x\n")
    path.chmod(0o600)
    options = {"external_auth": {"file": {"^filename": str(path), "*": ["test.*"]}}}
    tries = [("file", "fred"), ("file", "nobody"), ("file", "plain"), ("none", "fred"), ("file", "fred\0")]

    async def test() -> list[float]:
        one = Authenticator(options)
        took = []
        for source, username in tries:
            began = time.monotonic()
            assert await ended(one.authenticate(source, username, "wrong", HERE)) == "no"
            took.append(time.monotonic() - began)
        one.close()
        return took

    took = asyncio.run(test())
    assert min(took) >= module.ANSWER_EVERY_S - 0.01


@pytest.mark.parametrize("took_s", [0.0, 0.3, 0.7])
def test_a_refusal_comes_at_a_whole_number_of_waits(
    run: Run, book: Book, clock: Clock, monkeypatch: pytest.MonkeyPatch, took_s: float
) -> None:
    monkeypatch.setattr(module, "ANSWER_EVERY_S", 0.25)
    slept: list[float] = []
    real = asyncio.sleep

    async def sleeping(seconds: float) -> None:
        slept.append(seconds)
        await real(0)

    monkeypatch.setattr(module.asyncio, "sleep", sleeping)
    driver = book.authenticate

    def working(username: str, password: str) -> Identity | None:
        clock.now += took_s
        return driver(username, password)

    book.authenticate = working  # type: ignore[method-assign]

    async def test(one: Authenticator) -> None:
        assert await ended(one.authenticate("book", "fred", "wrong", HERE)) == "no"

    run(test)
    assert slept == [pytest.approx({0.0: 0.25, 0.3: 0.2, 0.7: 0.05}[took_s])]


@pytest.mark.parametrize("username", ["fred", "nobody"])
def test_an_account_is_throttled_wherever_it_is_tried_from(run: Run, book: Book, clock: Clock, username: str) -> None:
    async def test(one: Authenticator) -> list[str]:
        said = [await ended(one.authenticate("book", username, "wrong", f"192.0.2.{n}")) for n in range(13)]
        clock.now += 1
        assert await ended(one.authenticate("book", username, "s3cret", "198.51.100.9")) == (
            "fred" if username == "fred" else "no"
        )
        assert one.metrics()["throttled"] == 2
        return said

    wait = "too many failed logins of this account or from 192.0.2.{}: wait 1 s"
    assert run(test) == ["no"] * 11 + [wait.format(11), wait.format(12)]
    assert len(book.asked) == 12


def test_one_name_in_many_spellings_is_one_account(run: Run, book: Book) -> None:
    names = ["fred", "FRED", "Fred", "fReD", "ｆｒｅｄ", "f\ufe00red", "frEd", "frED", "fRed", "fREd", "FrEd", "FREd"]

    async def test(one: Authenticator) -> list[str]:
        return [await ended(one.authenticate("book", name, "wrong", f"192.0.2.{n}")) for n, name in enumerate(names)]

    assert [said[:8] for said in run(test)] == ["no"] * 11 + ["too many"]


@pytest.mark.parametrize(
    ("addresses", "shown"),
    [
        (["192.0.2.7"], "192.0.2.7"),
        ([f"2001:db8:1:2::{n:x}" for n in range(1, 40)], "2001:db8:1:2::/64"),
        (["::ffff:192.0.2.7", "192.0.2.7"], "192.0.2.7"),
        ([""], "there"),
        (["local:fred"], "local:fred"),
        (["x\x1b" * 100], ("x\\x1b" * 32)),
    ],
)
def test_an_address_is_throttled_whatever_it_tries(run: Run, addresses: list[str], shown: str) -> None:
    async def test(one: Authenticator) -> list[str]:
        return [
            await ended(one.authenticate("book", f"user{n}", "wrong", addresses[n % len(addresses)])) for n in range(53)
        ]

    said = run(test)
    assert said[:51] == ["no"] * 51
    assert said[51] == f"too many failed logins of this account or from {shown}: wait 1 s"


def test_many_tries_at_once_are_no_more_than_one_after_the_other(run: Run, book: Book) -> None:
    async def test(one: Authenticator) -> list[str]:
        tries = (one.authenticate("book", "fred", f"wrong{n}", f"10.0.{n // 250}.{n % 250}") for n in range(200))
        return await asyncio.gather(*(ended(one_try) for one_try in tries))

    said = run(test)
    assert said.count("no") == 11
    assert len(book.asked) == 11


def test_programs_that_log_in_at_once_with_the_right_password_are_let_in(run: Run, book: Book) -> None:
    async def test(one: Authenticator) -> list[str]:
        tries = (one.authenticate("book", "fred", "s3cret", f"10.0.0.{n}") for n in range(100))
        return await asyncio.gather(*(ended(one_try) for one_try in tries))

    assert run(test) == ["fred"] * 100


def test_ten_thousand_logins_at_once_from_one_address(run: Run, book: Book) -> None:
    async def test(one: Authenticator) -> list[str]:
        tries = (one.authenticate("book", f"user{n}", "wrong", HERE) for n in range(10_000))
        return await asyncio.gather(*(ended(one_try) for one_try in tries))

    said = run(test)
    assert said.count("no") == 8
    assert said.count(f"8 logins from {HERE} are under way: try again") == 9_992


def test_ten_thousand_logins_at_once_from_as_many_addresses(run: Run, book: Book) -> None:
    async def test(one: Authenticator) -> list[str]:
        book.go = threading.Event()
        tries = [
            asyncio.create_task(ended(one.authenticate("book", f"user{n}", "wrong", f"10.{n >> 8}.{n & 255}.1")))
            for n in range(10_000)
        ]
        while len(book.asked) < 4:  # a thread says so
            await asyncio.sleep(0.001)
        for _ in range(3):  # the loop has its turns while all threads are busy
            await asyncio.sleep(0)
        book.go.set()
        said = await asyncio.gather(*tries)
        assert one.metrics()["running"] == 0
        assert not one._under_way
        assert not one._turns
        return said

    said = run(test)
    assert book.most == 4
    assert said.count("no") == len(book.asked) == 48
    assert sum("are under way: try again" in one for one in said) == 10_000 - 48


def test_who_logged_in_before_gets_in_while_strangers_crowd_the_door(run: Run, book: Book) -> None:
    async def test(one: Authenticator) -> None:
        assert await ended(one.authenticate("book", "fred", "s3cret", HERE)) == "fred"
        book.go = threading.Event()
        crowd = [
            asyncio.create_task(ended(one.authenticate("book", f"user{n}", "wrong", f"10.0.{n}.1"))) for n in range(100)
        ]
        await asyncio.sleep(0)
        home = asyncio.create_task(ended(one.authenticate("book", "fred", "s3cret", HERE)))
        away = asyncio.create_task(ended(one.authenticate("book", "bob", "b0b", "198.51.100.1")))
        while sum(task.done() for task in crowd) < 52:
            await asyncio.sleep(0.001)
        book.go.set()
        assert await home == "fred"
        assert await away == "49 logins are under way: try again"
        await asyncio.gather(*crowd)

    run(test)


def test_who_goes_away_isnt_spared_the_failure(run: Run, book: Book) -> None:
    async def test(one: Authenticator) -> None:
        for n in range(11):
            book.go = threading.Event()
            task = asyncio.create_task(one.authenticate("book", "fred", "wrong", HERE))
            while len(book.asked) <= n:
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert one.metrics()["running"] == 1
            book.go.set()
            while one.metrics()["running"]:
                await asyncio.sleep(0.001)
        assert (await ended(one.authenticate("book", "fred", "s3cret", "198.51.100.1"))).startswith("too many")
        assert one.metrics()["failed"] == 11

    run(test)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ChannelError("ldap: ldaps://x: no answer\x1b[0m"), "ldap: ldaps://x: no answer\\x1b[0m"),
        (ValueError("odd"), "the driver failed (ValueError): odd"),
    ],
)
def test_what_cant_be_found_out_is_refused_in_the_same_words_and_is_nobodys_fault(
    run: Run, book: Book, caplog: pytest.LogCaptureFixture, fault: Exception, said: str
) -> None:
    async def test(one: Authenticator) -> None:
        book.fault = fault
        for _ in range(30):
            assert await ended(one.authenticate("book", "fred", "s3cret", HERE)) == "no"
        book.fault = None
        assert await ended(one.authenticate("book", "fred", "s3cret", HERE)) == "fred"
        assert one.metrics()["unavailable"] == 30

    run(test)
    assert len([r for r in caplog.records if said in r.getMessage()]) == 1


def test_no_password_is_in_the_log(run: Run, book: Book, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def test(one: Authenticator) -> None:
        for source, username in (("book", "fred"), ("x", "fred"), ("book", "fr\x1b[31med")):
            await ended(one.authenticate(source, username, "hunter2", HERE))

    run(test)
    assert "book:fred failed" in caplog.text
    assert "hunter2" not in caplog.text
    assert "\x1b" not in caplog.text


def test_what_is_read_anew_counts_from_then_on_and_errors_change_nothing(clock: Clock) -> None:
    def made(options: Any) -> dict[str, Book]:
        if options["bad"]:
            raise ConfigError("external_auth: bad")
        return {name: Book() for name in options["names"]}

    async def test() -> None:
        one = Authenticator({"bad": False, "names": ["old"]}, drivers=made, clock=clock)
        with pytest.raises(ConfigError):
            one.reread({"bad": True})
        assert (await one.authenticate("old", "fred", "s3cret", HERE)).name == "fred"
        one.reread({"bad": False, "names": ["new"]})
        assert one.sources == ["new"]
        assert (await one.authenticate("new", "fred", "s3cret", HERE)).name == "fred"
        assert await ended(one.authenticate("old", "fred", "s3cret", HERE)) == "no"
        one.close()

    asyncio.run(test())


def test_who_may_log_in_by_what_nothing_is_granted_to(tmp_path: Path) -> None:
    file = {"^filename": str(tmp_path / "users")}
    rest = {"^url": "https://x/"}
    assert set(configured_drivers({"external_auth": {"file": file, "rest": rest, "pam": None}})) == {"rest"}
    roles: Any = {"watcher": {"members": ["file:fred", "ldap:ops%", 3]}, "odd": {"members": "pam:x"}, "none": None}
    assert set(configured_drivers({"external_auth": {"file": file, "pam": {}}, "roles": roles})) == {"file"}
    assert set(configured_drivers({"external_auth": {"pam": {"ops%": []}}})) == {"pam"}
    assert configured_drivers({}) == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"external_auth": {"fil": {}}}, "'fil' is no driver: use one of file, ldap, pam, rest, sharedsecret"),
        ({"external_auth": {"auto": {}}}, "'auto' is no driver"),
        ({"external_auth": ["file"]}, "external_auth: must name drivers"),
        ({"external_auth": {"pam": ["fred"]}}, "external_auth: pam: must say who may what"),
        ({"external_auth": {"pam": {"^x": 1}}}, r"external_auth: pam: \^x is not an option of it: it takes no options"),
        ({"external_auth": {"sharedsecret": {"*": []}}}, "the option sharedsecret must be a text"),
        ({"external_auth": {"sharedsecret": {}}, "sharedsecret": ""}, "the option sharedsecret must be a text"),
        ({"external_auth": {"sharedsecret": {}}, "sharedsecret": 1234567}, "the option sharedsecret must be a text"),
    ],
)
def test_what_cant_be_used_is_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        configured_drivers(options)
    assert "1234567" not in str(raised.value)


@pytest.mark.parametrize("secret", ["s3crèt", Secret("s3crèt")])
def test_a_shared_secret_is_anybodys_password(secret: Any) -> None:
    driver = configured_drivers({"external_auth": {"sharedsecret": {"*": ["test.*"]}}, "sharedsecret": secret})
    assert driver["sharedsecret"].authenticate("anybody", "s3crèt") == Identity("anybody")
    for wrong in ("", "s3cret", "***", "s3crèt "):
        assert driver["sharedsecret"].authenticate("anybody", wrong) is None
    assert configured_drivers({"sharedsecret": secret}) == {}
    assert "s3cr" not in repr(vars(driver["sharedsecret"]))


def test_who_is_granted_nothing_is_refused_as_who_is_wrong(book: Book, clock: Clock) -> None:
    book.known["ann"] = "s3cret"

    async def whole() -> None:
        one = Authenticator(
            {},
            drivers=lambda _: {"book": book},
            clock=clock,
            grants=lambda source, who: (source, who.name) != ("book", "ann"),
        )
        try:
            began = time.monotonic()
            assert await ended(one.authenticate("book", "ann", "s3cret", HERE)) == "no"
            assert time.monotonic() - began >= module.ANSWER_EVERY_S
            assert await ended(one.authenticate("book", "fred", "s3cret", HERE)) == "fred"
            assert (one.metrics()["failed"], one.metrics()["succeeded"]) == (1, 1)
        finally:
            one.close()

    asyncio.run(whole())
