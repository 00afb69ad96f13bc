"""What templates may call as ``salt``: functions that read what the template is given, and nothing of the master.

Salt lets a template run any execution module on the master, as root. Here a template decides about one minion's data:
functions that read files, run programs, or ask the network are not there, and say so.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from saltern.errors import CommandError, TargetError
from saltern.merging import merge, update
from saltern.traverse import MISSING, traverse

NOT_THERE = (
    "{} isn't there for pillar's templates: they run on the master, and can call what reads grains, pillar, options "
    "and targets alone ({})"
)


class Functions(Mapping[str, Callable[..., Any]]):
    """``salt["grains.get"](…)``, ``salt.grains.get(…)`` and ``salt["grains.get"] is defined``, for one minion."""

    def __init__(
        self,
        minion_id: str,
        grains: Mapping[str, Any],
        pillar: Mapping[str, Any],
        opts: Mapping[str, Any],
        nodegroups: Mapping[str, Any],
        conf_file: str,
    ) -> None:
        self._minion_id = minion_id
        self._grains = grains
        self._pillar = pillar
        self._opts = opts
        self._groups = (nodegroups, conf_file)
        self._made: dict[str, Callable[..., Any]] | None = None

    def with_grains(self, grains: Mapping[str, Any], opts: Mapping[str, Any]) -> Functions:
        """Return the same functions for other grains, and options."""
        return Functions(self._minion_id, grains, self._pillar, opts, *self._groups)

    def __getitem__(self, name: str) -> Callable[..., Any]:
        found = self._functions().get(name)
        if found is None:
            raise CommandError(NOT_THERE.format(name, self._modules()))
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """Return a function, or *default*."""
        return self._functions().get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._functions()

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions())

    def __len__(self) -> int:
        return len(self._functions())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _Module(name, self)

    def _modules(self) -> str:
        return ", ".join(sorted({name.partition(".")[0] for name in self._functions()}))

    def _functions(self) -> dict[str, Callable[..., Any]]:
        if self._made is None:
            self._made = {
                **_data("grains", self._grains),
                **_data("pillar", self._pillar),
                "pillar.fetch": _get(self._pillar),
                "config.get": self._config,
                "config.option": self._config,
                **{f"match.{kind}": self._match(kind) for kind in KINDS},
                "slsutil.merge": _merge,
                "slsutil.merge_all": _merge_all,
                "slsutil.update": lambda dest, upd, recursive_update=True, merge_lists=False: update(
                    copy.deepcopy(dict(dest)), upd, recursive_update, merge_lists
                ),
                "slsutil.boolstr": lambda value, true="true", false="false": true if value else false,
                "defaults.merge": lambda dest, src, merge_lists=False, in_place=True, convert_none=True: update(
                    copy.deepcopy(dict(dest)), src, True, merge_lists
                ),
                "defaults.deepcopy": copy.deepcopy,
                "test.ping": lambda: True,
                "test.echo": lambda text: text,
            }
        return self._made

    def _config(self, key: str, default: Any = "", delimiter: str = ":", **_: Any) -> Any:
        """Return an option, a grain or a value of pillar, by its path: the first of them that has it."""
        for data in (self._opts, self._grains, self._pillar):
            found = traverse(data, key, MISSING, delimiter)
            if found is not MISSING:
                return found
        return default

    def _match(self, kind: str) -> Callable[..., bool]:
        def matches(tgt: Any, *_: Any, **__: Any) -> bool:
            from saltern_master.targeting import DataFacts, Known, Nodegroups, Target

            names = {"pillar_exact": "pillar_exact"}
            try:
                target = Target(tgt, names.get(kind, kind), nodegroups=Nodegroups(*self._groups))
                known = Known(DataFacts(lambda _: self._grains), DataFacts(lambda _: self._pillar))
                return target.matches(self._minion_id, known)
            except TargetError:
                return False

        return matches


KINDS = ("compound", "glob", "pcre", "list", "grain", "grain_pcre", "pillar", "pillar_pcre", "ipcidr")


class _Module:
    """``salt.grains``: the functions of one module."""

    def __init__(self, name: str, functions: Functions) -> None:
        self._name = name
        self._functions = functions

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._functions[f"{self._name}.{name}"]


def _data(name: str, data: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    """Return the functions that read grains, or pillar."""

    def item(*names: str, default: Any = "", delimiter: str = ":", **_: Any) -> dict[str, Any]:
        return {one: traverse(data, one, default, delimiter) for one in names}

    def has_value(key: str, **_: Any) -> bool:
        return bool(traverse(data, key, False))

    def filter_by(
        lookup_dict: Mapping[str, Any],
        grain: str = "os_family",
        merge: Any = None,
        default: str = "default",
        base: str | None = None,
        pillar: str | None = None,
    ) -> Any:
        return _chosen(lookup_dict, traverse(data, pillar or grain, []), merge, default, base)

    return {
        f"{name}.get": _get(data),
        f"{name}.item": item,
        f"{name}.items": lambda **_: dict(data.items()),
        f"{name}.raw": lambda key=None, **_: data.get(key, {}) if key else dict(data.items()),
        f"{name}.keys": lambda key, delimiter=":", **_: list(traverse(data, key, {}, delimiter)),
        f"{name}.ls": lambda **_: sorted(data.keys()),
        f"{name}.has_value": has_value,
        f"{name}.equals": lambda key, value: str(value) == str(traverse(data, key, "")),
        f"{name}.filter_by": filter_by,
    }


def _get(data: Mapping[str, Any]) -> Callable[..., Any]:
    def get(
        key: str,
        default: Any = "",
        merge: bool = False,
        merge_nested_lists: bool = False,
        delimiter: str = ":",
        **_: Any,
    ) -> Any:
        if merge and isinstance(default, Mapping | list):
            found = traverse(data, key, type(default)(), delimiter)
            if isinstance(default, Mapping) and isinstance(found, Mapping):
                return update(copy.deepcopy(dict(default)), found, True, merge_nested_lists)
            if isinstance(default, list) and isinstance(found, list):
                return [*default, *(member for member in found if member not in default)]
        return traverse(data, key, default, delimiter)

    return get


def _merge(obj_a: Any, obj_b: Any, strategy: str = "smart", renderer: str = "yaml", merge_lists: bool = False) -> Any:
    return merge(copy.deepcopy(obj_a), obj_b, strategy, renderer, merge_lists)


def _merge_all(lst: Any, strategy: str = "smart", renderer: str = "yaml", merge_lists: bool = False) -> Any:
    result: Any = {}
    for one in lst:
        result = _merge(result, one, strategy, renderer, merge_lists)
    return result


def _chosen(table: Mapping[str, Any], value: Any, merge_: Any, default: str, base: str | None) -> Any:
    """Return the entry of *table* whose key, a glob, is for *value*, over the entry *base*, and *merge_* over it."""
    found = next(
        (
            entry
            for one in (value if isinstance(value, list) else [value])
            for key, entry in table.items()
            if entry is not None and fnmatchcase(str(one), str(key))
        ),
        table.get(default),
    )
    below = table.get(base) if base else None
    if found is None:
        found = below
    elif isinstance(below, Mapping) and isinstance(found, Mapping):
        found = update(copy.deepcopy(dict(below)), found)
    if merge_:
        if not isinstance(merge_, Mapping):
            raise CommandError("filter_by merge argument must be a dictionary.")
        found = dict(merge_) if found is None else update(copy.deepcopy(dict(found)), merge_)
    return found
