"""Says for devices which of the master's jobs they work on, as ``Host`` does for itself: many in one message."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from saltern.wire import MAX_MESSAGE_BYTES, Message, pack
from saltern_agent.bundle import Bundle
from saltern_agent.envelope import enveloped

if TYPE_CHECKING:
    from saltern_agent.devices.device import Device
    from saltern_agent.host import Host


class AtWork:
    """Answers the questions that come to the devices of *host*."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def answer(self, question: Message, asked: list[Device]) -> None:
        """Answer for all that were *asked*; when returns wait to be sent, again when the master has them."""
        if question.body.get("all") is True:
            everything = ((device, device.runner.asked_for()) for device in asked)
            self._say(question.seq, ((device, {"jids": list(pids), "pids": pids}) for device, pids in everything))
            return
        unsent = self._host.outbox.pending > 0
        self._say(question.seq, ((device, {"jids": device.among(question.body), "more": unsent}) for device in asked))
        if unsent:
            self._host.outbox.when_acknowledged(partial(self._again, question, asked))

    def _again(self, question: Message, asked: list[Device]) -> None:
        self._say(question.seq, ((device, {"jids": device.among(question.body)}) for device in asked))

    def _say(self, question: int, answers: Iterable[tuple[Device, dict[str, Any]]]) -> None:
        bundle = Bundle()
        for device, body in answers:
            frame = enveloped(device.voice, pack("working", 0, body), question)
            if bundle.first and not bundle.takes(frame, MAX_MESSAGE_BYTES):
                self._host.send_now(bundle.packed())
                bundle.clear()
            if bundle.takes(frame, MAX_MESSAGE_BYTES):
                bundle.add(question, frame)
            else:
                self._host.send_now(frame)
        if bundle.first:
            self._host.send_now(bundle.packed())
