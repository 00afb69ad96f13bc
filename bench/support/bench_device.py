"""A device for ``bench/proxies.py``, synced by its master: numbers that move, and trouble when asked for.

Options of an entry: ``numbers`` (40), how many ``stats()`` returns; ``trouble``, a file: while it is there a device
with ``kind: hangs`` answers nothing, and one with ``kind: flaps`` is away every other half minute.
"""

import os
import time

__proxyenabled__ = ["bench_device"]

HANGS_S = 3600.0
FLAPS_EVERY_S = 30.0
STEP_S = 0.1


def init(opts):
    """Connect."""
    if _flaps(opts):
        raise ConnectionRefusedError("it flaps")
    __context__["calls"] = 0


def shutdown(opts):
    """Disconnect."""


def alive(opts):
    """Return whether it is there."""
    return not _flaps(opts)


def ping():
    """Answer, or hang."""
    _perhaps_hang()
    return True


def grains():
    """Tell what it is."""
    return {"os": "bench"}


def stats():
    """Return the numbers, as a device's interfaces have them: counters by name."""
    _perhaps_hang()
    __context__["calls"] += 1
    calls = __context__["calls"]
    return {f"port{number:02d}": calls * 1000 + number for number in range(__opts__["proxy"].get("numbers", 40))}


def _flaps(opts):
    proxy = opts["proxy"]
    return proxy.get("kind") == "flaps" and os.path.exists(proxy["trouble"]) and int(time.time() / FLAPS_EVERY_S) % 2


def _perhaps_hang():
    proxy = __opts__["proxy"]
    if proxy.get("kind") == "hangs":
        until = time.monotonic() + HANGS_S
        while os.path.exists(proxy["trouble"]) and time.monotonic() < until:
            time.sleep(STEP_S)
    elif _flaps(__opts__):
        raise ConnectionResetError("it flaps")
