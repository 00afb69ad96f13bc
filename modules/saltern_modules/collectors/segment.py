"""The segment of a metric's name that stands for one thing of the host's: a mount, an interface, a sensor.

It is made of the thing's own name alone, so that it never depends on what else the host has, and no two names share
one. What joins a name's parts becomes ``_`` and a ``_`` of its own becomes ``__``: ``/var/lib`` is ``var_lib``,
``/mnt/x_y`` is ``mnt_x__y``, ``eth0.100`` is ``eth0_100``; ``/`` is ``root``. A name that can't be read back from
that (other characters, ``/root``, one too long) has eight hexadecimal digits of its SHA-256 behind it:
``/mnt/Дом`` is ``mnt-5b43b21c``.
"""

from __future__ import annotations

import re

from saltern.digest import sha256

ROOT = "root"
MAX_LENGTH = 100
"""Characters. A file's name may have 255, with what a store adds to it."""

DIGITS = 8
_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")
_DIGEST = re.compile(rf"-[0-9a-f]{{{DIGITS}}}\Z")


def segment(name: str | bytes, joint: str = "/") -> str:
    """Return *name* as one segment of a metric's name; *joint* is the character between its parts."""
    text = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
    bare = text[1:] if joint == "/" and text.startswith("/") else text
    if not bare:
        return ROOT
    readable = bare.replace("_", "__").replace(joint, "_")
    taken = joint == "/" and readable == ROOT
    if _read_back(readable, joint) == bare and not taken and len(readable) <= MAX_LENGTH:
        return readable
    stem = _UNFIT.sub("_", readable)[:MAX_LENGTH].strip("_-")
    digest = sha256(_encoded(text)).hexdigest()[:DIGITS]
    return f"{stem or '_'}-{digest}"


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a character, which no name of a host's has but an option's may
        return text.encode("utf-8", "surrogatepass")


def _read_back(readable: str, joint: str) -> str | None:
    """Return the name that *readable* stands for without a digest; None when it can't do without."""
    if _UNFIT.search(readable) or _DIGEST.search(readable):
        return None
    return "_".join(part.replace("_", joint) for part in readable.split("__"))
