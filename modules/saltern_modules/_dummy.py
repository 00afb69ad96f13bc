"""What a device of the proxytype ``dummy`` does, however its functions wait."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping, MutableMapping
from typing import Any

from saltern.digest import sha256
from saltern.errors import CommandError
from saltern_modules._proxy_options import EVERYWHERE

SERVICES: Mapping[str, str] = {"apache": "running", "ntp": "running", "samba": "stopped"}
PACKAGES: Mapping[str, str] = {"coreutils": "1.0", "apache": "2.4", "tinc": "1.4", "redbull": "999.99"}
GRAINS: Mapping[str, str] = {"dummy_grain_1": "one", "dummy_grain_2": "two", "dummy_grain_3": "three"}
NUMBERS_MAX = 10_000
HANG = "hang"
KNOWN = frozenset(
    ("proxytype", "numbers", "latency_s", "hang", "hang_s", "flap_s", "fail_init", "wait", "timeout", "id")
)
FOR_EVER = math.inf
UNPAUSED = frozenset(("initialized", "fns", "shutdown", "test_from_state"))


class Dummy:
    """One device, as *opts* say, for the time of one call; what it keeps is in *context*."""

    def __init__(self, opts: Mapping[str, Any], context: MutableMapping[str, Any]) -> None:
        self._id = str(opts.get("id", ""))
        self._proxy: Mapping[str, Any] = opts.get("proxy") or {}
        self._context = context

    def pause_s(self, name: str) -> float:
        """Return how long the call of the function *name* takes; infinite for one that hangs."""
        if name in UNPAUSED:
            return 0.0
        hangs = self._proxy.get("fail_init") == HANG if name == "init" else self._hangs()
        return self._number("hang_s", FOR_EVER) if hangs else self._number("latency_s", 0.0)

    def init(self, opts: Mapping[str, Any]) -> None:
        """Connect. Raises ``CommandError`` where ``fail_init`` or ``flap_s`` says so, or an option isn't one."""
        strange = sorted(set(self._proxy) - KNOWN - EVERYWHERE)
        if strange:
            raise CommandError(f"proxy: {strange[0]}: a dummy has no such option: it has {', '.join(sorted(KNOWN))}")
        fails = self._proxy.get("fail_init")
        if fails and fails != HANG:
            raise CommandError(fails if isinstance(fails, str) else "fail_init says so")
        self._there()
        self._context["opened"] = True

    def shutdown(self, opts: Mapping[str, Any]) -> None:
        """Disconnect: what was changed stays."""
        self._context.pop("opened", None)

    def initialized(self) -> bool:
        """Return whether it is connected."""
        return "opened" in self._context

    def alive(self, opts: Mapping[str, Any]) -> bool:
        """Return whether it answers."""
        return self._up()

    def ping(self) -> bool:
        """Return whether it answers."""
        return self._up()

    def grains(self) -> dict[str, Any]:
        """Return three grains."""
        self._there()
        return dict(GRAINS)

    def grains_refresh(self) -> dict[str, Any]:
        """Return the same."""
        return self.grains()

    def fns(self) -> dict[str, str]:
        """Return what functions that add grains show of this module."""
        return {
            "details": "This key is here because a function in grains/rest_sample.py called fns() here in the "
            "proxymodule."
        }

    def stats(self) -> dict[str, Any]:
        """Return as many numbers as ``numbers`` says, and what runs."""
        self._there()
        count, now = min(int(self._number("numbers", 0)), NUMBERS_MAX), int(time.time())
        running = {name: int(state == "running") for name, state in self._services().items()}
        return {"service": running, "number": {f"n{one:03d}": (now + one) % 100 for one in range(count)}}

    def service_list(self) -> list[str]:
        """Return the names of the services."""
        self._there()
        return list(self._services())

    def service_status(self, name: str) -> dict[str, str]:
        """Return whether a service is running, in ``comment``."""
        self._there()
        return {"comment": "running" if self._services().get(str(name)) == "running" else "stopped"}

    def service_start(self, name: str) -> str:
        """Start a service."""
        return self._put("services", SERVICES, str(name), "running")

    def service_stop(self, name: str) -> str:
        """Stop a service."""
        return self._put("services", SERVICES, str(name), "stopped")

    def service_restart(self, name: str) -> bool:
        """Restart a service."""
        self._there()
        return True

    def package_list(self) -> dict[str, str]:
        """Return the packages with their versions."""
        self._there()
        return dict(self._packages())

    def package_install(self, name: str, version: Any = None, **kwargs: Any) -> dict[str, str]:
        """Install a package, 1.0 unless a *version* is given."""
        return {str(name): self._put("packages", PACKAGES, str(name), str(version or "1.0"))}

    def package_remove(self, name: str) -> dict[str, str]:
        """Remove a package, and return those that are left."""
        self._put("packages", PACKAGES, str(name), "")
        return self.package_list()

    def package_status(self, name: str) -> dict[str, str]:
        """Return the version of a package, nothing when it isn't there."""
        found = self.package_list()
        return {name: found[name]} if name in found else {}

    def uptodate(self, *args: Any) -> dict[str, str]:
        """Return a version more of each."""
        return {name: str(float(version) + 1.0) for name, version in self.package_list().items()}

    def upgrade(self) -> dict[str, str]:
        """Put those in force."""
        self._context["packages"] = self.uptodate()
        return self.package_list()

    def test_from_state(self) -> str:
        """Return a text."""
        return "testvalue"

    def _services(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self._context.get("services", SERVICES)
        return found

    def _packages(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self._context.get("packages", PACKAGES)
        return found

    def _put(self, kind: str, at_first: Mapping[str, str], name: str, value: str) -> str:
        """Change one of its things; what no one has changed is the same for all devices."""
        self._there()
        changed = {**self._context.get(kind, at_first), name: value}
        self._context[kind] = {name: value for name, value in changed.items() if value}
        return value

    def _number(self, name: str, otherwise: float) -> float:
        value = self._proxy.get(name, otherwise)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise CommandError(f"proxy: {name}: {value!r:.40} is not valid: use a number from 0")
        return float(value)

    def _hangs(self) -> bool:
        said = self._proxy.get("hang", False)
        return said if isinstance(said, bool) else random.random() < self._number("hang", 0.0)  # noqa: S311 - no secret

    def _up(self) -> bool:
        """Return whether it can be reached now: with ``flap_s`` so long, and then not for as long, and so on."""
        flap_s = self._number("flap_s", 0.0)
        if not flap_s:
            return True
        phase = int(sha256(self._id.encode()).hexdigest()[:8], 16) / 2**32 * 2 * flap_s
        return (time.time() + phase) % (2 * flap_s) < flap_s

    def _there(self) -> None:
        if not self._up():
            raise CommandError("the device can't be reached: flap_s says so")


FUNCTIONS = tuple(name for name in vars(Dummy) if not name.startswith("_") and name != "pause_s")
"""What a proxymodule of it has."""
