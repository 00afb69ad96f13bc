"""JUnit's XML, as pytest, Maven, Gradle, Go's and most others' tools write it; there is no standard but theirs.

::

    <testsuites> <testsuite name="…"> <testcase classname="pkg.Class" name="test" time="0.01" file="…">
        <failure message="…">…</failure> | <error …> | <skipped …> | nothing: it passed
"""

from __future__ import annotations

from collections.abc import Iterator

from saltern_modules._suite_row import ERROR, FAILED, PASSED, SKIPPED, Row, named, row

MAX_BYTES = 32 * 1024 * 1024
OUTCOMES = {"failure": FAILED, "error": ERROR, "skipped": SKIPPED}


class NotJunit(ValueError):
    """What was read is no such file: the text says why, in one line."""


def junit_tests(data: bytes) -> Iterator[tuple[str, Row]]:
    """Yield name and row of each test in a file's *data*, names each once. Raises ``NotJunit``."""
    from xml.etree import ElementTree  # a megabyte, for who runs tests

    if len(data) > MAX_BYTES:
        raise NotJunit(f"it is over {MAX_BYTES:,} bytes")
    if b"\0" in data:
        raise NotJunit("it is no UTF-8: what it declares couldn't be seen")
    if b"<!DOCTYPE" in data.upper() or b"<!ENTITY" in data.upper():
        raise NotJunit("it declares a document type: entities may be bombs")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314  # without entities there is nothing to expand
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise NotJunit(f"it is no XML: {str(error).splitlines()[0]}") from None
    if root.tag not in ("testsuites", "testsuite"):
        raise NotJunit(f"it begins with <{str(root.tag)[:40]}>, not with <testsuites>")
    seen: set[str] = set()
    for case in root.iter("testcase"):
        name = named(_name(case.get("classname"), case.get("name")), seen)
        seen.add(name)
        outcome, message = PASSED, ""
        for child in case:
            if child.tag in OUTCOMES:
                outcome = OUTCOMES[child.tag]
                message = "\n".join(part for part in (child.get("message"), child.text) if part)
        yield name, row(outcome, _seconds(case.get("time")), message)


def _name(classname: str | None, name: str | None) -> str:
    return f"{classname}::{name}" if classname and name else name or classname or ""


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None
