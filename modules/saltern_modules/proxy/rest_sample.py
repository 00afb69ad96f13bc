"""The device of Salt's ``rest_sample``: packages, services and facts by a small REST server.

Of the pillar::

    proxy:
      proxytype: rest_sample
      url: http://127.0.0.1:8080/
      username: admin       # where it asks for them
      password: secret

The servers of both generations are understood: an ``/id`` that is a bare text or JSON; upgrades and outages where
there are such.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import quote

from saltern.errors import CommandError
from saltern_modules import _device_http as device

__opts__: Mapping[str, Any]
__context__: MutableMapping[str, Any]

__proxyenabled__ = ["rest_sample"]

INFO = "info"
OPENED = "opened"
VERSION = "1.0"
"""What is installed when nobody says which."""


def init(opts: Mapping[str, Any]) -> None:
    """Find out whether the device answers. Raises ``CommandError`` when it doesn't."""
    _get("ping")
    __context__[OPENED] = True


def shutdown(opts: Mapping[str, Any]) -> None:
    """Forget what is known of the device: between requests there is no connection."""
    __context__.clear()


def initialized() -> bool:
    """Return whether ``init`` has found the device."""
    return bool(__context__.get(OPENED))


def alive(opts: Mapping[str, Any]) -> bool:
    """Return whether the device answers."""
    return ping()


def ping() -> bool:
    """Return whether the device says that it is well; ``False`` when it says nothing."""
    try:
        answer = _get("ping")
    except CommandError:
        return False
    return isinstance(answer, Mapping) and bool(answer.get("ret"))


def id(opts: Mapping[str, Any]) -> str:
    """Return what the device calls itself."""
    text = _asked("id").text.strip()
    if not text.startswith("{"):
        return text
    found = _get("id")
    return str(found.get("id", "")) if isinstance(found, Mapping) else text


def grains() -> dict[str, Any]:
    """Return what the device tells of itself, as it was when it was first asked."""
    if INFO not in __context__:
        __context__[INFO] = _mapping("info")
    return dict(__context__[INFO])


def grains_refresh() -> dict[str, Any]:
    """Return the same, asked anew."""
    __context__.pop(INFO, None)
    return grains()


def fns() -> dict[str, str]:
    """Return what a function that adds grains shows of this module."""
    return {
        "details": "This key is here because a function in grains/rest_sample.py called fns() here in the proxymodule."
    }


def stats() -> dict[str, Any]:
    """Return what is running, as ``{'service': {'apache': 0, 'redbull': 1}, 'running': 1, 'packages': 1}``."""
    running = {name: int(state == "running") for name, state in service_list().items()}
    return {"service": running, "running": sum(running.values()), "packages": len(package_list())}


def service_start(name: str) -> Any:
    """Start a service."""
    return _get("service", "start", name)


def service_stop(name: str) -> Any:
    """Stop a service."""
    return _get("service", "stop", name)


def service_restart(name: str) -> Any:
    """Restart a service."""
    return _get("service", "restart", name)


def service_list() -> dict[str, Any]:
    """Return the services, each ``running`` or ``stopped``."""
    return _mapping("service", "list")


def service_status(name: str) -> Any:
    """Return what the device says of a service, in ``comment``."""
    return _get("service", "status", name)


def package_list() -> dict[str, Any]:
    """Return the packages with their versions."""
    return _mapping("package", "list")


def package_install(name: str, version: Any = None, **kwargs: Any) -> Any:
    """Install a package, of the *version*, which may have come as a number."""
    return _get("package", "install", name, VERSION if version in (None, "") or version is False else str(version))


def package_remove(name: str) -> Any:
    """Remove a package."""
    return _get("package", "remove", name)


def package_status(name: str) -> Any:
    """Return the version of a package as text; what the device says, a dict, of one that isn't there."""
    answer = _asked("package", "status", name)
    text = answer.text.strip()
    if text.startswith("{"):
        return answer.json()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def uptodate() -> dict[str, Any]:
    """Return which versions there are that are newer: the next ``upgrade`` puts them in force."""
    return _mapping("package", "uptodate")


def upgrade() -> dict[str, Any]:
    """Put the versions in force that ``uptodate`` found, and return them."""
    return _mapping("package", "upgrade")


def fix_outage() -> dict[str, str]:
    """End an outage; return the text of the answer as Salt has it, in ``body``."""
    return {"body": _asked("fix_outage").text}


def test_from_state() -> str:
    """Return a text, for whoever tries whether this can be called."""
    return "testvalue"


def _asked(*path: str) -> device.Answer:
    far = device.far(__opts__.get("proxy"), float(__opts__.get("device_timeout") or device.TIMEOUT_S))
    for part in path:
        if part in ("", ".", ".."):
            raise CommandError(f"{part!r} is no name")
    return device.good(device.ask(far, "/".join(quote(str(part), safe="") for part in path)))


def _get(*path: str) -> Any:
    return _asked(*path).json()


def _mapping(*path: str) -> dict[str, Any]:
    answer = _asked(*path)
    found = answer.json()
    if not isinstance(found, dict):
        raise CommandError(f"{answer.where}: the answer is no mapping")
    return found
