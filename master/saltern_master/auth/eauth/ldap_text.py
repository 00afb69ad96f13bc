"""What someone typed, put into filters and names of a directory so that it stays a value; and names compared."""

from __future__ import annotations

import re

_TEMPLATE = re.compile(r"\{\{\s*username\s*\}\}")
_ATTRIBUTE = re.compile(r"([A-Za-z][A-Za-z0-9;-]*)=\{\{\s*username\s*\}\}")
_PLAIN = re.compile(r"[\w.-]+")
_IN_FILTER = re.compile(r"[\\*()\x00]")
_IN_DN = re.compile(r'[\\,+"<>;=\x00]')

_PART = re.compile(r"((?:\\.|[^\\,;+])*)([,;+]|\Z)", re.DOTALL)
_SIGN = re.compile(r"\\([0-9A-Fa-f]{2})|\\(.)|.", re.DOTALL)


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


def same_dn(one: str, other: str) -> bool:
    """Return whether two distinguished names are of one entry; what is none is like no other."""
    own = _parts(one.casefold())
    return own is not None and own == _parts(other.casefold())


def first_value(dn: str) -> str:
    """Return the value that a distinguished name begins with, ``ops`` of ``cn=ops,ou=Groups``; or nothing."""
    parts = _parts(dn)
    return parts[0][1] if parts else ""


def _parts(dn: str) -> list[tuple[str, str]] | None:
    """Return attributes and values of a distinguished name, ``None`` for what is none.

    The attribute of a second value of one part (``cn=a+sn=b``) begins with ``+``.
    """
    parts, mark = [], ""
    for written, end in _PART.findall(dn):
        attribute, equals, value = written.partition("=")
        if not equals or not attribute.strip():
            return None
        parts.append((mark + attribute.strip(), _plain(value)))
        mark = end if end == "+" else ""
        if not end:
            return parts
    return None


def _plain(written: str) -> str:
    """Return a value of a distinguished name without its escapes, and the blanks about it."""
    raw = b"".join(
        bytes.fromhex(found[1]) if found[1] else (found[2] or found[0]).encode("utf-8", "surrogatepass")
        for found in _SIGN.finditer(written.strip(" ") + (" " if written.rstrip(" ").endswith("\\") else ""))
    )
    return raw.decode("utf-8", "replace")
