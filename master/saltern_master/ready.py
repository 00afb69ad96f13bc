"""Saying that the master is there: in the log, and in a file for whoever started it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping

from saltern.__about__ import __version__
from saltern.errors import ChannelError, os_errors
from saltern.files import write_atomic
from saltern.pki import fingerprint

log = logging.getLogger(__name__)


def say_ready(sock_dir: str, endpoints: Mapping[str, str], public_key: str) -> None:
    """Write where we listen (``publish`` and ``ret``, ``host:port``) to ``<sock_dir>/master.json``, and log it.

    Raises ``ChannelError`` when the file can't be written.
    """
    ready = {**endpoints, "sock_dir": sock_dir, "pid": os.getpid(), "version": __version__}
    path = os.path.join(sock_dir, "master.json")
    with os_errors(ChannelError, path, "can't be written"):
        write_atomic(path, json.dumps(ready, indent=1).encode())
    log.info(
        "master %s is ready: jobs on %s, returns on %s, key %s",
        __version__,
        endpoints["publish"],
        endpoints["ret"],
        fingerprint(public_key),
    )
