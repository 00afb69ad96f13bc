"""What the frame around every page shows: who is logged in, and where he may go."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from django.http import HttpRequest

from saltern_web.session.console import Asked, address_of, console_of
from saltern_web.session.cookie import token_in
from saltern_web.session.who import Who

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "saltern-theme"
ZONES = ("here", "UTC")
ZONE_COOKIE = "saltern-zone"


class Place(NamedTuple):
    """An entry of the menu; *needs*: what of must be granted, any of them; nothing: everybody.

    *of_devices*: it is shown where the login sees devices.
    """

    url: str
    name: str
    needs: tuple[str, ...] = ()
    of_devices: bool = False


MENU: tuple[tuple[str, tuple[Place, ...]], ...] = (
    (
        "Watch",
        (
            Place("/", "Front"),
            Place("/hosts", "Hosts"),
            Place("/devices", "Devices", of_devices=True),
            Place("/explorer", "Explorer"),
            Place("/dashboards", "Dashboards"),
            Place("/alerts", "Alerts", ("runner.alerts.list",)),
            Place("/events", "Events"),
        ),
    ),
    (
        "Manage",
        (
            Place("/run", "Run", ("test.ping", "cmd.run")),
            Place("/jobs", "Jobs", ("runner.jobs.list_jobs",)),
            Place("/plugins", "Plugins"),
            Place("/machines/add", "Add a machine", ("wheel.key.invite",)),
        ),
    ),
    (
        "Administer",
        (
            Place("/keys", "Keys", ("wheel.key.list_all",)),
            Place("/modules", "Modules", ("runner.manage.modules",)),
            Place("/people", "Users and roles", ("runner.auth.roles",)),
            Place("/tokens", "Tokens"),
            Place("/audit", "Audit", ("runner.audit.query",)),
        ),
    ),
)


def around(request: HttpRequest) -> dict[str, Any]:
    """Return what the frame's template needs."""
    who: Who | None = getattr(request, "who", None)
    theme, zone = request.COOKIES.get(THEME_COOKIE), request.COOKIES.get(ZONE_COOKIE)
    return {
        "who": who,
        "menu": _menu(cast(Asked, request), request.path) if who is not None else (),
        "theme": theme if theme in THEMES else THEMES[0],
        "zone": zone if zone in ZONES else ZONES[0],
    }


def remember_who(request: HttpRequest) -> None:
    """Let a page that nothing could be asked for have the menu of the login that was seen here a moment ago."""
    console = console_of(request)
    token = token_in(request, secure=console.secure)
    if token and not hasattr(request, "who"):
        api = console.api(token, address_of(request))
        who = console.who.peek(api)
        if who is not None:
            asked = cast(Asked, request)
            asked.console, asked.api, asked.who = console, api, who


def offered(request: Asked, place: Place) -> bool:
    """Whether *place* is for this login."""
    if place.of_devices and not sees_devices(request):
        return False
    return not place.needs or any(map(request.who.may, place.needs))


def sees_devices(request: Asked) -> bool:
    """Whether there are devices in the fleet that this login was shown last."""
    fleet = request.console.fleet.peek(request.api)
    return fleet is not None and bool(fleet.devices)


def _menu(request: Asked, path: str) -> list[tuple[str, list[tuple[Place, bool]]]]:
    found = []
    for heading, places in MENU:
        shown = [(one, _is_here(one.url, path)) for one in places if offered(request, one) or _is_here(one.url, path)]
        if shown:
            found.append((heading, shown))
    return found


def _is_here(url: str, path: str) -> bool:
    return path == url or (url != "/" and path.startswith(f"{url}/"))
