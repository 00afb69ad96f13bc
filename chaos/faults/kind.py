"""What a kind of fault is, and the table of all.

A kind is a generator that is given the stack, the name of whom it befalls and a source of randomness: it begins the
fault, yields while it lasts, and ends it::

    @kind("kill", on="process", targets=EVERYBODY, seconds=(0.0, 5.0))
    def kill(stack, target, choice):
        stack.programs[target].kill()
        yield
        stack.programs[target].start()

Two faults of one target never overlap when they are *on* the same thing of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from chaos.stack import MASTER, STORE, Stack

Happening = Callable[[Stack, str, random.Random], Iterator[None]]
Targets = Callable[[list[str]], list[str]]
"""Returns whom a kind can befall, of the minions there are."""


class Kind(NamedTuple):
    """A kind of fault: on what of its target, whom it can befall, how long it lasts (s, least and most)."""

    name: str
    on: str
    targets: Targets
    seconds: tuple[float, float]
    happens: Happening


KINDS: dict[str, Kind] = {}


def kind(name: str, *, on: str, targets: Targets, seconds: tuple[float, float]) -> Callable[[Happening], Happening]:
    """Enter a kind of fault into the table."""

    def enter(happens: Happening) -> Happening:
        KINDS[name] = Kind(name, on, targets, seconds, happens)
        return happens

    return enter


def everybody(minions: list[str]) -> list[str]:
    """All programs."""
    return [STORE, MASTER, *minions]


def who_connects(minions: list[str]) -> list[str]:
    """Those with a link: the store connects to nobody."""
    return [MASTER, *minions]
