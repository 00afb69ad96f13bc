"""What someone logs in by, among the keywords of a call: a token, or a name, a password and a driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import ArgumentError

NAMES = frozenset({"eauth", "password", "token", "username"})
MISSING = "No authentication credentials given"
INVALID = "No permission -- see authorization schemes"
"""What is said of a token that isn't one, or not any more, in Salt's words."""


def split_credentials(keywords: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return ``auth`` as the master takes it, ``{}`` when there is none, and the other keywords.

    A token goes before a password. Raises ``ArgumentError`` for a password without a driver's name, and the like.
    """
    given = {name: value for name, value in keywords.items() if name in NAMES and value not in (None, "")}
    others = {name: value for name, value in keywords.items() if name not in NAMES}
    if "token" in given:
        return {"token": given["token"]}, others
    if given:
        missing = sorted({"eauth", "password", "username"} - given.keys())
        if missing:
            raise ArgumentError(f"{MISSING}: {', '.join(missing)}: a login needs username, password and eauth")
    return given, others
