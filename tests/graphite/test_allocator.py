"""Freed memory stays with the process, so that the next block of points finds it; what is much goes back when asked."""

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


PIECES = """
import re
from saltern_graphite.process.allocator import give_back_freed_memory, keep_freed_memory
keep_freed_memory()
def resident():
    with open("/proc/self/status") as file:
        return int(re.search(r"RssAnon:\\s+(\\d+) kB", file.read())[1])
pieces = [bytearray(size) for _ in range(1000) for size in (100_000, 2_000)]
del pieces[::2]
before = resident()
give_back_freed_memory()
print(before - resident())
"""


def test_what_is_freed_between_pieces_that_stay_is_given_back() -> None:
    shown = subprocess.run([sys.executable, "-c", PIECES], capture_output=True, text=True, check=True, timeout=30)
    assert int(shown.stdout) > 50_000  # kB
