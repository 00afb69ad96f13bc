"""What goes around a device's message is what the wire would make of it."""

from __future__ import annotations

import pytest

from saltern.wire import pack, unpack
from saltern_agent.envelope import ENVELOPE_BYTES, enveloped
from saltern_agent.outbox import numbered


@pytest.mark.parametrize("device", ["a", "x" * 31, "x" * 32, "x" * 253])
@pytest.mark.parametrize("size", [0, 200, 300, 70_000])
@pytest.mark.parametrize("seq", [0, 1, 2**31, 2**62])
def test_an_envelope_is_a_message_of_the_wire(device: str, size: int, seq: int) -> None:
    inner = pack("ret", 0, {"return": "x" * size})
    message = unpack(enveloped(device, inner, seq))
    assert message == unpack(pack("for", seq, {"minion": device, "message": inner}))
    assert unpack(numbered(enveloped(device, inner), seq)) == message
    assert len(enveloped(device, inner, seq)) <= len(inner) + ENVELOPE_BYTES


def test_the_hosts_own_go_as_they_are() -> None:
    frame = pack("ret", 7, {})
    assert enveloped("", frame, 9) is frame
