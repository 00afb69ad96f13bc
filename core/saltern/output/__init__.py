"""How values are shown: ``--out nested|json|yaml|…``, one file each.

Importing this costs nothing to speak of; a form's own imports wait until it is used, because a command has 0.15 s
in all. What is shown may come from a host that someone else owns: each form passes it through ``saltern.visible``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, TextIO, cast

from saltern.output.look import Look
from saltern.visible import visible

OUTPUTS = (
    "nested",
    "json",
    "yaml",
    "txt",
    "raw",
    "pprint",
    "table",
    "key",
    "quiet",
    "newline_values_only",
    "no_return",
)
"""The forms that ``--out`` takes; the first is the default."""

_ALIASES = {"": "nested", "text": "txt", "highstate": "nested", "grains": "nested"}
"""Other names; the last two were forms of their own, whose values here are any function's."""

_MODULES = {"json": "json_form", "yaml": "yaml_form", "pprint": "pprint_form"}  # not as the libraries that they use


def form_of(name: str | None) -> str | None:
    """Return the form that *name* means, ``None`` for an unknown one; no name is ``nested``."""
    form = _ALIASES.get(name or "", name)
    return form if form in OUTPUTS else None


def wants_color(color: bool | None, target: TextIO) -> bool:
    """Return whether to use colours: *color* says so, else whether *target* is a terminal whose user wants them."""
    if color is not None:
        return color
    return "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb" and target.isatty()


def render(value: Any, out: str = "nested", color: bool = False, *, indent: int | None = None, retcode: int = 0) -> str:
    """Return *value* in the form *out*, without white space at the end.

    *color*: with ANSI colours, where the form has them; *indent*: columns of a level, for ``json``, ``yaml`` and
    ``pprint``, negative for all in one line; *retcode*: of the call that returned it, keys are red when it isn't 0.
    Raises ``ValueError`` for an unknown form; no value makes it raise.
    """
    if out not in OUTPUTS:
        raise ValueError(f"unknown output form {out!r}: use one of {', '.join(OUTPUTS)}")
    form = import_module(f"{__name__}.{_MODULES.get(out, out)}")
    return cast(Callable[[Any, Look], str], form.render)(value, Look(color, indent, retcode)).rstrip()


def display(
    value: Any,
    out: str | None = "nested",
    *,
    color: bool | None = None,
    indent: int | None = None,
    retcode: int = 0,
    stream: TextIO | None = None,
) -> None:
    """Print *value* in the form *out* to *stream* (default: standard output); an empty text prints nothing.

    An unknown form is said on stderr, and ``nested`` taken. *color* ``None`` means on a terminal only, unless
    ``NO_COLOR`` is set. Characters that the stream's encoding lacks are shown as escapes. *indent*, *retcode*: as for
    ``render``. Raises ``OSError`` from writing.
    """
    target = sys.stdout if stream is None else stream
    color = wants_color(color, target)
    form = form_of(out)
    if form is None:
        print(f"[ERROR   ] Invalid outputter {visible(str(out))} specified, fall back to nested", file=sys.stderr)
        form = OUTPUTS[0]
    write_text(render(value, form, color, indent=indent, retcode=retcode), target)


def write_text(text: str, target: TextIO) -> None:
    """Write *text* and a newline to *target*, nothing for an empty one; characters that it lacks are escapes."""
    if text:
        encoding = target.encoding or "utf-8"
        target.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
