"""Documentation as ``sys.doc`` shows it: as written, without the marks that are for typesetting."""

from __future__ import annotations

import re

_MARKS = (
    (re.compile(r" *.. code-block:: \S+\n{1,2}"), ""),
    (re.compile(r"\.\. note::"), "Note:"),
    (re.compile(r"\.\. warning::"), "Warning:"),
    (re.compile(r"\.\. versionadded::"), "New in version"),
    (re.compile(r"\.\. versionchanged::"), "Changed in version"),
)


def plain_doc(doc: str | None) -> str | None:
    """Return a docstring without its directives, ``None`` for none."""
    for mark, text in _MARKS if doc else ():
        doc = mark.sub(text, doc or "")
    return doc
