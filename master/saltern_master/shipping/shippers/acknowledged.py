"""Our own Carbon's acknowledged protocol: nothing is forgotten before it is in the far end's log.

Frames of a 4-byte big-endian length and msgpack over TCP: ``{v: 1, type: points, seq, names, times, values}`` out,
``{v: 1, type: ack, seq, accepted, refused, why}`` back. An answer of type ``error`` says that nothing was stored: with
the frame's ``seq`` it may be sent again, without one it was nonsense, and is passed over.
"""

from __future__ import annotations

import asyncio
import logging
import struct
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

    async def ship(self, points: Points) -> int:
        """Send *points* and wait until they are acknowledged. Raises ``ChannelError``."""
        self._seq += 1
        frame = pack_value({"v": 1, "type": "points", "seq": self._seq, **points._asdict()})
        if len(frame) > MAX_FRAME_BYTES and len(points.names) > 1:
            half = len(points.names) // 2
            return await self.ship(points.part(0, half)) + await self.ship(points.part(half, len(points.names)))
        try:
            reader, writer = await self._connected()
            writer.write(LENGTH.pack(len(frame)) + frame)
            await writer.drain()
            answer = await asyncio.wait_for(_read(reader), ACK_TIMEOUT_S)
        except (OSError, EOFError, TimeoutError, WireError) as error:
            await self.close()
            reason = str(error) or type(error).__name__
            raise ChannelError(f"carbon at {self._where} can't be reached: {reason}") from None
        except asyncio.CancelledError:
            await self.close()
            raise
        if answer.get("type") == "error" and answer.get("seq") == self._seq:
            raise ChannelError(f"carbon at {self._where} takes no points now: {answer.get('error')!s:.200}")
        if answer.get("type") == "error":
            await self.close()  # it can't follow us any more
            log.error(
                "carbon at %s took a batch of %d points for nonsense: %s",
                self._where,
                len(points.names),
                answer.get("error"),
            )
            return len(points.names)
        if answer.get("type") != "ack" or answer.get("seq") != self._seq:
            await self.close()
            raise ChannelError(f"carbon at {self._where} answered out of turn: is this port its batch port?")
        refused = answer.get("refused", 0)
        return refused if type(refused) is int and 0 <= refused <= len(points.names) else 0

    async def close(self) -> None:
        """Close the connection."""
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._stream is None:
            self._stream = await asyncio.wait_for(asyncio.open_connection(self._host, self._port), CONNECT_TIMEOUT_S)
        return self._stream


async def _read(reader: asyncio.StreamReader) -> dict[str, Any]:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > MAX_ANSWER_BYTES:
        raise WireError(f"an answer of {length:,} bytes: this is not an acknowledged port")
    answer = unpack_value(await reader.readexactly(length))
    if not isinstance(answer, dict):
        raise WireError("an answer that is not a map: this is not an acknowledged port")
    return answer
