"""Names of locales taken apart and put together: ``language_TERRITORY.codeset@modifier charmap``.

They take what Salt's functions of ``salt.utils.locales`` do, by the same names.
"""

from __future__ import annotations

from collections.abc import Mapping

MARKS = {"territory": "_", "codeset": ".", "modifier": "@", "charmap": " "}
"""What stands before each part but the first."""


def parts(loc: str) -> dict[str, str]:
    """Return ``language``, ``territory``, ``codeset``, ``modifier`` and ``charmap``, empty where they aren't there."""
    rest, _, charmap = loc.partition(" ")
    rest, _, modifier = rest.partition("@")
    rest, _, codeset = rest.partition(".")
    language, _, territory = rest.partition("_")
    return {
        "language": language,
        "territory": territory,
        "codeset": codeset,
        "modifier": modifier,
        "charmap": charmap,
    }


def joined(comps: Mapping[str, str]) -> str:
    """Return the name of what was taken apart."""
    return comps["language"] + "".join(f"{mark}{comps[name]}" for name, mark in MARKS.items() if comps.get(name))


def normal(loc: str) -> str:
    """Return the name as ``locale -a`` has it: ``de_DE.utf8``."""
    found = parts(loc)
    codeset = found["codeset"].lower().replace("-", "")
    return joined({**found, "territory": found["territory"].upper(), "codeset": codeset, "charmap": ""})
