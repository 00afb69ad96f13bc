"""All tokens: made, looked up, revoked, each of these at once.

They are in memory, where a call looks its own up, and in a file, so that a restart logs nobody out. What is revoked is
gone from memory first: nobody gets in by it any more, whatever the disk says.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from saltern.complaints import Complaint
from saltern.credentials import INVALID
from saltern.errors import ArgumentError, Busy, JournalError, NotAuthorised
from saltern_master.auth.caller import TOKEN_ID_CHARS
from saltern_master.auth.token import Token, Use, digest_of, is_token, new_text
from saltern_master.auth.token_file import TokenFile
from saltern_master.sql.worker import Worker

log = logging.getLogger(__name__)

MAX_OF_ONE = 200
"""Tokens of one principal and kind. The oldest login makes room for a new one; what programs have does not."""
MAX_TOKENS = 100_000
MAX_DAYS = 3660.0
SWEEP_EVERY_S = 1.0
NOTED_EVERY_S = 60.0
"""So often is written down when tokens were used last."""
TRIED_AGAIN_S = 5.0
"""When something could not be written down: a restart would bring back what was revoked."""


class Made(NamedTuple):
    """A new token and its text, which is told once and kept nowhere."""

    text: str
    token: Token


class Tokens:
    """The tokens in the file at *path*."""

    def __init__(self, path: str, clock: Callable[[], float] = time.time) -> None:
        self._file = TokenFile(path)
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._of: dict[tuple[str, Use], dict[str, Token]] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self._changed: set[str] = set()
        """Used, or made while the file could not be written."""
        self._unwritten: set[str] = set()
        """Ended, and not yet gone from the file."""
        self._worker = Worker("tokens")
        self._complaint = Complaint(log)
        self._behind = False
        self._noted_at = time.monotonic()

    def load(self) -> None:
        """Read the file. A disk that can't be read is said in the log; everybody logs in anew then."""
        try:
            for token in self._file.load():
                if token.expires > self._clock():
                    self._keep(token)
                else:
                    self._unwritten.add(token.digest)
        except JournalError as error:
            self._complaint.say("%s", error)

    def find(self, text: object, uses: Iterable[Use], address: str = "") -> Token:
        """Return the token whose *text* somebody shows, for one of *uses*. Raises ``NotAuthorised``, always alike."""
        token = self._tokens.get(digest_of(str(text))) if is_token(text) else None
        now = self._clock()
        if token is None or token.use not in uses or token.expires <= now:
            raise NotAuthorised(INVALID)
        if token.use is not Use.PASSING and (now - token.used > NOTED_EVERY_S or token.used_from != address):
            token.used, token.used_from = now, address
            self._changed.add(token.digest)
        return token

    def holds(self, digest: str) -> bool:
        """Return whether a token that was found is good still."""
        token = self._tokens.get(digest)
        return token is not None and token.expires > self._clock()

    async def make(
        self,
        use: Use,
        source: str,
        name: str,
        *,
        seconds: float,
        groups: frozenset[str] = frozenset(),
        entries: Sequence[Any] = (),
        label: str = "",
        scope: Sequence[Any] | None = None,
        origin: str = "",
        uid: int = -1,
    ) -> Made:
        """Return a new token that is good for *seconds*.

        Raises ``Busy`` when there are too many. A login holds also when it can't be written, which is tried again: the
        log says so. What programs shall have raises ``JournalError``.
        """
        await self._make_room(use, f"{source}:{name}")
        now, text = self._clock(), new_text()
        expires = now + min(seconds, MAX_DAYS * 86400)
        token = Token(digest_of(text), use, source, name, groups, entries, label, scope, origin, now, expires, uid=uid)
        self._keep(token)  # at once, so that it counts for who makes one meanwhile; nobody has its text yet
        try:
            if use is not Use.PASSING:
                await self._write(lambda: self._file.put([token]))
        except BaseException as error:
            if not isinstance(error, JournalError) or use in (Use.PERSONAL, Use.SERVICE):
                self._end([token])
                raise
            self._changed.add(token.digest)
        return Made(text, token)

    def of(self, principal: str | None = None) -> list[Token]:
        """Return the tokens of one principal, or all, the newest first."""
        found = (token for token in self._tokens.values() if principal in (None, token.principal))
        return sorted(found, key=lambda token: token.created, reverse=True)

    async def revoke(self, tokens: Sequence[Token]) -> None:
        """End *tokens*, at once and for open streams too.

        Raises ``JournalError`` when that can't be written down: it is tried again, but a restart before that would
        bring them back.
        """
        self._end(tokens)
        await self._write_ends()

    def named(self, id_: str, principal: str | None = None) -> Token:
        """Return the token that ``shown`` calls *id_*, or whose label that is. Raises ``ArgumentError``."""
        own = self.of(principal)
        found = [token for token in own if token.digest[:TOKEN_ID_CHARS] == id_] or [
            t for t in own if t.label and t.label == id_
        ]
        if len(found) != 1:
            which = "there are several such tokens" if found else "there is no such token"
            raise ArgumentError(f"{which}: {id_[:80]!r}: auth.token_list shows their ids")
        return found[0]

    def ended(self, digest: str) -> asyncio.Event:
        """Return what is set when the token of this *digest* ends; set already when it has."""
        if not self.holds(digest):
            over = asyncio.Event()
            over.set()
            return over
        return self._ends.setdefault(digest, asyncio.Event())

    async def run(self) -> None:
        """End what expires, and note what changed, until cancelled; then once more."""
        try:
            while True:
                await asyncio.sleep(SWEEP_EVERY_S)
                now = self._clock()
                self._end([token for token in self._tokens.values() if token.expires <= now])
                if time.monotonic() - self._noted_at >= (TRIED_AGAIN_S if self._behind else NOTED_EVERY_S):
                    await self._noted()
        finally:
            await self._noted()  # what was revoked must not come back with a restart

    def metrics(self) -> dict[str, float]:
        """Return how many tokens there are."""
        return {"live": len(self._tokens)}

    async def _noted(self) -> None:
        self._noted_at = time.monotonic()
        with contextlib.suppress(JournalError):  # which was said
            await self._note()

    async def _note(self) -> None:
        changed = [token for digest in self._changed if (token := self._tokens.get(digest)) is not None]
        await self._write(lambda: self._file.put(changed))  # of none, too: it shows that the file is there, and whole
        self._changed.difference_update(token.digest for token in changed)
        await self._write_ends()
        self._behind = False
        self._complaint.over("tokens are written down again")

    async def _write_ends(self) -> None:
        ended = set(self._unwritten)
        if ended:
            await self._write(lambda: self._file.forget(ended))
            self._unwritten -= ended

    async def _write(self, change: Callable[[], None]) -> None:
        """Have *change* made to the file; one that is damaged, or was taken away, is made anew from what is here.

        Raises ``JournalError``, which is said in the log, and tried again by ``run``.
        """
        try:
            try:
                await self._worker.run(change)
            except JournalError as error:
                if not self._file.lost:
                    raise
                self._complaint.say("%s: it is made anew", error)
                kept = [token for token in self._tokens.values() if token.use is not Use.PASSING]
                await self._worker.run(lambda: self._file.renew(kept))
                await self._worker.run(change)
        except JournalError as error:
            self._behind = True
            self._complaint.say("%s", error)
            raise

    async def _make_room(self, use: Use, principal: str) -> None:
        own = self._of.get((principal, use), {})
        if len(own) >= MAX_OF_ONE:
            if use in (Use.PERSONAL, Use.SERVICE):
                raise Busy(f"{principal} has {len(own)} tokens already: revoke some (auth.token revoke)")
            self._end([next(iter(own.values()))])
        if len(self._tokens) >= MAX_TOKENS:
            raise Busy(f"{MAX_TOKENS:,} tokens are in use: revoke some (auth.token revoke), or wait until they expire")

    def _keep(self, token: Token) -> None:
        self._tokens[token.digest] = token
        self._of.setdefault((token.principal, token.use), {})[token.digest] = token

    def _end(self, tokens: Iterable[Token]) -> None:
        for token in tokens:
            self._tokens.pop(token.digest, None)
            own = self._of.get((token.principal, token.use), {})
            own.pop(token.digest, None)
            if not own:
                self._of.pop((token.principal, token.use), None)
            self._changed.discard(token.digest)
            if token.use is not Use.PASSING:
                self._unwritten.add(token.digest)
            if ends := self._ends.pop(token.digest, None):
                ends.set()
