"""The collector clock: the kernel's answer, as bytes and as it is here."""

from __future__ import annotations

from typing import Any

import pytest

from saltern_modules.collectors import clock
from saltern_modules.collectors.explained import unnamed
from saltern_modules.collectors.sampler import Sampler
from support.trees import options


def timex(offset: int, frequency: int, most: int, estimated: int, status: int) -> bytes:
    return clock.TIMEX.pack(0, offset, frequency, most, estimated, status, *range(10), 0, *range(5), 37).ljust(
        512, b"\0"
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            timex(1_500_000, -65536 * 3 // 2, 2000, 100, clock.STA_NANO | 1),
            {
                "synchronised": 1,
                "offset_ms": 1.5,
                "frequency_ppm": -1.5,
                "max_error_ms": 2.0,
                "estimated_error_ms": 0.1,
            },
        ),
        (
            timex(-1500, 0, 16_000_000, 16_000_000, clock.STA_UNSYNC),
            {
                "synchronised": 0,
                "offset_ms": -1.5,
                "frequency_ppm": 0.0,
                "max_error_ms": 16000.0,
                "estimated_error_ms": 16000.0,
            },
        ),
    ],
    ids=["kept, in nanoseconds", "nobody keeps it, in microseconds"],
)
def test_what_the_kernel_says(data: bytes, expected: dict[str, float]) -> None:
    assert clock.parse_timex(data) == expected


def test_this_host(tmp_path: Any) -> None:
    stats = Sampler({"stats": {"collectors": {"clock": True}}}).sample()
    assert stats["collector"]["clock"]["success"] == 1
    assert stats["clock"]["synchronised"] in (0, 1)
    assert 0.0 <= stats["clock"]["max_error_ms"] <= 16_000.0, "the kernel stops counting there"
    assert abs(stats["clock"]["frequency_ppm"]) <= 500.0
    assert not list(unnamed("clock", stats["clock"]))


def test_it_is_off_by_itself_and_costs_nothing_then(tmp_path: Any) -> None:
    sampler = Sampler(options(tmp_path))
    sampler.sample()
    assert not sampler.chosen.switches["clock"]
    assert "clock" not in sampler.running


def test_a_refusal_fails_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = Sampler({"stats": {"collectors": {"clock": True}}})
    sampler.sample()
    monkeypatch.setattr(sampler.running["clock"].collector, "_adjtimex", lambda buffer: -1)
    assert sampler.sample()["collector"]["clock"]["success"] == 0
    assert "refused to tell how the clock is kept" in sampler.running["clock"].failed
