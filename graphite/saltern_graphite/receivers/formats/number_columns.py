"""Decimal numbers out of a block of text, a column at a time.

``float`` costs more than everything else that happens to a point on its way in. Here the digits of thousands of numbers
are read at once, eight bytes to a machine word, and the sums are done on whole columns. A number is taken when it is
written with at most 15 digits, maybe a minus and a dot: its digits and its power of ten are then exact doubles, and
their quotient is what ``float`` would have rounded to, bit for bit. Every other one is left to ``float``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

PAD = b"\x00" * 16  # stands before the text, so that the 16 bytes up to any place in it can be looked at
MAX_WIDTH = 16  # two words
MAX_DIGITS = 15  # 10**15 < 2**53

Places = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]


def _word(byte: int) -> np.uint64:
    """Return a word of eight times *byte*."""
    return np.uint64(byte * 0x0101_0101_0101_0101)


_ZEROS, _DOTS, _ONES = _word(ord("0")), _word(ord(".")), _word(1)
_LOW_BITS, _HIGH_BITS, _ABOVE_NINE = _word(0x7F), _word(0x80), _word(0x76)  # 0x76 + 10 sets the high bit
_BYTE, _SHIFT_7, _SHIFT_56 = np.uint64(8), np.uint64(7), np.uint64(56)
_ONE, _LAST = np.uint64(1), np.uint64(0xFF)
_FOLDS = tuple(
    (np.uint64(mask), np.uint64(factor), np.uint64(shift))
    for mask, factor, shift in (
        (0x0F0F_0F0F_0F0F_0F0F, 10 * 2**8 + 1, 8),  # digits to pairs
        (0x00FF_00FF_00FF_00FF, 100 * 2**16 + 1, 16),  # pairs to fours
        (0x0000_FFFF_0000_FFFF, 10_000 * 2**32 + 1, 32),  # fours to the whole
    )
)
_KEEP = np.array([(2**64 - 1) << 8 * (8 - kept) & 2**64 - 1 for kept in range(9)], dtype=np.uint64)
_POWERS = 10.0 ** np.arange(MAX_WIDTH + 1)


def read_numbers(padded: bytes, begins: Places, ends: Places, exact: Callable[[int], float]) -> Floats:
    """Return the numbers at ``padded[begin:end]``, *padded* being a text with :data:`PAD` before it.

    *exact* is given the row of a number that can't be read here, and returns it or raises ``ValueError``.
    """
    rows = len(ends)
    windows = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))
    low = windows[ends - 8]
    widths = ends - begins
    if rows > 1 and _are_alike(windows, low, widths, ends):  # the times of one sender, nearly always
        return np.full(rows, read_numbers(padded, begins[:1], ends[:1], exact)[0])
    octets = np.frombuffer(padded, np.uint8)
    negative = octets[begins] == ord("-")
    digits = widths - negative
    good = (digits >= 1) & (widths <= MAX_WIDTH)
    low, places, dots = _drop_dot(_only(low, digits))
    whole, fine = _fold(low)
    good &= fine
    if int(widths.max()) > 8:
        high, high_places, high_dots = _drop_dot(_only(windows[ends - 16], digits - 8))
        # A dot in the low word makes room there: the high word's last digit moves in, and the rest moves up.
        moved = np.where(dots, (high << _BYTE) | np.uint64(ord("0")), high)
        low = np.where(dots, (low & ~_LAST) | (high >> _SHIFT_56), low)
        whole, fine = _fold(low)
        upper, upper_fine = _fold(moved)
        good &= fine & upper_fine & ~(dots & high_dots)
        whole += upper * np.uint64(100_000_000)
        places = np.where(high_dots, high_places + 8, places)
        dots |= high_dots
    digits -= dots
    good &= (digits >= 1) & (digits <= MAX_DIGITS)
    numbers: Floats = whole.astype(np.float64) / _POWERS[places]
    np.negative(numbers, out=numbers, where=negative)
    if not good.all():
        for row in np.flatnonzero(~good).tolist():
            numbers[row] = exact(row)
    return numbers


def _are_alike(windows: Words, low: Words, widths: Places, ends: Places) -> bool:
    """Return whether all numbers are written with the same bytes, *low* being the last eight up to each one's end."""
    width = int(widths[0])
    if width > MAX_WIDTH or not (widths == width).all():
        return False
    if width > 8 and not (low == low[0]).all():
        return False
    words, kept = (windows[ends - 16], width - 8) if width > 8 else (low, width)
    return not ((words ^ words[0]) & _KEEP[kept]).any()


def _only(words: Words, kept: Places) -> Words:
    """Return *words* with all but their last *kept* bytes made "0"."""
    masks = _KEEP[np.clip(kept, 0, 8)]
    return (words & masks) | (_ZEROS & ~masks)


def _drop_dot(words: Words) -> tuple[Words, Places, Flags]:
    """Return *words* without their dot, "0" put before; how many digits stood behind it; and which had one.

    A word with two dots keeps one, and is no number.
    """
    unlike = words ^ _DOTS
    found = ~(((unlike & _LOW_BITS) + _LOW_BITS) | unlike | _LOW_BITS)  # 0x80 in each byte that is a dot
    found &= ~found + _ONE  # the first
    dots = found != 0
    if not dots.any():
        return words, np.zeros(len(words), np.intp), dots
    bit = found >> _SHIFT_7
    before = np.where(dots, bit - _ONE, np.uint64(0))
    cut = (words & ~(before | bit * _LAST)) | ((words & before) << _BYTE) | np.uint64(ord("0"))
    behind = (7 - ((before & _ONES) * _ONES >> _SHIFT_56).astype(np.intp)) * dots
    return np.where(dots, cut, words), behind, dots


def _fold(words: Words) -> tuple[Words, Flags]:
    """Return the whole number that each word of eight digits spells, and whether it was digits throughout."""
    digits = words ^ _ZEROS
    fine = (((digits & _LOW_BITS) + _ABOVE_NINE) | digits) & _HIGH_BITS == 0
    for mask, factor, shift in _FOLDS:
        digits = (digits & mask) * factor >> shift
    return digits, fine
