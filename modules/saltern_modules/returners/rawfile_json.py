"""Writes returns to a file, one line of JSON each: ``rawfile_json.filename``, default ``/var/log/saltern/events``."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.files import open_appended
from saltern_modules._return import masked_options
from saltern_modules._returner_options import get_returner_options

__opts__: Mapping[str, Any]
__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "rawfile_json"

FILE = "/var/log/saltern/events"
MODE = 0o640


def returner(ret: dict[str, Any]) -> None:
    """Append *ret* to the file; a folder that isn't there is an error.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.ping --return rawfile_json --return_kwargs '{"filename": "/var/log/pings.json"}'
    """
    options = get_returner_options(
        __virtualname__,
        ret,
        {"filename": "filename"},
        __salt__=__salt__,
        __opts__=__opts__,
        defaults={"filename": FILE},
    )
    line = json.dumps(masked_options(ret), ensure_ascii=False, default=repr).encode("utf-8", "backslashreplace") + b"\n"
    descriptor = open_appended(options["filename"], MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        view = memoryview(line)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)
