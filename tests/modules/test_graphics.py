"""The collectors amdgpu, over a built tree, and nvidia, over a library that is played."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern_modules.collectors import amdgpu, nvidia
from saltern_modules.collectors.asking.errand import Errand
from saltern_modules.collectors.explained import unnamed
from saltern_modules.collectors.sampler import Sampler
from saltern_modules.collectors.source import Source
from support.trees import options, plant

LONG_S = 30.0
DRM = "sys/class/drm"


def test_an_amd_card(tmp_path: Path) -> None:
    files = {
        f"{DRM}/card1/device/gpu_busy_percent": "42\n",
        f"{DRM}/card1/device/mem_info_vram_used": "1000\n",
        f"{DRM}/card1/device/mem_info_vram_total": "4000\n",
        f"{DRM}/card1/device/hwmon/hwmon3/temp1_input": "65000\n",
        f"{DRM}/card1/device/hwmon/hwmon3/power1_average": "180500000\n",
        f"{DRM}/card1/device/hwmon/hwmon3/fan1_input": "1200\n",
        f"{DRM}/card1-DP-1/device/gpu_busy_percent": "1\n",
        f"{DRM}/card0/device/vendor": "0x8086\n",
        f"{DRM}/version": "drm",
    }
    collector = amdgpu.Amdgpu(plant(tmp_path, files), {})
    found = collector.collect(0.0)
    assert found == {
        "card1": {
            "percent": 42,
            "memory_used_bytes": 1000,
            "memory_total_bytes": 4000,
            "memory_percent": 25.0,
            "temperature": 65.0,
            "power_watts": 180.5,
            "fan_rpm": 1200,
        }
    }
    assert not list(unnamed("amdgpu", found))
    (tmp_path / f"{DRM}/card1/device/gpu_busy_percent").unlink()
    assert "percent" not in collector.collect(1.0)["card1"], "what can't be read now is left out"


class Nvml:
    """Plays libnvidia-ml: two cards, the second of which knows little."""

    def __init__(self, code: int = 0) -> None:
        self.code = code

    def nvmlInit_v2(self) -> int:  # NVML's names
        return self.code

    def nvmlDeviceGetCount_v2(self, answer: Any) -> int:
        answer[0] = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: int, handle: Any) -> int:
        handle._obj.value = 1000 + index
        return 0

    def nvmlDeviceGetUtilizationRates(self, card: Any, answer: Any) -> int:
        assert ctypes.sizeof(answer) == 8
        answer[0], answer[1] = 97, 40
        return 0 if card.value == 1000 else 3

    def nvmlDeviceGetMemoryInfo(self, card: Any, answer: Any) -> int:
        assert ctypes.sizeof(answer) == 24
        answer[0], answer[1], answer[2] = 24 << 30, 18 << 30, 6 << 30
        return 0 if card.value == 1000 else 3

    def nvmlDeviceGetTemperature(self, card: Any, sensor: int, answer: Any) -> int:
        answer[0] = 71
        return sensor

    def nvmlDeviceGetPowerUsage(self, card: Any, answer: Any) -> int:
        answer[0] = 250_500
        return 0 if card.value == 1000 else 3

    def nvmlDeviceGetTotalEccErrors(self, card: Any, kind: int, counter: int, answer: Any) -> int:
        assert (ctypes.sizeof(answer), counter) == (8, 0)
        answer[0] = 5 + kind
        return 0 if card.value == 1000 else 3


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    go: Callable[..., bool] = Errand.go
    monkeypatch.setattr(Errand, "go", lambda self, *, afresh=False: go(self, LONG_S, afresh=afresh))


@pytest.mark.usefixtures("patient")
def test_two_nvidia_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Nvml())
    found = nvidia.Nvidia(Source(), {}).collect(0.0)
    assert found == {
        "0": {
            "percent": 97,
            "memory_busy_percent": 40,
            "memory_total_bytes": 24 << 30,
            "memory_used_bytes": 6 << 30,
            "memory_percent": 25.0,
            "temperature": 71,
            "power_watts": 250.5,
            "ecc_corrected": 5,
            "ecc_uncorrected": 6,
        },
        "1": {"temperature": 71},
    }
    assert not list(unnamed("nvidia", found))


@pytest.mark.usefixtures("patient")
def test_a_driver_that_is_not_loaded_or_a_library_that_is_missing_fails_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, {"proc/driver/nvidia/version": "x"})
    sampler = Sampler(options(tmp_path, {"collectors": {"nvidia": True}}))
    assert sampler.sample()["collector"]["nvidia"]["success"] == 0
    assert "libnvidia-ml.so.1" in sampler.running["nvidia"].failed
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Nvml(code=9))
    sampler.sample()
    assert "can't be used: error 9" in sampler.running["nvidia"].failed
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Nvml())
    assert set(sampler.sample()["nvidia"]) == {"0", "1"}
