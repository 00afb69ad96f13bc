"""What of the store each caller sees: the master says it, for each request anew.

The master looks at the token, so one that was revoked ends at once; what it said last is taken again only if it says
that nothing has changed since, and not for longer than ``AGAIN_S``: what grants by grains come to it doesn't compare.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from saltern_api.master import Client
from saltern_api.working import Workers

AGAIN_S = 2.0
MAX_REMEMBERED = 256
MAX_REMEMBERED_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Seen:
    """What one caller sees: with a *restriction* what that says, ``None``: everything."""

    version: str
    principal: str
    fires: bool
    restriction: bytes | None
    digest: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Seen:
        """Return what the master *told*; what isn't said is not seen."""
        restriction = None
        if told["all"] is not True:
            restriction = json.dumps({"series": told["places"], "minions": told["minions"]}).encode()
        digest = "" if restriction is None else hashlib.sha256(restriction).hexdigest()
        return cls(str(told["version"]), str(told["principal"]), told["fires"] is True, restriction, digest)


class SeenBook:
    """Asks the master by *workers*."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._known: OrderedDict[str, tuple[Seen, float]] = OrderedDict()
        self._bytes = 0

    async def of(self, request: Request, token: str) -> Seen:
        """Return what who has *token* sees. Raises ``NotAuthorised``, ``Busy``, and what the way to the master does."""
        key = hashlib.sha256(token.encode()).hexdigest()
        known, since = self._known.get(key, (None, 0.0))
        if time.monotonic() - since >= AGAIN_S:
            known = None
        version = known.version if known else ""

        def ask(client: Client) -> Mapping[str, Any]:
            return client.series(token, version)

        asked = time.monotonic()
        told = await self._workers.call(request, ask, token)
        if known is not None and told.get("same") is True:
            return known
        seen = Seen.of(told)
        self._remember(key, seen, asked)
        return seen

    def _remember(self, key: str, seen: Seen, asked: float) -> None:
        self._forget(key)
        self._known[key] = seen, asked
        self._bytes += len(seen.restriction or b"")
        while len(self._known) > MAX_REMEMBERED or self._bytes > MAX_REMEMBERED_BYTES:
            self._forget(next(iter(self._known)))

    def _forget(self, key: str) -> None:
        gone = self._known.pop(key, None)
        if gone is not None:
            self._bytes -= len(gone[0].restriction or b"")
