"""Chunks, one after the other, and their answer as it is written.

The status of an answer goes before the rest of it. So the last chunk's answer alone is written as it comes, once the
master has taken the chunk; what those before it gave is kept aside until then, on disk where it is large.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from tempfile import SpooledTemporaryFile
from typing import Any

from saltern.errors import ChannelError, MasterNotRunning
from saltern_api.answers import Refused
from saltern_api.master import Begun, Client, Low
from saltern_api.rendering import Form
from saltern_api.settings import CLIENTS
from saltern_api.working import Sink

MEMORY_BYTES = 1 << 20
MAX_KEPT_BYTES = 512 << 20
MAX_CHUNKS = 1000
OF_WHO = ("token", "username", "password", "eauth")
"""Keys that say who asks; a session says it elsewhere."""


def check(chunks: list[Low], enabled: Collection[str]) -> None:
    """Raise ``Refused`` unless all *chunks* name clients that are taken."""
    if len(chunks) > MAX_CHUNKS:
        raise Refused(400, f"a request may have {MAX_CHUNKS:,} chunks, not {len(chunks):,}")
    for chunk in chunks:
        client = chunk.get("client")
        if client not in CLIENTS and not (client == "ssh" and client not in enabled):
            raise Refused(400, f"Invalid client specified: '{str(client)[:100]}'")
        if client not in enabled:
            raise Refused(
                400,
                f"Client disabled: '{client}'. Add to 'netapi_enable_clients' master config option to enable.",
            )


def of_session(chunk: Low) -> Low:
    """Return *chunk* without a word of who asks."""
    return {key: value for key, value in chunk.items() if key not in OF_WHO and not key.startswith("__")}


def of_nobody(chunk: Low) -> Low:
    """Return *chunk*, which says itself who asks, without what is ours to say."""
    return {key: value for key, value in chunk.items() if not key.startswith("__")}


def run(client: Client, chunks: list[Low], session: str, form: Form, sink: Sink) -> None:
    """Run *chunks* and write ``{"return": [...]}`` to *sink*. Raises what the first that is refused is refused by."""
    elements = 0
    with SpooledTemporaryFile(MEMORY_BYTES, prefix="saltern-api-") as kept:
        for number, chunk in enumerate(chunks[:-1]):
            with _begun(client, chunk, session, number, len(chunks)) as begun:
                for piece, count in _written(form, begun, elements):
                    elements += count
                    kept.write(piece)
                    if kept.tell() > MAX_KEPT_BYTES:
                        raise Refused(
                            400, f"chunks before the last gave over {MAX_KEPT_BYTES:,} bytes: send them alone"
                        )
        before = len(chunks) - 1
        with _begun(client, chunks[-1], session, before, len(chunks)) if chunks else nullcontext() as last:
            sink.start()
            sink.write(form.begin())
            kept.seek(0)
            shutil.copyfileobj(kept, sink)
            if last is not None:
                for piece, count in _written(form, last, elements):
                    elements += count
                    sink.write(piece)
            sink.write(form.end(empty=not elements))


def _begun(client: Client, chunk: Low, session: str, before: int, of_all: int) -> Begun:
    """Return *chunk* as it was begun, behind *before* others: who hears that there is no master may ask again."""
    try:
        return client.begin(chunk, session)
    except MasterNotRunning:
        if not before:
            raise
        were = "was" if before == 1 else "were"
        raise ChannelError(f"no master answers any more: {before} of {of_all} chunks {were} begun") from None


def _written(form: Form, begun: Begun, before: int) -> Iterator[tuple[bytes, int]]:
    """Yield what *begun* gives, behind *before* other elements, with how many elements each piece begins."""
    if begun.kind == "map":
        for number, piece in enumerate(form.pairs(begun.parts(), first=not before)):
            yield piece, int(not number)
    elif begun.kind == "list":
        for element in begun.parts():
            yield form.element(element, first=not before), 1
            before += 1
    else:
        yield form.element(begun.value, first=not before), 1


def gathered(client: Client, chunk: Low, session: str) -> list[Any]:
    """Return the elements of ``return`` that *chunk* gives."""
    with client.begin(chunk, session) as begun:
        if begun.kind == "map":
            return [dict(begun.parts())]
        return list(begun.parts()) if begun.kind == "list" else [begun.value]
