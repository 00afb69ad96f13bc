"""For how many days chosen certificates are still good: files (PEM or DER) and what TLS servers show.

Files are read, and servers asked, once an hour, aside from the sample. Servers are asked by a program that runs for a
moment (``tls_look``), the only one that a collector starts; without such a target there is none.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import stat
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern.errors import CommandError
from saltern.own_python import python_module
from saltern_modules.collectors.asking.errand import Errand
from saltern_modules.collectors.asking.questions import Questions
from saltern_modules.collectors.base import Collector, Metrics, Number, gauge
from saltern_modules.collectors.reading.endpoint import EXAMPLE, Endpoint, label, parse_endpoint
from saltern_modules.collectors.reading.named import check_named, named
from saltern_modules.collectors.reading.x509_dates import earliest_end
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source

log = logging.getLogger(__name__)

LOOK_EVERY_S = 3600.0
RETRY_EVERY_S = 300.0
"""When one could not be had."""

CHILD_TIMEOUT_S = 60.0
MAX_FILE_BYTES = 4 << 20
MAX_ANSWER_BYTES = 1 << 20
DAY_S = 86400.0


def parse_target(text: str) -> Endpoint | str:
    """Return a server, or the path of a file. Raises ``ValueError``."""
    if text.startswith("/"):
        return text
    try:
        return parse_endpoint(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a file's path nor a server: write '/etc/ssl/a.pem', {EXAMPLE}") from None


def end_of_file(path: str) -> float | None:
    """Return when the certificate in a file ends, in seconds since 1970; None for another file. Raises ``OSError``."""
    # Without O_NONBLOCK a pipe of that name would be waited for until somebody writes into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return earliest_end(os.read(descriptor, MAX_FILE_BYTES))
    except ValueError:
        return None
    finally:
        os.close(descriptor)


def parse_answer(data: bytes) -> dict[str, tuple[float | None, bool]]:
    """Return what ``tls_look`` wrote: when each server's certificate ends, and whether it is trusted."""
    found = {}
    for line in data.split(b"\n"):
        try:
            name, end, trusted = json.loads(line)
        except (ValueError, TypeError):
            continue  # it was ended in the middle of a line
        found[name] = (end, bool(trusted))
    return found


class Certificates(Collector):
    """``certificates.<target>.days_left``, ``.read``, and for a server ``.trusted``."""

    name = "certificates"
    description = "for how many days chosen certificates are still good"
    settings: ClassVar[Mapping[str, Any]] = {"targets": []}
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.days_left": gauge("d", "days until it ends, below 0 when it has; of several in a file, the first that ends"),
        "*.read": gauge("", "1 when it could be had in the last hour's look"),
        "*.trusted": gauge("", "1 when this host trusts the server's certificate for the server's name"),
    }

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Raise ``ValueError`` for a target that is neither a path nor a host and port."""
        check_named("targets", named(options["targets"], _label), "/etc/ssl/a.pem", parse_target)

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        targets = {name: parse_target(text) for name, text in named(self.options["targets"], _label)}
        self._files = {name: target for name, target in targets.items() if isinstance(target, str)}
        self._servers = {name: target for name, target in targets.items() if not isinstance(target, str)}
        self._found: dict[str, tuple[float | None, bool]] = {}
        """When each ends, in seconds since 1970, and whether it is trusted."""

        self._errand = Errand("certificates", self._look)
        self._questions = Questions("certificates")
        self._look_at = float("-inf")

    def collect(self, now: float) -> Metrics:
        """Return how long each certificate is good that was looked at by now."""
        if now >= self._look_at and self._errand.go():
            unread = any(end is None for end, _ in self._found.values())
            self._look_at = now + (RETRY_EVERY_S if unread else LOOK_EVERY_S)
        metrics: Metrics = {}
        for name, (end, trusted) in list(self._found.items()):
            told: dict[str, float] = {"read": int(end is not None)}
            if end is not None:
                told["days_left"] = round((end - time.time()) / DAY_S, 3)
                if name in self._servers:
                    told["trusted"] = int(trusted)
            metrics[name] = told
        return metrics

    def _look(self) -> None:
        ends = self._questions.ask({name: functools.partial(end_of_file, path) for name, path in self._files.items()})
        for name in self._files:
            end = ends.get(name)
            self._found[name] = (end if isinstance(end, float) else None, False)
        if self._servers:
            answered = self._ask(self._servers)
            for name in self._servers:
                self._found[name] = answered.get(name, (None, False))

    def _ask(self, servers: Mapping[str, Endpoint]) -> dict[str, tuple[float | None, bool]]:
        """Return what the servers show; one that isn't there in time is missing."""
        from saltern_modules import _process  # not for files alone

        argv = python_module("saltern_modules.collectors.asking.tls_look")
        question = json.dumps(servers).encode() + b"\n"
        try:
            done = _process.run(argv, stdin=question, timeout=CHILD_TIMEOUT_S, limit=MAX_ANSWER_BYTES)
        except CommandError as error:
            log.warning("stats: certificates: %s", error)
            return {}
        return parse_answer(done.stdout)


def _label(text: str) -> str:
    return segment(text) if text.startswith("/") else label(text)
