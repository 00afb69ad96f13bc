"""How well the host's clock is kept, as the kernel knows it from whoever keeps it (chronyd, ntpd, systemd-timesyncd).

adjtimex(2), asked without changing anything, fills in a ``struct timex``. Python has no other way to it than
``ctypes``, which costs 0.3 MiB of the agent's memory: that is why this is off unless switched on.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, NoReading, Number, gauge
from saltern_modules.collectors.source import Source

TIMEX = struct.Struct("@I4li10li5li")
"""modes | offset freq maxerror esterror | status | constant precision tolerance time(2) tick ppsfreq jitter … | shift
| stabil jitcnt calcnt errcnt stbcnt | tai (include/uapi/linux/timex.h)."""

BUFFER_BYTES = 512
STA_UNSYNC = 0x0040
STA_NANO = 0x2000


def parse_timex(data: bytes) -> Metrics:
    """Return what a ``struct timex`` says, in milliseconds and millionths."""
    _, offset, frequency, most, estimated, status, *_ = TIMEX.unpack_from(data)
    return {
        "synchronised": int(not status & STA_UNSYNC),
        "offset_ms": offset / (1e6 if status & STA_NANO else 1e3),
        "max_error_ms": most / 1e3,
        "estimated_error_ms": estimated / 1e3,
        "frequency_ppm": round(frequency / 65536.0, 3),
    }


class Clock(Collector):
    """``clock.synchronised``, ``.offset_ms``, ``.max_error_ms``, ``.estimated_error_ms``, ``.frequency_ppm``."""

    name = "clock"
    description = "how well the host's clock is kept"
    numbers: ClassVar[Mapping[str, Number]] = {
        "synchronised": gauge("", "1 while a program keeps the clock right, 0 when none does or has lost its server"),
        "offset_ms": gauge("ms", "what the clock is still being slewed by"),
        "max_error_ms": gauge("ms", "how wrong the clock may be at most; it grows while nobody sets it"),
        "estimated_error_ms": gauge("ms", "how wrong the clock is by the estimate of the program that keeps it"),
        "frequency_ppm": gauge("ppm", "how much the kernel makes the clock's crystal go faster"),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        import ctypes  # only where it was asked for

        self._buffer = ctypes.create_string_buffer
        self._adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex

    def collect(self, now: float) -> Metrics:
        """Return what the kernel says."""
        answer = self._buffer(BUFFER_BYTES)  # zeros: nothing is to be changed
        if self._adjtimex(answer) < 0:
            raise NoReading("the kernel refused to tell how the clock is kept")
        return parse_timex(answer.raw)
