"""The modules ``timezone`` and ``locale``: what every host answers alike."""

from __future__ import annotations

from scenario import Scenario, kw

SCENARIOS = {
    "timezone": Scenario(
        calls=(
            ("timezone.get_offset",),
            ("timezone.get_zonecode",),
            ("timezone.set_zone", "No/Such_Zone"),
            ("timezone.set_zone",),
            ("timezone.zone_compare",),
        ),
    ),
    "locale": Scenario(
        grains={"os": "Debian", "os_family": "Debian", "osmajorrelease": 12},
        calls=(
            ("locale.list_avail",),
            ("locale.avail", "C.UTF-8"),
            ("locale.avail", "c.utf8"),
            ("locale.avail", "POSIX"),
            ("locale.avail", "xx_XX.UTF-8"),
            ("locale.avail", ""),
            ("locale.gen_locale", "xx_XX.UTF-8"),
            ("locale.gen_locale", kw(locale="xx_XX.UTF-8 UTF-8", verbose=True)),
            ("locale.gen_locale",),
            ("locale.set_locale",),
        ),
    ),
}

DIFFERENT: dict[str, str] = {}


def kept(fun, value):
    """Keep the kinds of what hosts differ in."""
    if fun == "locale.list_avail":
        return "C" in value, type(value).__name__
    if fun in ("timezone.get_offset", "timezone.get_zonecode"):
        return type(value).__name__, len(value) if fun == "timezone.get_offset" else 0
    return value
