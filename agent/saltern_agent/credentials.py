"""Passwords and the like in what a pillar says of devices: secrets by their names, whether they were marked or not.

Who writes ``password: …`` below ``proxy:``, or a header ``X-Api-Key: …``, means a secret; so does who writes a private
key, or a URL with a password in it, whatever he calls it. Words that come with every device aren't any, and struck out
of all that a device says they would take other words with them.
"""

from __future__ import annotations

import re
from typing import Any

from saltern.secret import MAX_DEPTH, MAX_SECRET_BYTES, Secret

PROXY = "proxy"
NAMES = {
    *("password", "passwd", "pass", "passphrase", "secret", "enable_password", "enable_secret", "client_secret"),
    *("token", "bearer", "community", "api_key", "apikey", "access_key"),
    *("auth_key", "authkey", "priv_key", "privkey", "private_key", "privatekey"),
    *("authorization", "cookie"),
}
ENDINGS = tuple(f"_{name}" for name in sorted(NAMES))
"""So does ``X-Auth-Token`` end; ``-`` and ``_`` are one."""
WELL_KNOWN = {
    *("public", "private", "admin", "password", "passwd", "secret", "cisco"),
    *("default", "guest", "root", "user", "test", "none"),
}
MIN_CHARACTERS = 4
_IN_URL = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]{0,20}://[^/?#@\s]{0,500}:[^/?#@\s]+@")
_PRIVATE_KEY = "PRIVATE KEY-----"


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
    if not isinstance(value, str) or len(value) < MIN_CHARACTERS:
        return False
    if len(value.encode("utf-8", "surrogatepass")) > MAX_SECRET_BYTES:
        return False
    if _PRIVATE_KEY in value or _IN_URL.match(value):
        return True
    plain = name.lower().replace("-", "_") if isinstance(name, str) else ""
    return (plain in NAMES or plain.endswith(ENDINGS)) and value.lower() not in WELL_KNOWN
