"""What SIGHUP makes the agent do: it reads its configuration again and says what is in force and what waits."""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any

import saltern.log
from saltern.errors import ConfigError
from saltern_agent import settings

if TYPE_CHECKING:
    from saltern_agent.host import Host

log = logging.getLogger(__name__)

RELOADED = ("grains", "log_level")
"""Options that are put into force; the others wait for a restart."""

FAILED = "the configuration stays as it was"


class Reload:
    """Reads the configuration of *host* at *path* again; what is in *fixed* the command line says.

    *proxyid*: as of ``settings.load``.
    """

    def __init__(self, host: Host, path: str | None, fixed: Collection[str], proxyid: str = "") -> None:
        self._host = host
        self._path = path
        self._fixed = fixed
        self._proxyid = proxyid

    def hung_up(self) -> None:
        """Heed SIGHUP; for a signal handler."""
        self._host.loop.post(self._begin)

    def _begin(self) -> None:
        log.info("SIGHUP: the log is opened anew; the configuration and the grains are read again")
        self._host.background.do(FAILED, self._read)

    def _read(self) -> None:
        """Read it, in a worker: a child does, and grains may take long."""
        try:
            fresh, warnings = settings.load_again(self._path, proxyid=self._proxyid)
        except ConfigError as error:
            log.error("%s: %s", FAILED, error)
            return
        for line in warnings:
            log.warning("%s", line)
        self._host.loop.ask(partial(self._take, fresh))
        self._host.own.facts.refresh()

    def _take(self, fresh: Any) -> None:
        own: dict[str, Any] = dict(self._host.options)
        waiting = [name for name in fresh if name not in (*RELOADED, *self._fixed) and fresh[name] != own.get(name)]
        self._host.options["grains"] = fresh["grains"]
        if "log_level" not in self._fixed:
            saltern.log.set_level(fresh["log_level"])
        log.info("the configuration was read again: grains and log_level are in force")
        if waiting:
            log.warning("these options wait for a restart of the agent: %s", ", ".join(sorted(waiting)))
