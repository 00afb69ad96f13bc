"""Whether this minion is meant by a target, for templates and modules; what can't be understood matches nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, SalternError
from saltern.merging import update
from saltern_modules import _matching
from saltern_modules._matching import DELIMITER, Minion

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]
__pillar__: Mapping[str, Any]
__opts__: Mapping[str, Any]

__func_alias__ = {"list_": "list"}

__proxyenabled__ = ["*"]

__powers__ = {
    "compound": "reads",
    "ipcidr": "reads",
    "pillar": "reads",
    "pillar_pcre": "reads",
    "data": "reads",
    "grain": "reads",
    "grain_pcre": "reads",
    "list": "reads",
    "pcre": "reads",
    "glob": "reads",
    "filter_by": "reads",
    "search_by": "reads",
    "ifelse": "reads",
}


def compound(tgt: Any, minion_id: str | None = None) -> bool:
    """Return whether a compound target means this minion, or *minion_id* with this minion's grains and pillar.

    CLI Example:

    .. code-block:: bash

        saltern '*' match.compound 'L@cheese,foo and *'
    """
    return _matching.compound(_minion(minion_id), tgt)


def ipcidr(tgt: str) -> bool | list[Any]:
    """Return whether this minion has the address, or one in the network; ``[]`` when it is neither.

    CLI Example:

    .. code-block:: bash

        saltern '*' match.ipcidr '192.168.44.0/24'
    """
    return _matching.address(_minion(), tgt)


def pillar(tgt: str, delimiter: str = DELIMITER) -> bool:
    """Return whether ``key:glob`` is true of this minion's pillar.

    CLI Example:

    .. code-block:: bash

        saltern '*' match.pillar 'cheese:foo'
        saltern '*' match.pillar 'clone_url|https://github.com/saltstack/salt.git' delimiter='|'
    """
    return _matching.nested(__pillar__, tgt, delimiter)


def pillar_pcre(tgt: str, delimiter: str = DELIMITER) -> bool:
    """Return whether ``key:expression`` is true of this minion's pillar.

    CLI Example:

    .. code-block:: bash

        saltern '*' match.pillar_pcre 'cheese:(swiss|american)'
    """
    return _matching.nested(__pillar__, tgt, delimiter, regex=True)


def data(tgt: str) -> bool:
    """Return whether ``key:glob`` is true of this minion's store (the module ``data``).

    CLI Example:

    .. code-block:: bash

        saltern '*' match.data 'spam:eggs'
    """
    import fnmatch

    key, found, wanted = tgt.partition(":")
    value = __salt__["data.get"](key) if found else None
    wanted = wanted.split(":")[0]
    if isinstance(value, list):
        return any(fnmatch.fnmatchcase(str(one).lower(), wanted.lower()) for one in value)
    if isinstance(value, dict):
        return wanted in value
    return value is not None and fnmatch.fnmatchcase(str(value), wanted)


def grain_pcre(tgt: str, delimiter: str = DELIMITER) -> bool:
    """Return whether ``key:expression`` is true of this minion's grains.

    CLI Example:

    .. code-block:: bash

        saltern '*' match.grain_pcre 'os:Fedo.*'
    """
    return _matching.nested(__grains__, tgt, delimiter, regex=True)


def grain(tgt: str, delimiter: str = DELIMITER) -> bool:
    """Return whether ``key:glob`` is true of this minion's grains.

    CLI Example:

    .. code-block:: bash

        saltern '*' match.grain 'os:Ubuntu'
    """
    return _matching.nested(__grains__, tgt, delimiter)


def list_(tgt: Any, minion_id: str | None = None) -> bool:
    """Return whether this minion's id, or *minion_id*, is in a list, or in a text of ids with commas.

    CLI Example:

    .. code-block:: bash

        saltern '*' match.list 'server1,server2'
    """
    return _matching.listed(_minion(minion_id), tgt)


def pcre(tgt: str, minion_id: str | None = None) -> bool:
    """Return whether a regular expression matches the beginning of this minion's id, or of *minion_id*.

    CLI Example:

    .. code-block:: bash

        saltern '*' match.pcre '.*'
    """
    return _matching.pcre(_minion(minion_id), tgt)


def glob(tgt: str, minion_id: str | None = None) -> bool:
    """Return whether a glob matches this minion's id, or *minion_id*.

    CLI Example:

    .. code-block:: bash

        saltern '*' match.glob '*'
    """
    return _matching.glob(_minion(minion_id), tgt)


def filter_by(
    lookup: Mapping[str, Any],
    tgt_type: str = "compound",
    minion_id: str | None = None,
    merge: Any = None,
    merge_lists: bool = False,
    default: str = "default",
) -> Any:
    """Return the first value of *lookup* whose key, a target of the kind *tgt_type*, means this minion.

    *merge*, a dict, is merged into it; that of the key *default*, or ``None``, is returned as it is. Raises
    ``ArgumentError`` for a kind that there isn't.

    CLI Example:

    .. code-block:: bash

        saltern '*' match.filter_by '{foo*: Foo!, bar*: Bar!}' minion_id=bar03
    """
    for key, value in lookup.items():
        if not _matches(tgt_type, key, minion_id):
            continue
        if not merge:
            return value
        if not isinstance(merge, Mapping):
            raise SalternError("filter_by merge argument must be a dictionary.")
        return merge if value is None else update(copy.deepcopy(value), copy.deepcopy(merge), merge_lists=merge_lists)
    return lookup.get(default)


def search_by(lookup: Mapping[str, Any], tgt_type: str = "compound", minion_id: str | None = None) -> list[str] | None:
    """Return those keys of *lookup* of whose lists of targets one means this minion; ``None`` when there are none.

    CLI Example:

    .. code-block:: bash

        saltern '*' match.search_by '{web: [node1, node2], db: [node2]}'
    """
    found = [key for key, targets in lookup.items() for target in targets if _matches(tgt_type, target, minion_id)]
    return found or None


def ifelse(
    *args: Any,
    tgt_type: str = "compound",
    minion_id: str | None = None,
    merge: Any = None,
    merge_lists: bool = False,
) -> Any:
    """Return the value behind the first target that means this minion, the last argument when none does.

    A target may be ``True`` or ``False``. Raises ``SalternError`` for an even number of arguments.

    CLI Example:

    .. code-block:: bash

        saltern '*' match.ifelse 'foo*' 'Foo!' 'bar*' 'Bar!' 'neither' minion_id=bar03
    """
    if len(args) % 2 == 0:
        raise SalternError("The ifelse function must have an odd number of arguments!")
    *pairs, last = args
    for condition, value in zip(pairs[::2], pairs[1::2], strict=True):
        met = condition if isinstance(condition, bool) else _matches(tgt_type, condition, minion_id)
        if met:
            return filter_by({"*": value}, "glob", minion_id, merge, merge_lists)
    return last


_KINDS: Mapping[str, Callable[..., Any]] = {
    "compound": compound,
    "ipcidr": ipcidr,
    "pillar": pillar,
    "pillar_pcre": pillar_pcre,
    "data": data,
    "grain": grain,
    "grain_pcre": grain_pcre,
    "list": list_,
    "list_": list_,
    "pcre": pcre,
    "glob": glob,
}
_OF_ANOTHER = frozenset(("compound", "list", "list_", "pcre", "glob"))


def _matches(tgt_type: str, target: Any, minion_id: str | None) -> bool:
    if tgt_type not in _KINDS:
        raise ArgumentError(f"there is no target type {tgt_type!r}: use one of {', '.join(_KINDS)}")
    given = (minion_id,) if minion_id and tgt_type in _OF_ANOTHER else ()
    return bool(_KINDS[tgt_type](target, *given))


def _minion(minion_id: Any = None) -> Minion:
    groups = __opts__.get("nodegroups")
    return Minion(
        str(minion_id) if minion_id is not None else str(__opts__["id"]),
        __grains__,
        __pillar__,
        groups if isinstance(groups, Mapping) else {},
    )
