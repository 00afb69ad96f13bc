"""Grains are claims of the minion: what of a pillar hangs on them, and which secrets may not.

Grains that are read are noted by name. A file hangs on claims when its template read any (but ``id``, which the key
proves), when such a file included it, or when only a target of grains means the minion. A value marked ``!secret`` in
such a file is not given out, unless ``pillar_secrets_by_grains`` allows it. Nor is a minion a host of devices by a
``proxy`` that such a file has a part in.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from saltern.secret import Secret
from saltern_master.targeting.words import Nodegroups, group_words, words_of

ALL = "*"
"""Noted when it counts which grains there are, or all of them."""
PROVEN = "id"
PROXY = "proxy"
_CLAIM = re.compile(r"[GPSIJ].?@", re.DOTALL)
MAX_CLAIMS = 5
"""Words of a compound target that are tried out; with more of them it hangs on claims."""
BY_GRAINS = ("grain", "grain_pcre", "ipcidr", "pillar", "pillar_pcre", "pillar_exact")


class Grains(dict[str, Any]):
    """A minion's grains; ``used`` notes which of them were read."""

    def __init__(self, grains: Mapping[str, Any], minion_id: str) -> None:
        super().__init__(grains)
        super().__setitem__(PROVEN, minion_id)
        self.used: set[str] = set()
        self.proxy_claimed = False
        """Whether what hangs on them has a part in the pillar's ``proxy``."""

    def look_at(self, pillar: object) -> None:
        """Note whether a part of the pillar, which hangs on the grains, has a ``proxy``."""
        self.proxy_claimed = self.proxy_claimed or (isinstance(pillar, Mapping) and PROXY in pillar)

    def _note(self, name: object) -> None:
        if name != PROVEN:
            self.used.add(str(name))

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a grain."""
        self._note(name)
        return super().get(name, default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Return a grain, which is *default* from now on when there is none."""
        self._note(name)
        return super().setdefault(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        """Return a grain, and take it out."""
        self._note(name)
        return super().pop(name, *default)

    def popitem(self) -> tuple[str, Any]:
        """Return the last grain with its name, and take it out."""
        self.used.add(ALL)
        return super().popitem()

    def __contains__(self, name: object) -> bool:
        self._note(name)
        return super().__contains__(name)

    def __reversed__(self) -> Iterator[str]:
        self.used.add(ALL)
        return super().__reversed__()

    def __iter__(self) -> Iterator[str]:
        self.used.add(ALL)
        return super().__iter__()

    def __len__(self) -> int:
        self.used.add(ALL)
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self.used.add(ALL)
        return super().__eq__(other)

    __hash__ = None

    def __repr__(self) -> str:
        self.used.add(ALL)
        return super().__repr__()

    def keys(self) -> Any:
        """Return the names."""
        self.used.add(ALL)
        return super().keys()

    def values(self) -> Any:
        """Return the values."""
        self.used.add(ALL)
        return super().values()

    def items(self) -> Any:
        """Return names and values."""
        self.used.add(ALL)
        return super().items()

    def copy(self) -> dict[str, Any]:
        """Return a plain copy."""
        self.used.add(ALL)
        return dict(super().items())


def in_lines(grains: Grains) -> Grains:
    """Return *grains* for a text that is read by lines: none has a line's end in it. Reading is noted alike."""
    found = Grains({name: _in_line(value) for name, value in dict.items(grains)}, str(dict.get(grains, PROVEN)))
    found.used = grains.used
    return found


def _in_line(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.splitlines())
    if isinstance(value, dict):
        return {_in_line(key): _in_line(member) for key, member in value.items()}
    return [_in_line(member) for member in value] if isinstance(value, list) else value


def proven(target: str, kind: str, groups: Nodegroups, means: Callable[[str], bool]) -> bool:
    """Return whether a target that means a minion does so whatever the minion's grains are.

    *means*: whether a compound target without any word on grains means the minion. Each such word is tried as true
    and as false.
    """
    if kind in ("glob", "pcre", "list"):
        return True
    if kind in BY_GRAINS:
        return False
    words = group_words(target, groups) if kind == "nodegroup" else [word.text for word in words_of(target, groups)]
    claims = [number for number, word in enumerate(words) if _CLAIM.match(word)]
    if len(claims) > MAX_CLAIMS:
        return False
    for answers in itertools.product((True, False), repeat=len(claims)):
        tried = list(words)
        for number, answer in zip(claims, answers, strict=True):
            tried[number] = "E@.*" if answer else "L@,"
        if not means(" ".join(tried)):
            return False
    return True


def without_secrets(value: Any) -> tuple[Any, list[str]]:
    """Return a value without its secrets, and the paths that these were at."""
    paths: list[str] = []
    return _without(value, "", paths), paths


def _without(value: Any, path: str, paths: list[str]) -> Any:
    if isinstance(value, dict):
        kept = {}
        for key, member in value.items():
            below = f"{path}:{key}" if path else str(key)
            if isinstance(member, Secret):
                paths.append(below)
            else:
                kept[key] = _without(member, below, paths)
        return kept
    if isinstance(value, list):
        members = []
        for number, member in enumerate(value):
            if isinstance(member, Secret):
                paths.append(f"{path}:{number}")
            else:
                members.append(_without(member, f"{path}:{number}", paths))
        return members
    return value
