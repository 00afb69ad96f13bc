"""The clock of the host, a part of the module ``system``.

Times are the host's local ones, or those of *utc_offset*, which is ``+HHMM`` or ``-HHMM`` from UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _accounts

if TYPE_CHECKING:
    from datetime import datetime

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "system"

__powers__ = {
    "has_settable_hwclock": "reads",
    "get_system_time": "reads",
    "set_system_time": "writes",
    "get_system_date_time": "reads",
    "set_system_date_time": "writes",
    "get_system_date": "reads",
    "set_system_date": "writes",
}

TIMEOUT_S = 60
TIMES = ("%I:%M:%S %p", "%I:%M %p", "%H:%M:%S", "%H:%M")
DATES = ("%Y-%m-%d", "%m-%d-%Y", "%m-%d-%y", "%m/%d/%Y", "%m/%d/%y", "%Y/%m/%d")


def has_settable_hwclock() -> bool:
    """Return whether the host has a clock of its own that can be set.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.has_settable_hwclock
    """
    found = _accounts.found_program("hwclock")
    if found is None:
        return False
    return bool(_ran([found, "--test", "--systohc"], ignore_retcode=True)["retcode"] == 0)


def get_system_time(utc_offset: str | None = None) -> str:
    """Return the time as ``HH:MM:SS AM``. Raises ``ArgumentError`` for an offset that is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.get_system_time
    """
    return _now(utc_offset).strftime("%I:%M:%S %p")


def get_system_date_time(utc_offset: str | None = None) -> str:
    """Return the time as ``YYYY-MM-DD HH:MM:SS``. Raises ``ArgumentError`` for an offset that is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.get_system_date_time "'-0500'"
    """
    return _now(utc_offset).strftime("%Y-%m-%d %H:%M:%S")


def get_system_date(utc_offset: str | None = None) -> str:
    """Return the day as ``Sun 05/10/2026``. Raises ``ArgumentError`` for an offset that is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.get_system_date
    """
    return _now(utc_offset).strftime("%a %m/%d/%Y")


def set_system_time(newtime: str, utc_offset: str | None = None) -> bool:
    """Set the time of today: ``HH:MM``, ``HH:MM:SS``, or these with `` AM`` or `` PM``; ``False`` for another form.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.set_system_time "'11:20'"
    """
    found = _parsed(newtime, TIMES)
    if found is None:
        return False
    return set_system_date_time(hours=found.hour, minutes=found.minute, seconds=found.second, utc_offset=utc_offset)


def set_system_date(newdate: str, utc_offset: str | None = None) -> bool:
    """Set the day: ``YYYY-MM-DD``, ``MM-DD-YYYY``, ``MM-DD-YY``, or the like with slashes.

    Raises ``ArgumentError`` for another form, ``CommandError`` when it can't be set.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.set_system_date '03-28-26'
    """
    found = _parsed(newdate, DATES)
    if found is None:
        raise ArgumentError("Invalid date format")
    return set_system_date_time(found.year, found.month, found.day, utc_offset=utc_offset)


def set_system_date_time(
    years: int | None = None,
    months: int | None = None,
    days: int | None = None,
    hours: int | None = None,
    minutes: int | None = None,
    seconds: int | None = None,
    utc_offset: str | None = None,
) -> bool:
    """Set the clock, the host's own one too where there is one; what isn't given stays.

    Raises ``ArgumentError`` for a time that there isn't, ``CommandError`` when it can't be set.

    CLI Example:

    .. code-block:: bash

        saltern '*' system.set_system_date_time 2026 5 12 11 37 53 "'-0500'"
    """
    names = ("year", "month", "day", "hour", "minute", "second")
    given = dict(zip(names, (years, months, days, hours, minutes, seconds), strict=True))
    try:
        new = _now(utc_offset).replace(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # numbers, for all of these names
    except ValueError as error:
        raise ArgumentError(f"system.set_system_date_time: {error}") from None
    _set_clock(new)
    if has_settable_hwclock():
        _ran(["hwclock", "--systohc"])
    return True


def _set_clock(new: datetime) -> None:
    """Set the clock by ``date``, which outside GNU's knows no seconds."""
    offset = new.utcoffset()
    argv = ["date"]
    if offset is not None:
        new = new.replace(tzinfo=None) - offset
        argv.append("-u")
    text = f"{new:%m%d%H%M}{new.year:04}"
    first = _ran([*argv, f"{text}.{new.second:02}"])
    if first["retcode"] and _ran([*argv, text])["retcode"]:
        raise CommandError(f"date failed: {first['stderr']}")


def _now(utc_offset: str | None) -> datetime:
    from datetime import datetime, timedelta, timezone

    if utc_offset is None:
        return datetime.now()  # the host's local time is what is asked for
    found = re.fullmatch(r"([+-])?([0-9]{2})([0-9]{2})", utc_offset) if isinstance(utc_offset, str) else None
    if found is None:
        raise ArgumentError("Invalid UTC offset")
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    try:
        return datetime.now(timezone(-offset if found[1] == "-" else offset))
    except ValueError:
        raise ArgumentError("Invalid UTC offset") from None


def _parsed(text: str, forms: Sequence[str]) -> datetime | None:
    from datetime import datetime

    for form in forms:
        try:
            return datetime.strptime(text, form)  # a time or day by itself
        except ValueError:
            continue
    return None


def _ran(argv: Sequence[str], **options: Any) -> dict[str, Any]:
    done: dict[str, Any] = __salt__["cmd.run_all"](list(argv), python_shell=False, timeout=TIMEOUT_S, **options)
    return done
