"""Errors of the memory chips, from ``/sys/devices/system/edac/mc`` (the kernel's Documentation/driver-api/edac.rst).

``ce_count`` are errors that were corrected, ``ue_count`` those that could not be: each made something wrong.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter
from saltern_modules.collectors.numbers import integer
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source, read_once

MAX_DIMMS = 512
COUNTS = {"ce_count": "corrected", "ue_count": "uncorrected"}
DIMM_COUNTS = {"dimm_ce_count": "corrected", "dimm_ue_count": "uncorrected"}


class Edac(Collector):
    """``edac.<controller>.corrected``, ``.uncorrected``, and the same for each ``<dimm>`` below it."""

    name = "edac"
    description = "errors of the memory chips"
    every_s = 60.0
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.corrected": counter("errors", "errors of this memory controller's chips that were corrected", rated=False),
        "*.uncorrected": counter("errors", "errors that could not be corrected", rated=False),
        "*.*.corrected": counter("errors", "errors of this memory module that were corrected", rated=False),
        "*.*.uncorrected": counter("errors", "errors of this module that could not be corrected", rated=False),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._root = f"{files.sys_root}/devices/system/edac/mc"

    def collect(self, now: float) -> Metrics:
        """Return the counts of every controller and of every module."""
        metrics: Metrics = {}
        room = MAX_DIMMS
        for controller in self._folders("", "mc"):
            told: Metrics = self._counts(controller, COUNTS)
            for place in (*self._folders(controller, "dimm"), *self._folders(controller, "rank"))[:room]:
                if counts := self._counts(f"{controller}/{place}", DIMM_COUNTS):
                    told[segment(place)] = counts
                    room -= 1
            if told:
                metrics[segment(controller)] = told
        return metrics

    def _folders(self, parent: str, prefix: str) -> list[str]:
        names = [name for name in os.listdir(f"{self._root}/{parent}") if name.startswith(prefix)]
        return sorted((name for name in names if name[len(prefix) :].isdigit()), key=lambda name: (len(name), name))

    def _counts(self, place: str, files: dict[str, str]) -> Metrics:
        counts: Metrics = {}
        for file, name in files.items():
            try:
                value = integer(read_once(f"{self._root}/{place}/{file}", 32).strip())
            except OSError:
                continue
            if value is not None:
                counts[name] = value
        return counts
