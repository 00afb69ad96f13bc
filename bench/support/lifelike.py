"""What a fleet's hosts measure: numbers like those of real hosts, each a pure function of host, number and slot.

Of twenty numbers eight are counters, which grow by differing whole numbers, four are sizes that stay, five are gauges
of whole numbers, which wander or stay for a while, two are decimals with one or two places, and one is noise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from saltern_agent.slots import stable_hash

Whole = npt.NDArray[np.uint64]
Values = npt.NDArray[np.float64]

KINDS = "cogcdcgcogcogcncgcod"
"""Of a host's numbers, over and over: counter, size (``o`` for one that stays), gauge, decimal, noise."""
COUNTERS, SIZES, GAUGES, DECIMALS, NOISE = "cogdn"
NUMBERS_A_GROUP = 15
PREFIX, MODULE = "saltern", "stats"
BEGAN_S = 1_767_225_600
"""Counters began then: the start of 2026."""
STAYS_SLOTS = np.array([1, 1, 4, 20], np.uint64)
PLACES = np.array([10.0, 100.0])
U = np.uint64


def minion_id(host: int) -> str:
    """Return the id of a host; all are of one length."""
    return f"sim{host:05d}"


def phase(host: int) -> float:
    """Return at which part of the interval a host samples, as agents do."""
    return stable_hash(minion_id(host)) / 2**64


def leaves(numbers: int) -> list[tuple[str, str]]:
    """Return group and name of each of a host's numbers; all are of one length."""
    return [(f"group{number // NUMBERS_A_GROUP:02d}", f"number{number:03d}") for number in range(numbers)]


def metric(host: int, number: int) -> str:
    """Return a number's name in the store, as the master's ``metric_pattern`` makes it."""
    return f"{PREFIX}.{minion_id(host)}.{MODULE}.{'.'.join(leaves(number + 1)[-1])}"


class Numbers:
    """The *numbers* numbers of each host, one slot every *interval_s* seconds."""

    def __init__(self, numbers: int, interval_s: int) -> None:
        self._count = numbers
        self._interval_s = interval_s
        kinds = (KINDS * (numbers // len(KINDS) + 1))[:numbers]
        self.places = {kind: np.array([at for at, is_ in enumerate(kinds) if is_ == kind], np.intp) for kind in "cogdn"}

    def at(self, hosts: Whole, slot: int) -> Values:
        """Return the values of *hosts* at *slot* (epoch s): a row of all numbers for each."""
        step = U((slot - BEGAN_S) // self._interval_s)
        seeds = _mixed(hosts[:, None] * U(1 << 20) + np.arange(1, self._count + 1, dtype=np.uint64))
        values = np.empty(seeds.shape)
        for kind, of in (
            (COUNTERS, _counters),
            (SIZES, _sizes),
            (GAUGES, _gauges),
            (DECIMALS, _decimals),
            (NOISE, _noise),
        ):
            places = self.places[kind]
            values[:, places] = of(seeds[:, places], step)
        return values


def _counters(seeds: Whole, step: np.uint64) -> Values:
    rate = U(2) << (seeds & U(15))
    return ((seeds >> U(30)) + rate * step + (_mixed(seeds ^ step) & (rate - U(1)))).astype(np.float64)


def _sizes(seeds: Whole, _: np.uint64) -> Values:
    return ((seeds >> U(32)) << U(12)).astype(np.float64)


def _gauges(seeds: Whole, step: np.uint64) -> Values:
    steps = step // STAYS_SLOTS[(seeds & U(3)).astype(np.intp)]
    bits = U(2) + (seeds >> U(2) & U(15))
    return ((seeds >> U(44)) + _wander(seeds, steps, bits)).astype(np.float64)


def _decimals(seeds: Whole, step: np.uint64) -> Values:
    wandered = _wander(seeds, np.broadcast_to(step, seeds.shape), U(4) + (seeds >> U(2) & U(7)))
    return wandered.astype(np.float64) / PLACES[(seeds & U(1)).astype(np.intp)]


def _noise(seeds: Whole, step: np.uint64) -> Values:
    return (_mixed(seeds ^ step) >> U(11)).astype(np.float64) * (1000 / 2**53)


def _wander(seeds: Whole, steps: Whole, bits: Whole) -> Whole:
    """Return whole numbers below 9/8 of ``2**bits`` that go up and down in 32 steps or so, with some noise."""
    span = U(1) << bits
    sweep = (seeds >> U(40)) + steps * ((span >> U(4)) + U(1))
    there = sweep & (span - U(1))
    back = (sweep & span) != 0
    return np.where(back, span - U(1) - there, there) + (_mixed(seeds ^ steps) & ((span >> U(3)) | U(1)) >> U(1))


def _mixed(whole: Whole) -> Whole:
    """Return other bits for each, that look like chance (splitmix64)."""
    mixed = whole * U(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> U(30))) * U(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> U(27))) * U(0x94D049BB133111EB)
    return mixed ^ (mixed >> U(31))
