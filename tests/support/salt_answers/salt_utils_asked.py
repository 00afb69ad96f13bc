"""Asks the calls of ``salt_utils_calls.py`` of Salt's modules or ours, and writes answers in a form that JSON keeps."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from salt_utils_calls import CALLS, DIFFER, kw


def answers(module_of: Callable[[str], Any]) -> dict[str, Any]:
    """Return the answers by call; *module_of* returns a module by its name below ``salt.utils``."""
    found = {}
    for name, calls in CALLS.items():
        module, _, function = name.rpartition(".")
        for number, call in enumerate(calls):
            given = copy.deepcopy(call)
            keywords = dict(given[-1]) if given and isinstance(given[-1], kw) else {}
            positional = given[:-1] if given and isinstance(given[-1], kw) else given
            found[f"{name} {number}"] = one(lambda: getattr(module_of(module), function)(*positional, **keywords))  # noqa: B023
    differ = module_of("dictdiffer").recursive_diff
    for missing in (True, False):
        diff = differ(*copy.deepcopy(DIFFER), ignore_missing_keys=missing)
        for what in ("diffs", "new_values", "old_values", "changes_str"):
            found[f"dictdiffer {missing} {what}"] = one(lambda: getattr(diff, what))  # noqa: B023
        for what in ("added", "removed", "changed", "unchanged"):
            found[f"dictdiffer {missing} {what}"] = one(lambda: getattr(diff, what)())  # noqa: B023
        for what in ("added", "removed"):
            found[f"dictdiffer {missing} {what} nested"] = one(lambda: getattr(diff, what)(include_nested=True))  # noqa: B023
    return found


def one(call: Callable[[], Any]) -> Any:
    """Return the answer of one call, or the name of what it raises, with the text of errors meant for users."""
    try:
        return ["ok", plain(call())]
    except Exception as error:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        told = str(error) if kinds & {"SaltException", "SalternError"} else ""
        return ["raised", type(error).__name__, told]


def plain(value: Any) -> Any:
    """Return a value as JSON has it; what it doesn't know by its kind and text."""
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    if isinstance(value, (set, frozenset)):
        return {"set": sorted(map(plain, value), key=repr)}
    if isinstance(value, tuple):
        return {"tuple": [plain(member) for member in value]}
    if isinstance(value, dict):
        if type(value).__name__ == "OrderedDict" and type(value) is not dict:
            return {"ordered": [[plain(key), plain(member)] for key, member in value.items()]}
        return {"dict": sorted(([plain(key), plain(member)] for key, member in value.items()), key=repr)}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else {type(value).__name__: str(value)}
