"""What dnf 4, dnf 5 and yum print of groups of packages."""

from __future__ import annotations

import re
from typing import Any

KINDS = ("mandatory", "optional", "default", "conditional")
SECTIONS = {
    "installed groups:": "installed",
    "available groups:": "available",
    "installed environment groups:": "installed environments",
    "available environment groups:": "available environments",
    "available language groups:": "available languages",
}
_HEAD = re.compile(rf"({'|'.join(KINDS)}) (?:groups|packages)\s*:\s*(.*)", re.IGNORECASE)
_MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def listed(output: str, dnf5: bool) -> dict[str, Any]:
    """Return the groups by whether they are installed, as ``pkg.group_list`` does."""
    found: dict[str, Any] = {name: [] for name in SECTIONS.values()}
    found["available languages"] = {}
    section = None
    for line in output.split("\n"):
        words = line.split()
        if dnf5:
            if len(words) >= 3 and words[-1].lower() in ("yes", "no"):
                found["installed" if words[-1].lower() == "yes" else "available"].append(words[0])
            continue
        if line.lower() == "done":
            break
        if line.lower() in SECTIONS:
            section = SECTIONS[line.lower()]
        elif section == "available languages":
            if match := re.match(r"(.+) \[(.+)\]", line.strip()):
                found[section][line.strip()] = {"name": match[1], "language": match[2]}
        elif section is not None and words:
            found[section].append(line.strip())
    return found


def about(output: str) -> dict[str, Any] | None:
    """Return what is said of a group, with its members by kind; None when nothing is."""
    said: dict[str, str] = {}
    members: dict[str, set[str]] = {kind: set() for kind in KINDS}
    kind = None
    for line in output.split("\n"):
        key, colon, value = (part.strip() for part in line.partition(":"))
        if colon and ":" not in value:
            said[key.lower()] = value
        text = line.strip().lstrip(_MARKS).strip()
        if match := _HEAD.fullmatch(text):
            kind, text = match[1].lower(), match[2].strip()
        if kind is not None and text:
            members[kind].add(text)
    name = said.get("environment group") or said.get("group") or said.get("name")
    ident = said.get("environment-id") or said.get("group-id") or said.get("id")
    if not name and not ident:
        return None
    told: dict[str, Any] = {
        "type": "environment group" if "environment group" in said else "package group",
        "group": name,
        "id": ident,
        "description": said.get("description", ""),
    }
    return {**told, **members}
