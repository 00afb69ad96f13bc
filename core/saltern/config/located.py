"""Where the option stands that a fault is about, for those faults that are found once all files were read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from saltern.config.includes import option_files
from saltern.config.load import read_settings
from saltern.errors import ConfigError

_KEYS = re.compile(r"([\w.]+)(?:: ([^:\s]+):)?[ :]")
"""How a fault begins: ``render_url must be …``, ``roles: dba: on: …``."""


def located(fault: object, main: str) -> str:
    """Return a *fault* in an option, as ``"roles: dba: …"``, behind the file and line of *main*'s that say so.

    Of several files that say something of an option the last one that has the member (``dba``) is meant. A fault that
    doesn't begin with an option, or with one that no file has, is returned as it is.
    """
    text = str(fault)
    rest = text.removeprefix(f"{main}: ")
    found = ""
    if begins := _KEYS.match(rest):
        key, member = begins.groups()
        try:
            for file in option_files(main):
                for setting in read_settings(file):
                    if setting.key == key and (not found or _has(setting.value, member)):
                        found = f"{file}: line {setting.line}: "
        except ConfigError:  # it was changed since
            return text
    return found + rest if found else text


def _has(value: Any, member: str | None) -> bool:
    return member is None or not isinstance(value, Mapping) or member in value
