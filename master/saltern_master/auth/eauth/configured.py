"""The drivers that ``external_auth`` names, made of the master's options::

    external_auth:
      file:
        ^filename: /etc/saltern/users     # an option of the driver's
        fred: [test.*]                    # a user, or a group as in ops%, with what is granted
      ldap: {ops%: ["@runner"]}           # its options are the master's, auth.ldap.uri and so on

One that grants nothing to anybody, and that no role's members are from, lets nobody in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from saltern.errors import ConfigError
from saltern_master.auth.eauth import file, ldap, pam, rest, sharedsecret
from saltern_master.auth.eauth.driver import Driver
from saltern_master.auth.eauth.given import Given

OPTION, OPTION_MARK = "external_auth", "^"
ENTRIES_OF_ITS_OWN = ("rest",)
"""Drivers that say themselves what is granted."""


def configured_drivers(options: Mapping[str, Any]) -> dict[str, Driver]:
    """Return the drivers by name that somebody may log in by. Raises ``ConfigError``."""
    sections = options.get(OPTION) or {}
    if not isinstance(sections, Mapping):
        raise ConfigError(f"{OPTION}: must name drivers, as in file: {{fred: [test.*]}}")
    made = {name: _made(str(name), section, options) for name, section in sections.items()}
    return {name: driver for name, driver in made.items() if _lets_in(name, sections[name] or {}, options)}


def file_layout(options: Mapping[str, Any]) -> file.Layout | None:
    """Return how the file of ``external_auth: file`` is read; ``None`` without one. Raises ``ConfigError``."""
    section = (options.get(OPTION) or {}).get("file")
    if not isinstance(section, Mapping) or not section.get(f"{OPTION_MARK}filename"):
        return None
    return file.layout(_own("file", section), str(options.get("config_dir", "")))


def _made(name: str, section: Any, options: Mapping[str, Any]) -> Driver:
    maker = _MAKERS.get(name)
    if maker is None:
        raise ConfigError(f"{OPTION}: {name!r:.40} is no driver: use one of {', '.join(_MAKERS)}")
    if section is not None and not isinstance(section, Mapping):
        raise ConfigError(f"{OPTION}: {name}: must say who may what, as in {{fred: [test.*]}}")
    return maker(section or {}, options)


def _file(section: Mapping[str, Any], options: Mapping[str, Any]) -> Driver:
    return file.FileDriver(file.layout(_own("file", section), str(options.get("config_dir", ""))))


def _pam(section: Mapping[str, Any], options: Mapping[str, Any]) -> Driver:
    _own("pam", section).known(())
    return pam.configured(_dotted("auth.pam.", options))


def _ldap(section: Mapping[str, Any], options: Mapping[str, Any]) -> Driver:
    _own("ldap", section).known(())
    return ldap.configured(_dotted("auth.ldap.", options))


def _shared(section: Mapping[str, Any], options: Mapping[str, Any]) -> Driver:
    _own("sharedsecret", section).known(())
    return sharedsecret.configured(options.get(sharedsecret.OPTION))


def _rest(section: Mapping[str, Any], _: Mapping[str, Any]) -> Driver:
    return rest.configured(_own("rest", section))


_MAKERS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Driver]] = MappingProxyType(
    {"file": _file, "ldap": _ldap, "pam": _pam, "rest": _rest, "sharedsecret": _shared}
)


def _own(name: str, section: Mapping[str, Any]) -> Given:
    """Return the options that a driver has among its users."""
    own = {str(key)[1:]: value for key, value in section.items() if str(key).startswith(OPTION_MARK)}
    return Given(f"{OPTION}: {name}: {OPTION_MARK}", own)


def _dotted(prefix: str, options: Mapping[str, Any]) -> Given:
    """Return the options of a driver that are the master's."""
    return Given(prefix, {key.removeprefix(prefix): value for key, value in options.items() if key.startswith(prefix)})


def _lets_in(name: str, section: Mapping[str, Any], options: Mapping[str, Any]) -> bool:
    """Return whether anything may be granted to who logs in by the driver *name*."""
    if name in ENTRIES_OF_ITS_OWN or any(not str(key).startswith(OPTION_MARK) for key in section):
        return True
    roles = options.get("roles") or {}
    members = [
        member
        for role in (roles.values() if isinstance(roles, Mapping) else ())
        if isinstance(role, Mapping) and isinstance(role.get("members"), list)
        for member in role["members"]
    ]
    return any(isinstance(member, str) and member.startswith(f"{name}:") for member in members)
