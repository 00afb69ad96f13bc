"""What is in one folder of the tree: which of its entries are metrics, and which may be folders of them."""

from __future__ import annotations

from typing import NamedTuple

from saltern_graphite.rules.metric_name import SUFFIX, TAGGED

MAX_DEPTH = 64
"""Folders below this are not looked into."""


class Listing(NamedTuple):
    """The *leaves*, without their suffix, what may be folders *below*, and how many entries are *unfit*."""

    leaves: list[str]
    below: list[str]
    unfit: int


def sort_out(names: list[str], *, top: bool = False) -> Listing:
    """Return what *names*, the entries of a folder, are; that of tagged series at the *top* is none of these.

    Nearly every folder holds nothing but Whisper files or nothing but folders, and good ones: that is seen from all
    names at once.
    """
    if top and TAGGED in names:
        names = [name for name in names if name != TAGGED]
    text = "/".join(names)
    if text.isascii() and ";" not in text:
        dots = text.count(".")
        if not dots:
            return Listing([], names, 0)
        if dots == text.count(SUFFIX + "/") + text.endswith(SUFFIX) == len(names) and "/." not in f"/{text}":
            return Listing(text.replace(SUFFIX, "").split("/"), [], 0)
    leaves = [name[: -len(SUFFIX)] for name in names if name.endswith(SUFFIX)]
    below = [name for name in names if not name.endswith(SUFFIX)]
    fit = [name for name in leaves if _fits(name)], [name for name in below if _fits(name)]
    return Listing(*fit, len(names) - len(fit[0]) - len(fit[1]))


def _fits(name: str) -> bool:
    """Whether *name* can be an element: not empty, no dot, no tag, and of bytes that are UTF-8.

    Other bytes come from the system as lone surrogates.
    """
    if not name or "." in name or ";" in name:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
