"""Options that both of Salt's programs have, and that aren't the same here."""

from __future__ import annotations

from saltern.cli.from_salt.conversion import Conversion, Given

LEVELS = {"all": "debug", "garbage": "debug", "trace": "debug", "profile": "info", "quiet": "critical"}
"""Salt's levels that we don't have."""


def own_place(conversion: Conversion, key: str, given: Given) -> None:
    """A folder or file of Salt's: both systems may be on one host, and neither reads what is the other's."""
    conversion.note(key, given, "left out: Saltern has keys, caches and logs of its own; set it to a place of theirs")


def log_level(conversion: Conversion, key: str, given: Given) -> None:
    """Salt has more levels."""
    level = str(given.value).lower()
    comment = f"Salt's level {level}" if level in LEVELS else ""
    conversion.take("log_level", LEVELS.get(level, level), comment, of=(key, given))


def listed(conversion: Conversion, key: str, given: Given) -> None:
    """A list that Salt takes as one text, too."""
    value = given.value
    conversion.take(key, value.split(",") if isinstance(value, str) else value, of=(key, given))


PLACES = ("root_dir", "pki_dir", "cachedir", "sock_dir", "log_file")
BOTH = {**dict.fromkeys(PLACES, own_place), "log_level": log_level}
