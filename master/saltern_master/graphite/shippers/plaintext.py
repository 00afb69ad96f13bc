"""Carbon's plaintext protocol, by graphyte: to carbon-cache, a relay, VictoriaMetrics, any Carbon there is.

The protocol has no acknowledgement: points that a far end loses after its kernel took them are lost. graphyte would
also drop what it can't send; here it raises instead, and the journal keeps the points until it succeeds.
"""

from __future__ import annotations

import asyncio

import graphyte

from saltern.errors import ChannelError
from saltern_master.graphite.shipper import Points

TIMEOUT_S = 10
LINES_PER_SEND = 2000


class PlaintextShipper:
    """See ``Shipper``."""

    def __init__(self, host: str, port: int) -> None:
        self._where = f"{host}:{port}"
        self._sender = graphyte.Sender(host, port, timeout=TIMEOUT_S, raise_send_errors=True)

    async def ship(self, points: Points) -> int:
        """Send *points* as lines. Raises ``ChannelError``."""
        try:
            await asyncio.to_thread(self._send, points)
        except OSError as error:
            raise ChannelError(f"carbon at {self._where} can't be reached: {error}") from None
        return 0

    async def close(self) -> None:
        """Nothing stays open between sends."""

    def _send(self, points: Points) -> None:
        lines = [
            self._sender.build_message(name, value, time)
            for name, time, value in zip(points.names, points.times, points.values, strict=True)
        ]
        for i in range(0, len(lines), LINES_PER_SEND):
            self._sender.send_socket(b"".join(lines[i : i + LINES_PER_SEND]))
