"""Passwords and the like in what a pillar says of devices: secrets by their names, whether they were marked or not.

Who writes ``password: …`` below ``proxy:`` means a secret. Words that come with every device aren't any, and struck out
of all that a device says they would take other words with them.
"""

from __future__ import annotations

from typing import Any

from saltern.secret import MAX_DEPTH, MAX_SECRET_BYTES, Secret

PROXY = "proxy"
NAMES = {
    *("password", "passwd", "pass", "passphrase", "secret", "enable_password", "enable_secret", "client_secret"),
    *("token", "bearer", "community", "api_key", "apikey", "access_key"),
    *("auth_key", "authkey", "priv_key", "privkey", "private_key", "privatekey"),
}
WELL_KNOWN = {
    *("public", "private", "admin", "password", "passwd", "secret", "cisco"),
    *("default", "guest", "root", "user", "test", "none"),
}
MIN_CHARACTERS = 4


def with_credentials(pillar: dict[str, Any]) -> dict[str, Any]:
    """Return *pillar* with credentials in its ``proxy:`` marked as secrets; the same where there is none."""
    said = pillar.get(PROXY)
    if not isinstance(said, dict):
        return pillar
    marked = _marked(said, 0)
    return pillar if marked is said else {**pillar, PROXY: marked}


def _marked(value: Any, depth: int) -> Any:
    """Return *value* with secrets among its members, itself when there are none."""
    if depth >= MAX_DEPTH or not isinstance(value, (dict, list)):
        return value
    if isinstance(value, list):
        members = [_marked(member, depth + 1) for member in value]
        return members if any(new is not old for new, old in zip(members, value, strict=True)) else value
    found = {
        name: Secret(member) if _is_credential(name, member) else _marked(member, depth + 1)
        for name, member in value.items()
    }
    return found if any(found[name] is not member for name, member in value.items()) else value


def _is_credential(name: object, value: object) -> bool:
    return (
        isinstance(name, str)
        and isinstance(value, str)
        and name.lower() in NAMES
        and len(value) >= MIN_CHARACTERS
        and value.lower() not in WELL_KNOWN
        and len(value.encode("utf-8", "surrogatepass")) <= MAX_SECRET_BYTES
    )
