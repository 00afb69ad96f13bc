"""Drivers for ``carbon_protocol``."""

from __future__ import annotations

from saltern_master.shipping.shipper import Shipper
from saltern_master.shipping.shippers.acknowledged import AcknowledgedShipper
from saltern_master.shipping.shippers.plaintext import PlaintextShipper


def make_shipper(protocol: str, host: str, port: int) -> Shipper | None:
    """Return the driver for a ``carbon_protocol``; ``None`` for ``none``."""
    if protocol == "saltern":
        return AcknowledgedShipper(host, port)
    if protocol == "plaintext":
        return PlaintextShipper(host, port)
    return None
