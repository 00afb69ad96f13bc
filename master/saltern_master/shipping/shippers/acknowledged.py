"""Our own Carbon's acknowledged protocol: nothing is forgotten before it is in the far end's log.

Frames of a 4-byte big-endian length and msgpack over TCP: ``{v: 1, type: points, seq, names, times, values}`` out,
``{v: 1, type: ack, seq, accepted, refused, why, which}`` back, where ``which`` are the places of refused points. An
answer of type ``error`` says that nothing was stored: with the frame's ``seq`` it may be sent again, without one there
was nonsense in it.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Sequence
from typing import Any

from saltern.errors import ChannelError, WireError
from saltern.wire import pack_value, unpack_value
from saltern_master.shipping.shipper import Points

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
ACK_TIMEOUT_S = 60.0  # a Carbon whose cache is full makes its senders wait
MAX_FRAME_BYTES = 16 * 1024 * 1024
"""What the far end takes for one."""
MAX_ANSWER_BYTES = 1024 * 1024
LENGTH = struct.Struct(">I")


class AcknowledgedShipper:
    """See ``Shipper``. Keeps one connection, made again when it breaks."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._where = f"{host}:{port}"
        self._seq = 0
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ship(self, points: Points) -> Sequence[int]:
        """Send *points* and wait until they are acknowledged. Raises ``ChannelError``.

        A batch that is taken for nonsense is sent again in halves, until what it is about it stands alone.
        """
        self._seq += 1
        frame = pack_value({"v": 1, "type": "points", "seq": self._seq, **points._asdict()})
        count = len(points.names)
        if len(frame) > MAX_FRAME_BYTES and count > 1:
            return await self._ship_halves(points)
        answer = await self._ask(frame)
        if answer.get("type") == "error" and answer.get("seq") == self._seq:
            raise ChannelError(f"carbon at {self._where} takes no points now: {answer.get('error')!s:.200}")
        if answer.get("type") == "error":
            await self.close()  # it can't follow us any more
            if count > 1:
                return await self._ship_halves(points)
            text = "carbon at %s takes a point of %.200r for nonsense: %s"
            log.error(text, self._where, "".join(points.names), answer.get("error"))
            return range(count)
        if answer.get("type") != "ack" or answer.get("seq") != self._seq:
            await self.close()
            raise ChannelError(f"carbon at {self._where} answered out of turn: is this port its batch port?")
        which = answer.get("which", [])
        return [place for place in which if type(place) is int and 0 <= place < count] if type(which) is list else []

    async def _ship_halves(self, points: Points) -> Sequence[int]:
        half = len(points.names) // 2
        first = await self.ship(points.part(0, half))
        second = await self.ship(points.part(half, len(points.names)))
        return [*first, *(half + place for place in second)]

    async def _ask(self, frame: bytes) -> dict[str, Any]:
        """Send a frame and return the answer. Raises ``ChannelError``."""
        try:
            reader, writer = await self._connected()
            writer.write(LENGTH.pack(len(frame)) + frame)
            return await asyncio.wait_for(_drained_and_read(reader, writer), ACK_TIMEOUT_S)
        except (OSError, EOFError, TimeoutError, WireError) as error:
            await self.close()
            reason = str(error) or type(error).__name__
            raise ChannelError(f"carbon at {self._where} can't be reached: {reason}") from None
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection."""
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._stream is None:
            self._stream = await asyncio.wait_for(asyncio.open_connection(self._host, self._port), CONNECT_TIMEOUT_S)
        return self._stream


async def _drained_and_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, Any]:
    await writer.drain()
    return await _read(reader)


async def _read(reader: asyncio.StreamReader) -> dict[str, Any]:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > MAX_ANSWER_BYTES:
        raise WireError(f"an answer of {length:,} bytes: this is not an acknowledged port")
    answer = unpack_value(await reader.readexactly(length))
    if not isinstance(answer, dict):
        raise WireError("an answer that is not a map: this is not an acknowledged port")
    return answer
