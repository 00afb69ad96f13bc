"""``salt.utils.state``: what is said of states by those that make such answers themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def gen_tag(low: Mapping[str, Any]) -> str:
    """Return the tag of a state's answer."""
    return "{state}_|-{__id__}_|-{name}_|-{fun}".format(**low)


gen_state_tag = gen_tag


def check_result(running: Any, recurse: bool = False, highstate: Any = None) -> bool:
    """Return whether no answer says that it failed."""
    if not isinstance(running, Mapping) or not running:
        return False
    return all(
        one["result"] is not False if "result" in one else check_result(one, recurse=True)
        for one in running.values()
        if isinstance(one, Mapping)
    )


check_state_result = check_result


def search_onfail_requisites(*args: Any, **kwargs: Any) -> list[Any]:
    """Return nothing: there are no states."""
    return []


def merge_subreturn(
    original_return: dict[str, Any], sub_return: Mapping[str, Any], subkey: Any = None
) -> dict[str, Any]:
    """Put one answer into another, which is returned."""
    order = {False: 0, None: 1, True: 2}
    result = sub_return["result"]
    if order.get(result, 2) < order.get(original_return.setdefault("result", True), 2):
        original_return["result"] = result
    comment = sub_return.get("comment", "")
    said = [comment] if isinstance(comment, str) else list(comment)
    known = original_return.setdefault("comment", [])
    if isinstance(known, str):
        original_return["comment"] = known = [known] if known else []
    known.extend(said)
    if sub_return.get("changes"):
        changes = original_return.setdefault("changes", {})
        changes[subkey if subkey else len(changes)] = sub_return["changes"]
    return original_return


def get_sls_opts(opts: Mapping[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Return options with the environments that are asked for."""
    made = dict(opts)
    made.update({name: kwargs[name] for name in ("saltenv", "pillarenv") if kwargs.get(name)})
    return made
