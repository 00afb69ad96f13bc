"""What is sent for a device goes in an envelope, ``for``, on its host's connection: docs/protocol.md, "Devices"."""

from __future__ import annotations

HEAD, MINION, MESSAGE = b"\x94\x01\xa3for\xcf", b"\x82\xa6minion\xd9", b"\xa7message\xc6"
"""What ``saltern.wire.pack`` puts around such a message: by hand, for devices send thousands."""
NUMBER_BYTES = 8
_BEHIND = len(HEAD) + NUMBER_BYTES

ENVELOPE_BYTES = 600
"""What goes around a message at most: a return that just fits must be cut by it."""


def enveloped(minion: str, frame: bytes, seq: int = 0) -> bytes:
    """Return *frame*, a message that was packed with number 0, as one of the device *minion*, numbered *seq*.

    ``""`` is the host itself, whose messages go as they are: those are numbered when they are packed.
    """
    if not minion:
        return frame
    name = minion.encode()
    return b"".join(
        (
            *(HEAD, seq.to_bytes(NUMBER_BYTES, "big")),
            *(MINION, len(name).to_bytes(1, "big"), name),
            *(MESSAGE, len(frame).to_bytes(4, "big"), frame),
        )
    )


def is_envelope(frame: bytes) -> bool:
    """Return whether *frame* is an envelope as ``enveloped`` makes them."""
    return frame.startswith(HEAD) and frame.startswith(MINION, _BEHIND)


def renumbered(envelope: bytes, seq: int) -> bytes:
    """Return the same *envelope* with the number *seq*."""
    return b"".join((HEAD, seq.to_bytes(NUMBER_BYTES, "big"), envelope[_BEHIND:]))
