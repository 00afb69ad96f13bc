"""A device as its agent has it, without one: its modules, its proxymodule, and its grains."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import CoroutineType
from typing import Any

from saltern_agent.executor import Executor
from saltern_agent.jobs import Job, Outcome
from saltern_agent.loader.bound import CarriedCurrent
from saltern_agent.loader.marks import Marks
from saltern_agent.loader.shared_library import SharedLibrary
from saltern_agent.loader.tenant import Tenant
from saltern_agent.proxied import Proxied

KINDS = ("modules", "utils", "returners", "grains", "proxy")
CURRENT = CarriedCurrent()
OPTS = {
    "id": "host",
    "master": "m",
    "grains": {},
    "grains_blacklist": [],
    "grains_deep_merge": False,
    "device_timeout": 10.0,
}


def library_of(folder: Path, files: Mapping[str, str] | None = None, **opts: Any) -> SharedLibrary:
    """Return what devices load modules from: the bundled ones, and *files*, ``{"_modules/x.py": text}``."""
    for name, text in (files or {}).items():
        path = folder / name.removeprefix("_")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return SharedLibrary({**OPTS, "cachedir": str(folder), **opts}, {k: [str(folder / k)] for k in KINDS}, Marks())


class OneDevice:
    """One of *library*, whose pillar has *proxy*; *opts* are more of its options."""

    def __init__(self, library: SharedLibrary, proxy: dict[str, Any], name: str = "device", **opts: Any) -> None:
        self.name = name
        own = {"id": name, "proxyid": name, "proxy": proxy, **opts}
        self.tenant = Tenant(library, own, CURRENT)
        self.proxied = Proxied(self.tenant)
        self._executor = Executor(self.tenant, CURRENT)

    def open(self) -> OneDevice:
        """Connect, and collect its grains."""
        self.proxied.open()
        self.tenant.set_grains(self.grains())
        return self

    def grains(self, *, fresh: bool = False) -> dict[str, Any]:
        """Return its grains."""
        return self.proxied.grains({**OPTS, "id": self.name}, fresh=fresh)

    def run(self, function: str, *args: Any, **kwargs: Any) -> Outcome:
        """Run a function, as a job does."""
        return self._executor.run(Job("20260101000000000000", function, list(args), kwargs))

    def call(self, function: str, *args: Any, **kwargs: Any) -> Any:
        """Run a function that is to do well, and return its value."""
        outcome = self.run(function, *args, **kwargs)
        assert outcome.failed is None, outcome.failed
        return outcome.value

    def awaited(self, function: str, *args: Any) -> Any:
        """Call a function of its proxymodule; a coroutine is run to its end."""
        with self.tenant.bound():
            found = self.tenant.proxymodule().functions[function](*args)
            return asyncio.run(found) if isinstance(found, CoroutineType) else found
