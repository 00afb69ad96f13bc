"""Zone files and hosts files, as pure functions."""

from __future__ import annotations

from typing import Any

WEEK_S = 604_800


def hosts(text: str) -> dict[str, list[str]]:
    """Return the names of each address of a hosts file."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if words and not line.startswith("#"):
            found.setdefault(words[0], []).extend(words[1:])
    return found


def without_hosts(text: str, names: list[str]) -> str:
    """Return a hosts file without *names*, and without addresses that have no other name."""
    lines = []
    for line in text.splitlines():
        words = line.split()
        if not line or line.strip().startswith("#"):
            lines.append(line)
            continue
        left = [*words[:1], *(word for word in words[1:] if word not in names)]
        if len(left) > 1:
            lines.append(" ".join(left))
    return "".join(f"{line}\n" for line in lines)


def zone(text: str) -> dict[str, Any]:
    """Return a zone: ``ORIGIN``, what its SOA says, ``NS``, ``MX``, and its other records by kind and name.

    Raises ``ValueError`` for a line that is none.
    """
    found: dict[str, Any] = {}
    try:
        for line in _lines(text):
            _take(found, line)
    except (IndexError, KeyError):
        raise ValueError(f"this is no record: {line!r}") from None
    return found


def _lines(text: str) -> list[str]:
    """Return the lines without comments, those in parentheses as one."""
    lines: list[str] = []
    open_ = False
    for raw in text.splitlines():
        line = raw.split(";")[0].strip()
        if not line:
            continue
        if open_:
            lines[-1] += f" {line}"
        else:
            lines.append(line)
        if "(" in line and ")" not in line:
            open_ = True
        if open_ and ")" in line:
            open_ = False
            lines[-1] = lines[-1].replace("(", "").replace(")", "")
    return lines


def _take(found: dict[str, Any], line: str) -> None:
    words = line.split()
    if line.startswith("$"):
        found[words[0].replace("$", "")] = words[1]
        return
    if "ORIGIN" in found:
        words = line.replace("@", found["ORIGIN"]).split()
    if "SOA" in line:
        if words[1] != "IN":
            words.pop(1)
        names = ("REFRESH", "RETRY", "EXPIRE", "MINTTL")
        found |= {"ORIGIN": words[0], "NETWORK": words[1], "SOURCE": words[3]}
        found |= {"CONTACT": words[4].replace(".", "@", 1), "SERIAL": words[5]}
        found |= {name: seconds(word) for name, word in zip(names, words[6:10], strict=True)}
        return
    if words[0] == "IN":
        words.insert(0, found["ORIGIN"])
    if not words[0].endswith(".") and "NS" not in line:
        words[0] = f"{words[0]}.{found['ORIGIN']}"
    if words[2] == "NS":
        found.setdefault("NS", []).append(words[3])
    elif words[2] == "MX":
        found.setdefault("MX", [{"priority": words[3], "host": words[4]}])
    elif words[3] in ("A", "AAAA"):
        found.setdefault(words[3], {})[words[0]] = {"TARGET": words[4], "TTL": words[1]}
    else:
        found.setdefault(words[2], {})[words[0]] = words[3]


def seconds(text: str) -> int:
    """Return a time of a zone, ``1H``, ``2D``, ``1W`` or seconds, a week at most."""
    upper = text.upper()
    for letter, unit in (("H", 3600), ("D", 86_400)):
        if letter in upper:
            upper = upper.replace(letter, "")
            return min(int(upper) * unit, WEEK_S) if upper.isdecimal() else WEEK_S
    return min(int(upper), WEEK_S) if upper.isdecimal() else WEEK_S
