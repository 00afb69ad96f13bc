"""The options ``returners`` and ``event_return…``, checked.

::

    returners:
      reports: mysql://salt:secret@db.example/salt
      archive: {url: "postgresql://salt@/salt?host=/run/postgresql", keep_hours: 8760, max_bytes: 10737418240}
      old: {driver: mysql, host: db.example, user: salt, pass: secret, db: salt, port: 3306}
      here: sqlite

What a driver isn't told is taken from Salt's options (``mysql.host``, ``returner.pgjsonb.db`` …), and
``master_job_cache: mysql`` or ``event_return: mysql`` alone name a returner, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from saltern.config import MasterOptions
from saltern.config.load import nearest
from saltern.errors import ConfigError
from saltern.secret import Secret
from saltern_master.returners.event_feed import Gathering
from saltern_master.returners.feeder import Keep
from saltern_master.sql.address import KINDS, SQLITE, Address, check_library, from_options, from_url, sqlite_file

_NAME = re.compile("[a-z0-9][a-z0-9_-]{0,31}")
_OWN = {"metric_returns": bool, "keep_hours": float, "max_bytes": int}
MAX_RETURNERS = 20
LOCAL = "local_cache"
SALTS = ("mysql", "pgjsonb", "postgres", "sqlite3")
"""Salt's names of returners that are here."""


class ReturnerOptions(NamedTuple):
    """One returner: where, and what of it."""

    name: str
    address: Address
    driver: str = ""
    """Salt's name of it, where that was given."""
    metric_returns: bool = False
    keep: Keep = Keep()
    returns: bool = True
    events: bool = False


class EventOptions(NamedTuple):
    """Which events go to those that take any."""

    whitelist: list[str]
    blacklist: list[str]
    gathering: Gathering


def returner_options(options: MasterOptions) -> list[ReturnerOptions]:
    """Return the returners that *options* ask for. Raises ``ConfigError``."""
    where = f"{options['conf_file']}: returners"
    if len(options["returners"]) > MAX_RETURNERS:
        raise ConfigError(f"{where}: names {len(options['returners'])} of them: {MAX_RETURNERS} at most")
    made = [_returner(name, given, f"{where}: {name}", options) for name, given in options["returners"].items()]
    cache = options["master_job_cache"]
    if cache != LOCAL and not any(cache in (one.name, one.driver) for one in made):
        if cache not in SALTS:
            raise ConfigError(f"{options['conf_file']}: master_job_cache must be one of {', '.join((LOCAL, *SALTS))}")
        made.append(_returner(cache, cache, f"{options['conf_file']}: master_job_cache: {cache}", options))
    return _with_events(made, options)


def event_options(options: MasterOptions) -> EventOptions:
    """Return which events *options* ask for."""
    gathering = Gathering(options["event_return_queue"], options["event_return_queue_max_seconds"])
    return EventOptions(options["event_return_whitelist"], options["event_return_blacklist"], gathering)


def _returner(name: str, given: Any, where: str, options: MasterOptions) -> ReturnerOptions:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{where}: a name has up to 32 of a to z, 0 to 9, _ and -, and begins with a letter or number"
        )
    if isinstance(given, str | Secret):
        given = {"url" if "://" in _plain(given) else "driver": given}
    if not isinstance(given, dict):
        raise ConfigError(f"{where}: must be a URL, as mysql://user:password@host/database, or a mapping with one")
    rest = {str(key): _plain(value) for key, value in given.items()}
    own = {key: _checked(key, rest.pop(key), f"{where}: {key}") for key in _OWN if key in rest}
    driver = rest.pop("driver", "")
    if driver and driver not in KINDS:
        raise ConfigError(
            f"{where}: driver: {given['driver']!r:.60} is none of {', '.join(KINDS)}{nearest(str(driver), list(KINDS))}"
        )
    address = _address(driver, rest, where, options)
    check_library(address, where)
    hours, most = own.get("keep_hours"), own.get("max_bytes")
    keep = Keep(hours * 3600 if hours else None, most or None)
    return ReturnerOptions(name, address, driver, own.get("metric_returns", False), keep)


def _address(driver: str, rest: Mapping[str, Any], where: str, options: MasterOptions) -> Address:
    if "url" in rest:
        others = [key for key in rest if key != "url"]
        if others:
            raise ConfigError(
                f"{where}: {others[0]} stands beside a url{nearest(others[0], list(_OWN))}: put it into it"
            )
        if not isinstance(rest["url"], str):
            raise ConfigError(f"{where}: url: must be text")
        address = from_url(rest["url"], where)
        if driver and KINDS[driver] != address.kind:
            raise ConfigError(f"{where}: driver: {driver} is not for {address.kind}")
        return address
    if not driver:
        raise ConfigError(
            f"{where}: needs a url, as mysql://user:password@host/database, or a driver: mysql, pgjsonb …"
        )
    if KINDS[driver] != SQLITE:
        return from_options(KINDS[driver], {**_of_salt(driver, options), **rest}, where)
    path = {**_of_salt(driver, options), **rest}.get("database") or os.path.join(options["cachedir"], "returns.db")
    unknown = next((key for key in rest if key != "database"), None)
    if unknown or not isinstance(path, str):
        raise ConfigError(f"{where}: {unknown or 'database'}: SQLite takes database, a path, alone")
    return sqlite_file(os.path.join(options["config_dir"], path))


def _of_salt(driver: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return Salt's options of a returner, as ``mysql.host``, without its name."""
    found = {}
    for key, value in options.items():
        name, _, option = key.removeprefix("returner.").rpartition(".")
        if name == driver and value is not None and value != "None":
            found["pass" if option == "passwd" else option] = _plain(value)
    if isinstance(port := found.get("port"), str) and port.isdecimal():
        found["port"] = int(port)
    return found


def _with_events(returners: list[ReturnerOptions], options: MasterOptions) -> list[ReturnerOptions]:
    """Return *returners*, those that ``event_return`` names with events: by their names, or by Salt's."""
    given = options["event_return"]
    names = [given] if isinstance(given, str) else given
    where = f"{options['conf_file']}: event_return"
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise ConfigError(f"{where}: must be a name of returners, or a list of such names")
    chosen: set[str] = set()
    for name in filter(None, names):
        found = {one.name for one in returners if name in (one.name, one.driver)}
        if not found and name in SALTS:
            made = _returner(name, name, f"{where}: {name}", options)._replace(returns=False)
            returners = [*returners, made]
            found = {name}
        if not found:
            close = nearest(name, [one.name for one in returners])
            raise ConfigError(f"{where}: {name!r} is no returner{close}: returners says which there are")
        chosen |= found
    for one in returners:
        if one.name in chosen and one.address.kind == SQLITE:
            raise ConfigError(f"{where}: {one.name} is SQLite, where Salt has no table of events: take another")
    return [one._replace(events=one.name in chosen) for one in returners]


def _checked(key: str, value: Any, where: str) -> Any:
    wanted = _OWN[key]
    if wanted is bool:
        if not isinstance(value, bool):
            raise ConfigError(f"{where}: must be true or false, not {value!r}")
        return value
    whole = isinstance(value, int) or (wanted is float and isinstance(value, float))
    if isinstance(value, bool) or not whole or not 0 <= value < 2**50:
        raise ConfigError(f"{where}: must be a number that isn't negative, 0 for no bound, not {value!r}")
    return value


def _plain(value: Any) -> Any:
    return value.reveal() if isinstance(value, Secret) else value
