"""Filters of lists and sets."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Mapping
from typing import Any


def sequence(data: Any) -> Any:
    """Return *data*, in a list when it is no list, tuple, set or mapping."""
    return data if isinstance(data, list | tuple | set | dict) else [data]


def unique(values: Any) -> Any:
    """Return each value once: a list in its order; of a text or a tuple, which can't be changed, a set."""
    if isinstance(values, Hashable):
        return set(values)  # type: ignore[call-overload]
    found: list[Any] = []
    found.extend(value for value in values if value not in found)
    return found


def avg(lst: Any) -> float:
    """Return the mean of a list, or the number itself."""
    return float(lst) if isinstance(lst, Hashable) else float(sum(lst) / len(lst))  # type: ignore[arg-type]


def _sets(one: Any, other: Any) -> tuple[set[Any], set[Any]] | None:
    if isinstance(one, Hashable) and isinstance(other, Hashable):
        return set(one), set(other)  # type: ignore[call-overload]
    return None


def union(lst1: Any, lst2: Any) -> Any:
    """Return what is in either."""
    if sets := _sets(lst1, lst2):
        return sets[0] | sets[1]
    return unique(lst1 + lst2)


def intersect(lst1: Any, lst2: Any) -> Any:
    """Return what is in both."""
    if sets := _sets(lst1, lst2):
        return sets[0] & sets[1]
    return unique([one for one in lst1 if one in lst2])


def difference(lst1: Any, lst2: Any) -> Any:
    """Return what is in the first alone."""
    if sets := _sets(lst1, lst2):
        return sets[0] - sets[1]
    return unique([one for one in lst1 if one not in lst2])


def symmetric_difference(lst1: Any, lst2: Any) -> Any:
    """Return what is in one of them alone."""
    if sets := _sets(lst1, lst2):
        return sets[0] ^ sets[1]
    return unique([one for one in unique(lst1 + lst2) if (one in lst1) != (one in lst2)])


def is_list(value: Any) -> bool:
    """Return whether *value* is a list."""
    return isinstance(value, list)


def is_iter(thing: Any, ignore: Any = (str,)) -> bool:
    """Return whether *thing* can be gone through; a text doesn't count."""
    return not (ignore and isinstance(thing, ignore)) and hasattr(type(thing), "__iter__")


def exactly_n(iterable: Any, amount: int = 1) -> bool:
    """Return whether *amount* members are true."""
    return sum(map(bool, iterable)) == amount


def flatten(data: Any, levels: int | None = None, preserve_nulls: bool = False) -> list[Any]:
    """Return a list of the members of the lists within, *levels* deep; nulls are left out unless asked for."""
    return _flat(data, levels, preserve_nulls, ())


def _flat(data: Any, levels: int | None, preserve_nulls: bool, within: tuple[int, ...]) -> list[Any]:
    if id(data) in within:
        raise RecursionError("Reference cycle detected. Check input list.")
    found: list[Any] = []
    for one in data:
        if not preserve_nulls and (one is None or one in ("None", "null")):
            continue
        if is_iter(one) and (levels is None or levels >= 1):
            found.extend(_flat(one, None if levels is None else int(levels) - 1, preserve_nulls, (*within, id(data))))
        else:
            found.append(one)
    return found


def sample(value: Any, size: int, seed: Any = None) -> list[Any]:
    """Return *size* members by chance; by a *seed* that is a number, the same each time."""
    return (random.Random() if seed is None else random.Random(hash(seed))).sample(value, size)  # noqa: S311 - no secret


def substring_in_list(string_to_search_for: str, list_to_search: Any) -> bool:
    """Return whether the text is a part of one of the list's."""
    return any(string_to_search_for in one for one in list_to_search)


def compare_lists(old: Any = None, new: Any = None) -> dict[str, list[Any]]:
    """Return ``{'new': […], 'old': […]}``: what is in one of them alone."""
    found = {"new": [one for one in new if one not in old], "old": [one for one in old if one not in new]}
    return {name: members for name, members in found.items() if members}


FILTERS: Mapping[str, Callable[..., Any]] = {
    "sequence": sequence,
    "unique": unique,
    "min": lambda obj: min(obj),
    "max": lambda obj: max(obj),
    "avg": avg,
    "union": union,
    "intersect": intersect,
    "difference": difference,
    "symmetric_difference": symmetric_difference,
    "is_list": is_list,
    "is_iter": is_iter,
    "exactly_n_true": exactly_n,
    "exactly_one_true": lambda iterable: exactly_n(iterable),
    "flatten": flatten,
    "random_sample": sample,
    "random_shuffle": lambda value, seed=None: sample(value, len(value), seed=seed),
    "substring_in_list": substring_in_list,
    "sorted_ignorecase": lambda to_sort: sorted(to_sort, key=str.lower),
    "compare_lists": compare_lists,
}
