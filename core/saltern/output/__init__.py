"""How values are shown: ``--out nested|json|yaml|txt|raw|quiet``, one file each.

Importing this costs nothing to speak of; a form's own imports wait until it is used, because a command has 0.15 s
in all. What is shown may come from a host that someone else owns: each form passes it through ``saltern.visible``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, TextIO, cast

OUTPUTS = ("nested", "json", "yaml", "txt", "raw", "quiet")
"""The forms that ``--out`` takes; the first is the default."""

_MODULES = {"json": "json_form", "yaml": "yaml_form"}  # not named as the libraries that they use


def render(value: Any, out: str = "nested", color: bool = False) -> str:
    """Return *value* in the form *out*, without a newline at the end; *color* is for ``nested`` alone.

    Raises ``ValueError`` for an unknown form; no value makes it raise.
    """
    if out not in OUTPUTS:
        raise ValueError(f"unknown output form {out!r}: use one of {', '.join(OUTPUTS)}")
    form = import_module(f"{__name__}.{_MODULES.get(out, out)}")
    return cast(Callable[[Any, bool], str], form.render)(value, color)


def display(value: Any, out: str = "nested", *, color: bool | None = None, stream: TextIO | None = None) -> None:
    """Print *value* in the form *out* to *stream* (default: standard output); an empty text prints nothing.

    *color* ``None`` means on a terminal only, unless ``NO_COLOR`` is set. Characters that the stream's encoding
    lacks are shown as escapes. Raises ``ValueError`` for an unknown form and ``OSError`` from writing.
    """
    target = sys.stdout if stream is None else stream
    if color is None:
        color = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb" and target.isatty()
    text = render(value, out, color)
    if text:
        encoding = target.encoding or "utf-8"
        target.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
