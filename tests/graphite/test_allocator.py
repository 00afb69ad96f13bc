"""Freed memory stays with the process, so that the next block of points finds it."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import resource
from saltern_graphite.process.allocator import keep_freed_memory
keep_freed_memory()
def work():
    for _ in range(50):
        pieces = [bytearray(400_000) for _ in range(10)]
        del pieces
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_blocks_of_a_megabyte_cost_no_page_faults() -> None:
    shown = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=30)
    assert int(shown.stdout) < 500  # without it, 47,000
