"""``salt.version``: the release of Salt whose functions these are, for modules that ask before they use something."""

from __future__ import annotations

from typing import Any

__version__ = "3008.4"
__saltstack_version__ = __version__
__version_info__: tuple[int, ...] = (3008, 4)


class SaltStackVersion:
    """A release of Salt, of which ``info``, ``major``, ``minor``, comparisons and the text are here."""

    def __init__(self, major: int, minor: int = 0, *others: Any, **kwargs: Any) -> None:
        self.major, self.minor = major, minor

    @property
    def info(self) -> tuple[int, ...]:
        """The numbers."""
        return (self.major, self.minor)

    full_info = info

    @property
    def string(self) -> str:
        """The text."""
        return f"{self.major}.{self.minor}"

    def __str__(self) -> str:
        return self.string

    @classmethod
    def from_name(cls, name: str) -> SaltStackVersion:
        """Return the release of a code *name*, as in ``warn_until``; one that isn't known is far away."""
        return cls(_NAMES.get(name.lower(), 9999))

    @classmethod
    def parse(cls, text: str) -> SaltStackVersion:
        """Return the release that *text* names."""
        numbers = [int(part) for part in text.lstrip("v").split("-")[0].split(".") if part.isdecimal()]
        return cls(*(numbers or [0]))

    def __eq__(self, other: object) -> bool:
        return self.info == _info(other)

    def __lt__(self, other: object) -> bool:
        return self.info < _info(other)

    def __le__(self, other: object) -> bool:
        return self.info <= _info(other)

    def __gt__(self, other: object) -> bool:
        return self.info > _info(other)

    def __ge__(self, other: object) -> bool:
        return self.info >= _info(other)

    def __hash__(self) -> int:
        return hash(self.info)


_NAMES = {
    "nitrogen": 2017,
    "oxygen": 2018,
    "fluorine": 2019,
    "neon": 3000,
    "sodium": 3001,
    "magnesium": 3002,
    "aluminium": 3003,
    "silicon": 3004,
    "phosphorus": 3005,
    "sulfur": 3006,
    "chlorine": 3007,
    "argon": 3008,
    "potassium": 3009,
    "calcium": 3010,
}
__saltstack_version_info__ = __version_info__


def versions_information() -> dict[str, dict[str, str]]:
    """Return the versions of programs and libraries, as ``test.versions_information`` does."""
    from saltern_compat._caller import function

    found: dict[str, dict[str, str]] = function("test.versions_information")()
    return found


def _info(other: object) -> tuple[int, ...]:
    if isinstance(other, SaltStackVersion):
        return other.info
    if isinstance(other, str):
        return SaltStackVersion.parse(other).info
    return tuple(other) if isinstance(other, (tuple, list)) else (0,)
