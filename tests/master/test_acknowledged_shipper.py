"""What our own Carbon may answer to a batch, and what becomes of the points then."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest

from saltern.errors import ChannelError
from saltern.wire import pack_value, unpack_value
from saltern_master.shipping.shipper import Points
from saltern_master.shipping.shippers import acknowledged as module
from saltern_master.shipping.shippers.acknowledged import LENGTH, AcknowledgedShipper

SEQ = object()
"""Stands for the number of the frame that is answered."""


class Carbon:
    """Reads frames and answers each with what *answer* says, until the connection ends."""

    def __init__(self, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._answer = answer
        self._done: list[asyncio.Event] = []

    async def __aenter__(self) -> AcknowledgedShipper:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._shipper = AcknowledgedShipper("127.0.0.1", self._server.sockets[0].getsockname()[1])
        return self._shipper

    async def __aexit__(self, *_: object) -> None:
        await self._shipper.close()
        for done in self._done:
            await done.wait()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._done.append(done := asyncio.Event())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                packed = pack_value(self._answer(unpack_value(await reader.readexactly(length))))
                writer.write(LENGTH.pack(len(packed)) + packed)
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        done.set()


def shipped(*answers: dict[str, Any]) -> list[Any]:
    """Return what becomes of a batch of two points for each answer: the places of those refused, or the error."""
    waiting = list(answers)

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        return {key: frame["seq"] if value is SEQ else value for key, value in waiting.pop(0).items()}

    async def scenario() -> list[Any]:
        results: list[Any] = []
        async with Carbon(answer) as shipper:
            for _ in answers:
                try:
                    results.append(list(await shipper.ship(Points(["a", "b"], [1, 2], [1.0, 2.0]))))
                except ChannelError as error:
                    results.append(str(error).split(" ", 3)[3])
        return results

    return asyncio.run(scenario())


def test_a_disk_that_is_full_for_a_moment_costs_no_points() -> None:
    full = {"v": 1, "type": "error", "seq": SEQ, "error": "No space left on device"}
    taken = {"v": 1, "type": "ack", "seq": SEQ, "accepted": 2, "refused": 0}
    reason = "takes no points now: No space left on device"
    assert shipped(full, full, taken) == [reason, reason, []]


def test_nonsense_costs_the_point_that_is_nonsense(caplog: pytest.LogCaptureFixture) -> None:
    """Else one minion's would take all the others' in its batch."""
    names = [f"m{number}" for number in range(50)]
    taken: list[str] = []

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        if "m17" in frame["names"] or "m40" in frame["names"]:
            return {"v": 1, "type": "error", "seq": None, "error": "no name of ours"}
        taken.extend(frame["names"])
        return {"v": 1, "type": "ack", "seq": frame["seq"], "which": [0] if "m3" in frame["names"] else []}

    async def scenario() -> list[int]:
        async with Carbon(answer) as shipper:
            return list(await shipper.ship(Points(names, list(range(50)), [1.0] * 50)))

    refused = asyncio.run(scenario())
    assert taken == [name for name in names if name not in ("m17", "m40")]
    assert [names[place] for place in refused if place not in (17, 40)] == [taken[0]]
    assert {17, 40} < set(refused)
    assert "takes a point of 'm17' for nonsense: no name of ours" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [{}, {"type": "ack"}, {"type": "ack", "seq": -1}, {"type": "x", "seq": SEQ}],
    ids=["empty", "no number", "another number", "another type"],
)
def test_an_answer_out_of_turn_is_none(answer: dict[str, Any]) -> None:
    assert shipped(answer) == ["answered out of turn: is this port its batch port?"]


@pytest.mark.parametrize("which", [None, "x", 1.5, {}, [-1, 2, 10**9, 0.0, math.nan, "0", True, None, [0]]])
def test_places_that_are_none_are_not_counted(which: object) -> None:
    assert shipped({"type": "ack", "seq": SEQ, "refused": 1, "which": which}) == [[]]
    assert shipped({"type": "ack", "seq": SEQ, "refused": 1, "which": [1]}) == [[1]]


def test_a_batch_over_the_far_ends_limit_goes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the long names of one minion would make its batch nonsense, with the points of others in it."""
    monkeypatch.setattr(module, "MAX_FRAME_BYTES", 1000)
    names = [f"{number}." + "x" * 100 for number in range(50)]
    taken: list[str] = []
    frames = itertools.count()

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        assert len(pack_value(frame)) <= 1000
        taken.extend(frame["names"])
        next(frames)
        return {"type": "ack", "seq": frame["seq"], "which": [0]}

    async def scenario() -> list[int]:
        async with Carbon(answer) as shipper:
            return list(await shipper.ship(Points(names, list(range(50)), [1.0] * 50)))

    refused = asyncio.run(scenario())
    assert taken == names
    assert len(refused) == next(frames) > 5
    assert refused == sorted(set(refused))
