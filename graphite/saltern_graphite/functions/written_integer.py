"""An argument that is a whole number, and remembers how it was written."""

from __future__ import annotations


class WrittenInteger(int):
    """A whole number that shows as it was written: ``5.0`` and ``5.5`` count as 5, and name the result so."""

    _text: str

    def __new__(cls, written: float) -> WrittenInteger:
        """The integer part of *written*."""
        number = super().__new__(cls, int(written))
        number._text = str(written)
        return number

    def __str__(self) -> str:
        return self._text

    def __format__(self, style: str) -> str:
        return format(self._text, style)
