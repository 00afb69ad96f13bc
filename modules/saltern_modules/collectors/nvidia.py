"""NVIDIA's graphics processors, asked through the driver's own library, ``libnvidia-ml.so.1`` (NVML's API reference).

``ctypes`` and the library take some megabytes, so this is off unless switched on. It is asked aside from the sample,
since a card without persistence mode may take seconds to wake up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.asking.errand import Errand
from saltern_modules.collectors.base import Collector, Metrics, NoReading, Number, counter, gauge
from saltern_modules.collectors.numbers import percent
from saltern_modules.collectors.reading.card import CARD
from saltern_modules.collectors.source import Source

LIBRARY = "libnvidia-ml.so.1"
MAX_CARDS = 64
CORE_TEMPERATURE, CORRECTED, UNCORRECTED, SINCE_BOOT = 0, 0, 1, 0
"""nvmlTemperatureSensors_t, nvmlMemoryErrorType_t and nvmlEccCounterType_t."""


class Library:
    """NVML's functions with Python's numbers. Raises ``OSError`` without the library."""

    def __init__(self) -> None:
        import ctypes  # only where it was asked for

        self._ctypes = ctypes
        self._nvml: Any = ctypes.CDLL(LIBRARY)

    def start(self) -> None:
        """Begin to use it. Raises ``NoReading`` when the driver isn't loaded."""
        if code := self._nvml.nvmlInit_v2():
            raise NoReading(f"{LIBRARY} can't be used: error {code}")

    def cards(self) -> list[Any]:
        """Return a handle for each card."""
        count = self._numbers("nvmlDeviceGetCount_v2", "I")
        handles = []
        for index in range(min(int(count[0]), MAX_CARDS) if count else 0):
            handle = self._ctypes.c_void_p()
            if not self._nvml.nvmlDeviceGetHandleByIndex_v2(index, self._ctypes.byref(handle)):
                handles.append(handle)
        return handles

    def ask(self, card: Any) -> dict[str, float]:
        """Return what a card says; what it doesn't know is left out."""
        told: dict[str, float] = {}
        if busy := self._numbers("nvmlDeviceGetUtilizationRates", "II", card):
            told |= {"percent": busy[0], "memory_busy_percent": busy[1]}
        if memory := self._numbers("nvmlDeviceGetMemoryInfo", "QQQ", card):
            told |= {"memory_total_bytes": memory[0], "memory_used_bytes": memory[2]}
            told["memory_percent"] = percent(memory[2], memory[0])
        for name, function, divisor, more in (
            ("temperature", "nvmlDeviceGetTemperature", 1, (CORE_TEMPERATURE,)),
            ("power_watts", "nvmlDeviceGetPowerUsage", 1000.0, ()),
            ("fan_percent", "nvmlDeviceGetFanSpeed", 1, ()),
        ):
            if value := self._numbers(function, "I", card, *more):
                told[name] = value[0] if divisor == 1 else value[0] / divisor
        for name, kind in (("ecc_corrected", CORRECTED), ("ecc_uncorrected", UNCORRECTED)):
            if value := self._numbers("nvmlDeviceGetTotalEccErrors", "Q", card, kind, SINCE_BOOT):
                told[name] = value[0]
        return told

    def _numbers(self, function: str, kinds: str, *arguments: Any) -> list[int]:
        """Return the numbers that *function* writes behind its last argument, ``[]`` when it has none to tell.

        *kinds* are theirs as in ``struct``: ``I`` of 32 bits and ``Q`` of 64.
        """
        kind = self._ctypes.c_uint32 if kinds[0] == "I" else self._ctypes.c_uint64
        answer = (kind * len(kinds))()
        try:
            code = getattr(self._nvml, function)(*arguments, answer)
        except AttributeError:
            return []  # an older library
        return [] if code else list(answer)


class Nvidia(Collector):
    """``nvidia.<number>.percent``, ``.memory_percent``, ``.temperature``, ``.power_watts``, …"""

    name = "nvidia"
    description = "NVIDIA's graphics processors"
    numbers: ClassVar[Mapping[str, Number]] = {
        **CARD,
        "*.fan_percent": gauge("%", "how fast its fan turns, of the fastest"),
        "*.ecc_corrected": counter("errors", "errors of its memory that were corrected, since boot", rated=False),
        "*.ecc_uncorrected": counter("errors", "errors of its memory that could not be corrected", rated=False),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._library: Library | None = None
        self._cards: list[Any] = []
        self._found: Metrics = {}
        self._errand = Errand("nvidia", self._ask)

    def collect(self, now: float) -> Metrics:
        """Return what each card said last."""
        self._errand.go(afresh=True)
        return self._found

    def _ask(self) -> None:
        if self._library is None:
            library = Library()
            library.start()
            self._cards = library.cards()
            self._library = library
        told = {str(number): self._library.ask(card) for number, card in enumerate(self._cards)}
        self._found = {number: numbers for number, numbers in told.items() if numbers}
