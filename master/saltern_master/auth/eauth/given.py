"""What the configuration gives a driver, taken out with its type checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from saltern.errors import ConfigError
from saltern.secret import Secret


class Given:
    """Options by their names, which messages show behind *prefix*: ``external_auth: file: ^``, ``auth.ldap.``."""

    def __init__(self, prefix: str, values: Mapping[str, Any]) -> None:
        self._prefix = prefix
        self._values = values

    def known(self, names: Iterable[str]) -> None:
        """Raise ``ConfigError`` for an option that isn't one of *names*."""
        names = sorted(names)
        for name in self._values:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                instead = f"did you mean {near[0]}?" if near else f"it takes {', '.join(names) or 'no options'}"
                raise ConfigError(f"{self._prefix}{name:.80} is not an option of it: {instead}")

    def text(self, name: str, default: str = "") -> str:
        """Return a text. Raises ``ConfigError`` for what is none."""
        value = self._values.get(name, default)
        if isinstance(value, Secret):
            value = value.reveal()
        if value is None:
            return default
        if not isinstance(value, str):
            raise ConfigError(f"{self._prefix}{name} must be text, not {_kind(value)}: write it in quotes")
        return value

    def flag(self, name: str) -> bool:
        """Return whether an option is set; it isn't by itself. Raises ``ConfigError`` for what is no truth value."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise ConfigError(f"{self._prefix}{name} must be true or false, not {_kind(value)}")
        return value

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """Return a whole number within bounds. Raises ``ConfigError`` for any other."""
        value = self._values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise ConfigError(f"{self._prefix}{name} must be a whole number between {lowest} and {highest}")
        return value

    def fault(self, name: str, why: str) -> ConfigError:
        """Return the error that option *name* is wrong, *why* says in what."""
        return ConfigError(f"{self._prefix}{name} {why}")


def _kind(value: object) -> str:
    """Return what *value* is; never itself: it might have been meant as a password."""
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return kinds.get(type(value), "nothing" if value is None else type(value).__name__)
