"""Ini files: options of sections are read, set and removed, comments and order stay.

In all functions *separator* stands between an option and its value, ``=`` by default, and *encoding* is the file's,
UTF-8 by default. A file that isn't there is an empty one. ``CommandError`` says what can't be read or written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern.files import open_file, replacement
from saltern_modules import _ini

__virtualname__ = "ini"

__powers__ = {
    "set_option": "indirect",  # files of the caller's choosing
    "get_option": "indirect",
    "remove_option": "indirect",
    "get_section": "indirect",
    "remove_section": "indirect",
    "get_ini": "indirect",
}

NEW_FILE_MODE = 0o644
MAX_BYTES = 16 << 20


def set_option(
    file_name: str,
    sections: Mapping[str, Any] | None = None,
    separator: str = "=",
    encoding: str | None = None,
    no_spaces: bool = False,
) -> dict[str, Any]:
    """Set options, ``{section: {option: value}}``, or ``{option: value}`` outside of sections; return the changes.

    The changes are ``{section: {option: {'before', 'after'}}}``; of a new section ``{section: {'before': None, 'after':
    {…}}}``. *no_spaces*: none around the separator.

    CLI Example:

    .. code-block:: bash

        saltern '*' ini.set_option /path/to/ini '{section_foo: {key: value}}'
    """
    file = _read(file_name, separator, encoding, no_spaces)
    changes: dict[str, Any] = {}
    for name, options in (sections or {}).items():
        try:
            changes |= file.take(name, options)
        except TypeError as error:
            raise ArgumentError(f"ini.set_option: {error}") from None
    _write(file_name, file, encoding)
    return changes


def get_option(file_name: str, section: str, option: str, separator: str = "=", encoding: str | None = None) -> Any:
    """Return the value of an option, of one outside of sections when *section* is empty; ``None`` when it isn't there.

    CLI Example:

    .. code-block:: bash

        saltern '*' ini.get_option /path/to/ini section_name option_name
    """
    found = _read(file_name, separator, encoding).get(section, {}) if section else _read(file_name, separator, encoding)
    return found.get(option) if isinstance(found, Mapping) else None


def remove_option(file_name: str, section: str, option: str, separator: str = "=", encoding: str | None = None) -> Any:
    """Remove an option and return its value, ``None`` when it isn't there.

    CLI Example:

    .. code-block:: bash

        saltern '*' ini.remove_option /path/to/ini section_name option_name
    """
    file = _read(file_name, separator, encoding)
    found = file.get(section)
    value = found.pop(option, None) if isinstance(found, dict) else file.pop(option, None)
    _write(file_name, file, encoding)
    return value


def get_section(file_name: str, section: str, separator: str = "=", encoding: str | None = None) -> dict[str, Any]:
    """Return the options of a section, ``{}`` when it isn't there.

    CLI Example:

    .. code-block:: bash

        saltern '*' ini.get_section /path/to/ini section_name
    """
    found = _read(file_name, separator, encoding).get(section, {})
    return _options(found)


def remove_section(
    file_name: str, section: str, separator: str = "=", encoding: str | None = None
) -> dict[str, Any] | None:
    """Remove a section and return its options, ``None`` when it isn't there.

    CLI Example:

    .. code-block:: bash

        saltern '*' ini.remove_section /path/to/ini section_name
    """
    file = _read(file_name, separator, encoding)
    if section not in file:
        return None
    found = file.pop(section)
    _write(file_name, file, encoding)
    return _options(found)


def get_ini(file_name: str, separator: str = "=", encoding: str | None = None) -> dict[str, Any]:
    """Return the whole file: options outside of sections, and sections as dicts.

    CLI Example:

    .. code-block:: bash

        saltern '*' ini.get_ini /path/to/ini
    """
    return _ini.plain(_read(file_name, separator, encoding))


def _options(section: Any) -> dict[str, Any]:
    if not isinstance(section, Mapping):
        raise CommandError("ini: this is an option, not a section")
    return {key: value for key, value in section.items() if not key.startswith("#")}


def _read(file_name: str, separator: str, encoding: str | None, no_spaces: bool = False) -> _ini.Section:
    if not separator:
        raise ArgumentError("ini: the separator is empty")
    text = ""
    if os.path.exists(file_name):
        try:
            with open(open_file(file_name), "rb") as file:
                data = file.read(MAX_BYTES + 1)
            text = data.decode(encoding or "utf-8")
        except (OSError, UnicodeDecodeError, LookupError) as error:
            raise CommandError(f"Unable to open file '{file_name}'. Exception: {error}") from None
        if len(data) > MAX_BYTES:
            raise CommandError(f"{file_name}: an ini file may have {MAX_BYTES >> 20} MiB")
    return _ini.parsed(text, separator, no_spaces)


def _write(file_name: str, file: _ini.Section, encoding: str | None) -> None:
    try:
        data = _ini.text_of(file).encode(encoding or "utf-8")
        path, owner = _there(file_name)
        with replacement(path, NEW_FILE_MODE, keep_mode=True) as new:
            if owner is not None and os.geteuid() == 0:
                os.fchown(new.fileno(), owner.st_uid, owner.st_gid)
            new.write(data)
    except (OSError, UnicodeEncodeError, LookupError) as error:
        raise CommandError(f"Unable to write file '{file_name}'. Exception: {error}") from None


def _there(path: str) -> tuple[str, os.stat_result | None]:
    """Return where the file that is at *path* really is, links followed as ``open_file`` does, and whose it is."""
    if not os.path.lexists(path):
        return path, None
    descriptor = open_file(path)
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}"), os.fstat(descriptor)
    finally:
        os.close(descriptor)
