"""Whether chosen ports can be connected to, and how long that takes.

Every target is asked at once, without waiting for one another, and the connection is closed without a word. Names are
looked up once a minute, in a thread of their own, since a name server that is away holds up whoever asks for half a
minute. A target that takes longer than a moment is told by the sample after (``errand``).
"""

from __future__ import annotations

import contextlib
import errno
import functools
import select
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.asking.errand import Errand
from saltern_modules.collectors.asking.questions import Questions
from saltern_modules.collectors.base import Collector, Metrics, Number, gauge
from saltern_modules.collectors.reading.endpoint import Endpoint, label, parse_endpoint
from saltern_modules.collectors.reading.named import check_named, named
from saltern_modules.collectors.source import Source

LOOK_UP_EVERY_S = 60.0
AT_ONCE = 50
"""Targets that are connected to together; each takes two descriptors at most."""

Address = tuple[socket.AddressFamily, Any]
"""What connect(2) takes, with its family."""


def addresses(endpoint: Endpoint) -> list[Address]:
    """Return the first address of each family. Raises ``OSError`` when there is none."""
    found: dict[socket.AddressFamily, Any] = {}
    # As text it would be encoded by a codec whose tables take half a megabyte.
    host = endpoint.host.encode() if endpoint.host.isascii() else endpoint.host
    for family, _, _, _, address in socket.getaddrinfo(host, endpoint.port, type=socket.SOCK_STREAM):
        found.setdefault(family, address)
    return list(found.items())


Tell = Callable[[str, float | None], None]
"""Takes a target's name and how many milliseconds it took, None when no address of it answered."""


def connect_all(
    wanted: Mapping[str, Iterable[Address]], timeout_s: float, tell: Tell = lambda name, took_ms: None
) -> dict[str, float | None]:
    """Return how many milliseconds each target took, None where no address answered within *timeout_s*.

    *tell* is told of each as soon as it is known.
    """
    took: dict[str, float | None] = {}

    def done(name: str, took_ms: float | None) -> None:
        took[name] = took_ms
        tell(name, took_ms)

    with contextlib.ExitStack() as stack:
        waiting: dict[int, tuple[str, socket.socket]] = {}
        silent = dict.fromkeys(wanted, 0)  # how many addresses of each have not answered
        poll = select.poll()
        started = time.monotonic()
        for name, places in wanted.items():
            for family, address in places:
                try:
                    link = stack.enter_context(socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC))
                    link.setblocking(False)
                    refused = link.connect_ex(address) not in (0, errno.EINPROGRESS)
                except OSError:
                    continue  # a family that this host doesn't have, or no descriptor left
                if not refused:
                    waiting[link.fileno()] = (name, link)
                    silent[name] += 1
                    poll.register(link, select.POLLOUT)
            if not silent[name]:
                done(name, None)
        while len(took) < len(wanted) and (left_s := started + timeout_s - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(left_s * 1000.0):
                name, link = waiting.pop(descriptor)
                poll.unregister(descriptor)
                silent[name] -= 1
                if name in took:
                    continue
                if _is_connected(link):
                    done(name, round((time.monotonic() - started) * 1000.0, 3))
                elif not silent[name]:
                    done(name, None)
        for name in wanted:
            if name not in took:
                done(name, None)
    return took


def _is_connected(link: socket.socket) -> bool:
    """Return whether somebody answered. A port that is free may be given to us, and we then answer ourselves."""
    try:
        return not link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) and link.getpeername() != link.getsockname()
    except OSError:
        return False


class Ports(Collector):
    """``ports.<target>.open``, ``.connect_ms``, ``.resolved``."""

    name = "ports"
    description = "whether chosen ports can be connected to"
    settings: ClassVar[Mapping[str, Any]] = {"targets": [], "timeout_s": 2.0}
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.open": gauge("", "1 when somebody accepts connections there"),
        "*.connect_ms": gauge("ms", "how long it took until he did"),
        "*.resolved": gauge("", "1 when its name has an address"),
    }

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Raise ``ValueError`` for a target that is no host and port, and for a time that is none."""
        check_named("targets", named(options["targets"], label), "db1:5432", parse_endpoint)
        if not 0.0 < options["timeout_s"] <= 60.0:
            raise ValueError(f"timeout_s must be more than 0 and at most 60.0 seconds, not {options['timeout_s']!r}")

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._targets = {name: parse_endpoint(text) for name, text in named(self.options["targets"], label)}
        self._addresses: dict[str, list[Address]] = {}
        self._looked_up_at = float("-inf")
        self._found: dict[str, dict[str, float]] = {}
        self._questions = Questions("names")
        self._resolver = Errand("names", self._look_up)
        self._connector = Errand("ports", self._connect)

    def collect(self, now: float) -> Metrics:
        """Return what is known of each target by now."""
        if now >= self._looked_up_at + LOOK_UP_EVERY_S and self._resolver.go():
            self._looked_up_at = now
        self._connector.go(afresh=True)
        return {name: dict(told) for name, told in list(self._found.items())}

    def _look_up(self) -> None:
        """Look up every name; one that takes long keeps no other, and is there once it has an answer."""
        self._questions.ask({name: functools.partial(self._resolve, name) for name in self._targets})

    def _resolve(self, name: str) -> None:
        try:
            self._addresses[name] = addresses(self._targets[name])
        except (OSError, UnicodeError):
            self._addresses[name] = []

    def _connect(self) -> None:
        known = dict(self._addresses)
        names = list(known)
        for at in range(0, len(names), AT_ONCE):
            batch = {name: known[name] for name in names[at : at + AT_ONCE]}
            connect_all(batch, self.options["timeout_s"], functools.partial(self._tell, known))

    def _tell(self, known: Mapping[str, list[Address]], name: str, took_ms: float | None) -> None:
        told: dict[str, float] = {"open": int(took_ms is not None), "resolved": int(bool(known[name]))}
        if took_ms is not None:
            told["connect_ms"] = took_ms
        self._found[name] = told
