"""Tokens beside a naive model of them, over restarts, full disks and their bounds; what their file tells of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from saltern.credentials import INVALID
from saltern.errors import ArgumentError, Busy, JournalError, NotAuthorised
from saltern_master.auth import tokens as tokens_module
from saltern_master.auth.token import TOKEN_CHARS, Use, digest_of, is_token, new_text
from saltern_master.auth.tokens import MAX_DAYS, NOTED_EVERY_S, Made, Tokens
from support.mounts import tmpfs

START = 1_800_000_000.0
KEPT = [use for use in Use if use is not Use.PASSING]
OWNERS = ["fred", "ann"]
EVERY = tuple(Use)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def tokens_in(folder: Path, clock: Clock) -> Tokens:
    made = Tokens(str(folder / "tokens.db"), clock)
    made.load()
    return made


async def login(tokens: Tokens, use: Use = Use.SESSION, name: str = "fred", **more: Any) -> Made:
    return await tokens.make(use, "ldap", name, **{"seconds": 60.0, **more})


class Model(RuleBasedStateMachine):
    """What a dict of texts would do: text to (use, owner, until when)."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.loop = asyncio.new_event_loop()
        self.model: dict[str, tuple[Use, str, float]] = {}
        self.gone: set[str] = set()
        self.followed: dict[str, asyncio.Event] = {}

    @initialize()
    def start(self) -> None:
        self.tokens = tokens_in(Path(self.folder.name), self.clock)

    def teardown(self) -> None:
        self.loop.close()
        self.folder.cleanup()

    @rule(use=st.sampled_from(EVERY), name=st.sampled_from(OWNERS), seconds=st.sampled_from([1.0, 50.0, 1e12]))
    def make(self, use: Use, name: str, seconds: float) -> None:
        made = self.loop.run_until_complete(login(self.tokens, use, name, seconds=seconds))
        assert made.text not in self.model
        self.model[made.text] = (use, name, self.clock.now + min(seconds, MAX_DAYS * 86400))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def follow(self, data: st.DataObject) -> None:
        text = data.draw(st.sampled_from(sorted(self.model)))
        self.followed[text] = self.tokens.ended(digest_of(text))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        text = data.draw(st.sampled_from(sorted(self.model)))
        _, name, _ = self.model.pop(text)
        self.gone.add(text)
        token = next(one for one in self.tokens.of(f"ldap:{name}") if one.digest == digest_of(text))
        self.loop.run_until_complete(self.tokens.revoke([token]))
        if text in self.followed:
            assert self.followed.pop(text).is_set()

    @rule(seconds=st.sampled_from([0.5, 2.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds
        over = {text for text, (_, _, until) in self.model.items() if until <= self.clock.now}
        self.gone |= over
        for text in over:
            del self.model[text]

    @rule()
    def restart(self) -> None:
        self.tokens = tokens_in(Path(self.folder.name), self.clock)
        passing = {text for text, (use, _, _) in self.model.items() if use is Use.PASSING}
        self.gone |= passing
        for text in passing:
            del self.model[text]
        self.followed.clear()

    @invariant()
    def what_is_found_is_what_the_model_has(self) -> None:
        for text, (use, name, _) in self.model.items():
            assert self.tokens.find(text, EVERY).principal == f"ldap:{name}"
            assert self.tokens.holds(digest_of(text))
            assert self.tokens.find(text, [use]).use is use
            with pytest.raises(NotAuthorised):
                self.tokens.find(text, [one for one in Use if one is not use])
        for text in self.gone:
            with pytest.raises(NotAuthorised, match=INVALID):
                self.tokens.find(text, EVERY)
            assert self.tokens.ended(digest_of(text)).is_set()

    @invariant()
    def no_text_is_in_the_file(self) -> None:
        written = b"".join(path.read_bytes() for path in Path(self.folder.name).iterdir())
        for text in (*self.model, *self.gone):
            assert text.encode() not in written
            assert bytes.fromhex(text) not in written


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


def test_a_token_is_256_bits_and_nothing_else_is_one() -> None:
    texts = {new_text() for _ in range(100)}
    assert len(texts) == 100
    assert all(len(text) == TOKEN_CHARS == 64 and is_token(text) for text in texts)
    for text in ("", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "é" * 64, None, 5, b"a" * 64, ["a" * 64]):
        assert not is_token(text)


@pytest.mark.parametrize("text", ["", "0" * 64, "a" * 10_000_000, None, 5, b"x", ["a"], {"a": 1}, "\ud800" * 64])
def test_what_is_no_token_is_answered_alike(tmp_path: Path, text: object) -> None:
    with pytest.raises(NotAuthorised) as raised:
        tokens_in(tmp_path, Clock()).find(text, EVERY)
    assert str(raised.value) == INVALID


def test_the_oldest_login_makes_room_and_what_programs_have_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "MAX_OF_ONE", 3)
    monkeypatch.setattr(tokens_module, "MAX_TOKENS", 9)

    async def scenario() -> None:
        tokens = tokens_in(tmp_path, Clock())
        made = [await login(tokens) for _ in range(4)]
        with pytest.raises(NotAuthorised):
            tokens.find(made[0].text, EVERY)
        for one in made[1:]:
            tokens.find(one.text, EVERY)
        personal = [await login(tokens, Use.PERSONAL) for _ in range(3)]
        with pytest.raises(Busy, match="ldap:fred has 3 tokens already"):
            await login(tokens, Use.PERSONAL)
        await login(tokens, Use.PERSONAL, "ann")  # his share is his own
        await login(tokens, Use.CALL)
        await login(tokens, Use.CALL)
        with pytest.raises(Busy, match="9 tokens are in use"):
            await login(tokens, Use.CALL, "ann")
        await tokens.revoke([personal[0].token])
        await login(tokens, Use.PERSONAL)
        assert tokens.metrics() == {"live": 9}

    asyncio.run(scenario())


def test_those_who_make_tokens_at_the_same_time_keep_to_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "MAX_OF_ONE", 3)

    async def scenario() -> None:
        tokens = tokens_in(tmp_path, Clock())
        made = await asyncio.gather(*(login(tokens, Use.PERSONAL) for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(one, Busy) for one in made) == 7
        assert len(tokens.of()) == 3
        left = asyncio.create_task(login(tokens, Use.PERSONAL, "ann"))
        await asyncio.sleep(0)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        assert len(tokens.of()) == 3  # of which nobody was told the text

    asyncio.run(scenario())


def test_a_full_disk_ends_no_login_and_makes_no_token_for_programs(tmp_path: Path) -> None:
    clock = Clock()

    async def scenario() -> None:
        with tmpfs(tmp_path / "small", "size=256k") as disk:
            folder = Path(disk.path)
            tokens = tokens_in(folder, clock)
            kept = await login(tokens)
            other = await login(tokens, Use.PERSONAL, "ann")
            assert disk.remount("ro")
            one = await login(tokens)
            assert tokens.find(one.text, EVERY).name == "fred"
            with pytest.raises(JournalError):
                await login(tokens, Use.PERSONAL)
            with pytest.raises(JournalError):
                await login(tokens, Use.SERVICE)
            assert len(tokens.of("ldap:fred")) == 2
            ends = tokens.ended(other.token.digest)
            with pytest.raises(JournalError):
                await tokens.revoke([other.token])
            assert ends.is_set()
            with pytest.raises(NotAuthorised):  # whatever the disk says
                tokens.find(other.text, EVERY)
            assert disk.remount("rw")
            await tokens._note()
            anew = tokens_in(folder, clock)
            for made in (kept, one):  # which is written with its use
                assert anew.find(made.text, EVERY).name == "fred"
            with pytest.raises(NotAuthorised):
                anew.find(other.text, EVERY)

    asyncio.run(scenario())


def test_a_file_that_is_damaged_logs_everybody_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        tokens = tokens_in(tmp_path, Clock())
        made = await login(tokens)
        (tmp_path / "tokens.db").write_bytes(os.urandom(8192))
        anew = tokens_in(tmp_path, Clock())
        with pytest.raises(NotAuthorised):
            anew.find(made.text, EVERY)
        again = await login(anew)
        assert tokens_in(tmp_path, Clock()).find(again.text, EVERY).name == "fred"

    asyncio.run(scenario())


@pytest.mark.parametrize("what", ["garbage", "header", "gone", "another's"])
def test_a_file_that_is_lost_while_it_is_used_is_made_anew_from_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    path = tmp_path / "tokens.db"

    async def scenario() -> None:
        tokens = tokens_in(tmp_path, Clock())
        kept, ended = await login(tokens, Use.SERVICE), await login(tokens)
        if what == "gone":
            path.unlink()
        elif what == "another's":
            (tmp_path / "other").touch(0o600)
            (tmp_path / "other").replace(path)
        else:
            path.write_bytes(os.urandom(8192) if what == "garbage" else b"\xff" * 100 + path.read_bytes()[100:])
        await tokens.revoke([ended.token])
        made = await login(tokens, Use.PERSONAL)
        anew = tokens_in(tmp_path, Clock())
        for one in (kept, made):
            assert anew.find(one.text, EVERY).digest == one.token.digest
        with pytest.raises(NotAuthorised):
            anew.find(ended.text, EVERY)
        assert path.stat().st_mode & 0o077 == 0

    asyncio.run(scenario())
    assert sum("it is made anew" in line for line in caplog.messages) == 1


def test_what_could_not_be_written_is_as_soon_as_it_can_be_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "SWEEP_EVERY_S", 0.01)
    monkeypatch.setattr(tokens_module, "TRIED_AGAIN_S", 0.02)

    async def scenario() -> None:
        with tmpfs(tmp_path / "small", "size=256k") as disk:
            folder = Path(disk.path)
            tokens = tokens_in(folder, Clock())
            first, second = await login(tokens), await login(tokens)
            assert disk.remount("ro")
            running = asyncio.create_task(tokens.run())
            with pytest.raises(JournalError):
                await tokens.revoke([first.token])
            unkept = await login(tokens)
            assert disk.remount("rw")
            async with asyncio.timeout(30):
                while tokens._behind:
                    await asyncio.sleep(0.01)
            anew = tokens_in(folder, Clock())
            assert anew.find(unkept.text, EVERY)
            with pytest.raises(NotAuthorised):
                anew.find(first.text, EVERY)
            monkeypatch.setattr(tokens_module, "TRIED_AGAIN_S", 60.0)
            assert disk.remount("ro")
            with pytest.raises(JournalError):
                await tokens.revoke([second.token])
            assert disk.remount("rw")
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            with pytest.raises(NotAuthorised):
                tokens_in(folder, Clock()).find(second.text, EVERY)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "damage",
    [
        "\"groups\" = 'x'",
        "use = 'nonsense'",
        "expires = 'soon'",
        "entries = '5'",
        "scope = '\"x\"'",
        "\"groups\" = '[5]'",
    ],
)
def test_a_row_that_cannot_be_read_lets_nobody_in_and_keeps_nobody_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    async def scenario() -> None:
        tokens = tokens_in(tmp_path, Clock())
        whole, broken = await login(tokens), await login(tokens)
        with contextlib.closing(sqlite3.connect(tmp_path / "tokens.db")) as connection, connection:
            change = f"UPDATE tokens SET {damage} WHERE digest = ?"
            connection.execute(change, [broken.token.digest])
        anew = tokens_in(tmp_path, Clock())
        assert anew.find(whole.text, EVERY)
        with pytest.raises(NotAuthorised):
            anew.find(broken.text, EVERY)

    asyncio.run(scenario())
    assert "1 of 2 tokens can't be read, and let nobody in" in caplog.text


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        await login(tokens_in(tmp_path, Clock()))
        for path in tmp_path.iterdir():
            assert path.stat().st_mode & 0o007 == 0, path

    old = os.umask(0o027)  # as every program of ours has it
    try:
        asyncio.run(scenario())
    finally:
        os.umask(old)


def test_when_it_was_used_is_noted_to_the_minute_and_kept(tmp_path: Path) -> None:
    clock = Clock()

    async def scenario() -> None:
        tokens = tokens_in(tmp_path, clock)
        made = await login(tokens, seconds=1e6)
        assert made.token.shown()["last_used"] is None
        clock.now += 5
        tokens.find(made.text, EVERY, "192.0.2.1")
        clock.now += 5
        assert tokens.find(made.text, EVERY, "192.0.2.1").used == START + 5
        clock.now += 1
        assert tokens.find(made.text, EVERY, "192.0.2.2").used == START + 11
        clock.now += NOTED_EVERY_S + 1
        assert tokens.find(made.text, EVERY, "192.0.2.2").used == clock.now
        await tokens._note()
        assert tokens_in(tmp_path, clock).of()[0].shown()["last_used_from"] == "192.0.2.2"
        passing = await login(tokens, Use.PASSING)
        assert tokens.find(passing.text, EVERY, "x").used == 0

    asyncio.run(scenario())


def test_what_expires_ends_by_itself_for_who_follows_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "SWEEP_EVERY_S", 0.01)
    clock = Clock()

    async def scenario() -> None:
        tokens = tokens_in(tmp_path, clock)
        made = await login(tokens, seconds=10.0)
        ends = tokens.ended(made.token.digest)
        running = asyncio.create_task(tokens.run())
        clock.now += 9
        await asyncio.sleep(0.1)
        assert not ends.is_set()
        clock.now += 1
        async with asyncio.timeout(30):
            await ends.wait()
        assert tokens.of() == []
        running.cancel()

    asyncio.run(scenario())


def test_a_token_is_named_by_its_id_or_label_its_owners_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        tokens = tokens_in(tmp_path, Clock())
        one = await login(tokens, Use.PERSONAL, label="ci", scope=["test.ping"], groups=frozenset({"ops"}))
        await login(tokens, Use.PERSONAL, "ann", label="ci")
        assert tokens.named("ci", "ldap:fred").digest == one.token.digest
        assert tokens.named(one.token.digest[:12]).digest == one.token.digest
        for name, owner in (("ci", None), ("ci", "ldap:eve"), (one.token.digest[:12], "ldap:ann"), ("", "ldap:fred")):
            with pytest.raises(ArgumentError, match=r"auth\.token_list"):
                tokens.named(name, owner)
        shown = one.token.shown()
        assert one.text not in repr(shown)
        assert one.token.digest not in repr(shown)  # which would be all that a copy of the file is good for
        anew = tokens_in(tmp_path, Clock()).named("ci", "ldap:fred")
        assert (anew.scope, anew.groups, anew.use) == (["test.ping"], frozenset({"ops"}), Use.PERSONAL)

    asyncio.run(scenario())
