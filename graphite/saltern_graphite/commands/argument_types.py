"""Types of command line arguments; each raises what argparse shows in one line."""

from __future__ import annotations

import argparse
import contextlib


def address(text: str) -> tuple[str, int]:
    """Return ``HOST:PORT`` (an IPv6 host in brackets) as a pair; for argparse."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdigit() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT such as 127.0.0.1:2003")
    return host.strip("[]"), int(port)


def address_or_off(text: str) -> tuple[str, int] | None:
    """Return an :func:`address`, or ``None`` for ``off``; for argparse."""
    return None if text == "off" else address(text)


def positive(text: str) -> int:
    """Return a whole number above zero; for argparse."""
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def whole(text: str) -> int:
    """Return a whole number, zero or more; for argparse."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def whole_or_auto(text: str) -> int | None:
    """Return a :func:`whole` number, or ``None`` for ``auto``; for argparse."""
    if text != "auto" and not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number nor auto")
    return None if text == "auto" else int(text)


def seconds(text: str) -> float:
    """Return a number of seconds, zero or more; for argparse."""
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, zero or more")
