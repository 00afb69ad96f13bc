"""``salt.output``: values as a terminal shows them."""

from __future__ import annotations

from typing import Any


def out_format(data: Any, out: str = "nested", opts: Any = None, **kwargs: Any) -> str:
    """Return *data* as the outputter *out* shows it."""
    from saltern.output import form_of, render

    return render(data, form_of(out) or "nested")


def string_format(data: Any, out: str = "nested", opts: Any = None, **kwargs: Any) -> str:
    """Return *data* as the outputter *out* shows it, without colours."""
    return out_format(data, out, opts)


def display_output(data: Any, out: str = "nested", opts: Any = None, **kwargs: Any) -> None:
    """Print *data* as the outputter *out* shows it."""
    print(out_format(data, out, opts))
