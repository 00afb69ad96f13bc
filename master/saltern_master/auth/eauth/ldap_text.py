"""What someone typed, put into filters and names of a directory so that it stays a value there."""

from __future__ import annotations

import re

_TEMPLATE = re.compile(r"\{\{\s*username\s*\}\}")
_ATTRIBUTE = re.compile(r"([A-Za-z][A-Za-z0-9;-]*)=\{\{\s*username\s*\}\}")
_PLAIN = re.compile(r"[\w.-]+")
_IN_FILTER = re.compile(r"[\\*()\x00]")
_IN_DN = re.compile(r'[\\,+"<>;=\x00]')


def named_attribute(template: str) -> str:
    """Return the first attribute that is held against the user's name in a filter, or nothing."""
    found = _ATTRIBUTE.search(template)
    return found[1] if found else ""


def rendered(template: str, value: str) -> str:
    """Return *template* with *value*, which was made safe, in the place of ``{{ username }}``."""
    return _TEMPLATE.sub(lambda _: value, template)


def in_filter(value: str) -> str:
    """Return *value* as it stands in a filter (RFC 4515)."""
    return _IN_FILTER.sub(lambda sign: f"\\{ord(sign[0]):02x}", value)


def in_dn(value: str) -> str:
    """Return *value* as it stands in a distinguished name (RFC 4514)."""
    value = _IN_DN.sub(lambda sign: f"\\{ord(sign[0]):02x}", value)
    if value[:1] in (" ", "#"):
        value = f"\\{value}"
    return f"{value[:-1]}\\ " if value.endswith(" ") and not value.endswith("\\ ") else value


def in_bind_name(template: str, username: str) -> str:
    """Return the name to bind by: a distinguished name, or what Active Directory takes, ``{{ username }}@example.com``.

    Empty when *template* has no place for a name; in one that is no distinguished name, also for a *username* that
    isn't of letters, digits, ``.``, ``_`` and ``-``: nothing escapes there.
    """
    if not _TEMPLATE.search(template):
        return ""
    if "=" in template:
        return rendered(template, in_dn(username))
    return rendered(template, username) if _PLAIN.fullmatch(username) else ""
