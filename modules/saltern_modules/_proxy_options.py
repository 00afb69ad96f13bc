"""What a device's ``proxy:`` in pillar says, checked: for the proxymodules that come with the agent.

No message shows the value of a secret.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern.secret import Secret
from saltern.visible import visible

EVERYWHERE = frozenset(
    {
        *("proxytype", "id", "timeout", "multiprocessing"),
        *("proxy_keep_alive", "proxy_keep_alive_interval", "proxy_always_alive"),
    }
)
"""What any device's may say beside its proxymodule's own."""
MAX_TEXT = 64 * 1024


class ProxyOptions:
    """The options *given* to the proxymodule *kind*; every function raises ``CommandError`` for a wrong value."""

    def __init__(self, kind: str, given: object, known: Collection[str]) -> None:
        """Raises ``CommandError`` for a name that is none of *known*."""
        self._kind = kind
        if not isinstance(given, Mapping):
            raise CommandError(f"proxy: {kind}: there is nothing but {type(given).__name__}: a map of options is right")
        self._given: Mapping[str, Any] = given
        strange = sorted(str(name) for name in given if name not in EVERYWHERE and name not in known)
        if strange:
            raise self.wrong(strange[0], f"there is no such option: right are {', '.join(sorted(known))}")

    def wrong(self, name: str, why: str) -> CommandError:
        """Return the error that says what is wrong with the option *name*."""
        return CommandError(f"proxy: {self._kind}: {visible(name)[:60]}: {why}")

    def has(self, name: str) -> bool:
        """Return whether the option is there."""
        return self._given.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text, numbers as one; *default* where it isn't said, which is wrong when that is ``None``."""
        value = self._given.get(name)
        if value is None:
            if default is None:
                raise self.wrong(name, "it is missing")
            return default
        if isinstance(value, Secret):
            value = value.reveal()
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.wrong(name, "a text is right")
        text = str(value)
        if not text or len(text) > MAX_TEXT or "\0" in text:
            raise self.wrong(name, "it is empty" if not text else f"a text of {MAX_TEXT} characters at most is right")
        return text

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """Return a whole number from *low* to *high*."""
        number = self.number(name, default, low, high)
        if number != int(number):
            raise self.wrong(name, f"a whole number from {low} to {high} is right")
        return int(number)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """Return a number from *low* to *high*."""
        value = self._given.get(name, default)
        try:
            number = float(value) if not isinstance(value, bool) else None
        except (TypeError, ValueError):
            number = None
        if number is None or not low <= number <= high:
            raise self.wrong(name, f"a number from {low:g} to {high:g} is right")
        return number

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a yes or no."""
        value = self._given.get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false is right")
        return value

    def choice(self, name: str, choices: Collection[str], default: str | None = None) -> str:
        """Return one of *choices*."""
        text = self.text(name, default)
        if text not in choices:
            raise self.wrong(name, f"right are {', '.join(choices)}")
        return text

    def texts(self, name: str, default: Collection[str] = (), choices: Collection[str] = ()) -> list[str]:
        """Return a list of texts, of *choices* where there are some."""
        value = self._given.get(name)
        if value is None:
            return list(default)
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            raise self.wrong(name, "a list of texts is right")
        for one in value:
            if choices and one not in choices:
                raise self.wrong(name, f"{visible(one)[:60]!r} is none of {', '.join(choices)}")
        return list(value)

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a map whose keys are texts, empty where it isn't said."""
        value = self._given.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(isinstance(key, str) and key for key in value):
            raise self.wrong(name, "a map of names is right")
        return dict(value)

    def within(self, name: str, key: str, given: object, known: Collection[str]) -> ProxyOptions:
        """Return the options *given* to the member *key* of the option *name*."""
        options = ProxyOptions.__new__(ProxyOptions)
        options._kind = f"{self._kind}: {name}: {visible(key)[:60]}"
        if not isinstance(given, Mapping):
            raise CommandError(f"proxy: {options._kind}: a map of options is right: {', '.join(sorted(known))}")
        options._given = given
        strange = sorted(str(one) for one in given if one not in known)
        if strange:
            raise options.wrong(strange[0], f"there is no such option: right are {', '.join(sorted(known))}")
        return options
