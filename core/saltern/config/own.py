"""Keys of a user's own in a configuration file, as Salt has them; and what is too near an option to be one.

Any key that is no option is kept, for modules (``config.get``, ``__opts__``) and for programs that read the master's
options: ``mysql.user``, ``returner.pgjsonb.host``, ``cafe-menu``. But a slip of the pen must not become one in silence:
a key is *near* an option, and refused, when as many letters as follow would have to be added, left out, changed or
swapped with their neighbours to make one of the other:

========================  =======
letters of the option     slips
========================  =======
up to 3                   none
4 to 7                    1
8 and more                2
========================  =======

Capitals count as small letters, and ``-`` as ``_``. A key with a dot in it is never near: no option has one.
"""

from __future__ import annotations

from collections.abc import Iterable

SHORT, LONG = 4, 8
MAX_KEY_CHARACTERS = 100
"""Of a key that is compared with others."""


def near(key: str, options: Iterable[str]) -> str:
    """Return the option that *key* is a slip of, or nothing."""
    if "." in key or len(key) > MAX_KEY_CHARACTERS:
        return ""
    word = key.lower().replace("-", "_")
    found = ((slips(word, option, allowed(option)), option) for option in options)
    return min(((count, option) for count, option in found if count is not None), default=(0, ""))[1]


def allowed(option: str) -> int:
    """Return how many slips away from *option* a key is still near."""
    return (len(option) >= SHORT) + (len(option) >= LONG)


def slips(one: str, other: str, most: int) -> int | None:
    """Return how many letters are added, left out, changed or swapped between two words; ``None``: more than *most*."""
    if abs(len(one) - len(other)) > most:
        return None
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        last, row, before_last = row, [i], before
        for j, others in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != others))
            if i > 1 and j > 1 and letter == other[j - 2] and others == one[i - 2]:
                cost = min(cost, before_last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
        before = last
    return row[-1] if row[-1] <= most else None
