"""YAML files stacked over each other, as a list of globs says: ``- stack: /srv/stack/stack.cfg``.

Both the lists and the files are templates, which see ``minion_id``, ``__grains__``, ``__opts__``, ``__salt__``,
``pillar`` and ``stack``, what is there so far. A key ``__`` in a map, or in a first member of a list, says how it is
put over what is there: ``merge-last`` (the default), ``merge-first``, ``overwrite`` or ``remove``. Keywords choose
lists by a value: ``grains:os: {Debian: /srv/stack/debian.cfg}``, ``pillar:…``, ``opts:…``.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError, SalternError
from saltern.templating.render import render
from saltern.traverse import traverse
from saltern.visible import visible
from saltern_master.pillar.claims import Grains, in_lines
from saltern_master.pillar.functions import Functions
from saltern_master.pillar.yaml_text import YamlError, parsed

__opts__: Mapping[str, Any]
__grains__: Grains
__salt__: Functions

STRATEGIES = ("overwrite", "merge-first", "merge-last", "remove")
HOW = "__"
ENV = "__env__"
NOT_SHOWN = ("__settings__", "ext_pillar")
"""Of the options: arguments of external pillars may be passwords."""
MAX_FILE_BYTES = 4 * 1024 * 1024


def ext_pillar(minion_id: str, pillar: dict[str, Any], *args: str, **kwargs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the stack of a minion. Raises ``CommandError`` for a file that is wrong."""
    stack: dict[str, Any] = {}
    for cfg in [*args, *_chosen(pillar, kwargs)]:
        if os.path.isfile(cfg):
            stack = _Config(cfg, minion_id, pillar).over(stack)
    return stack


def _chosen(pillar: Mapping[str, Any], kwargs: Mapping[str, Mapping[Any, Any]]) -> list[str]:
    """Return the lists that keywords choose."""
    pillarenv = __opts__.get("pillarenv") or __opts__.get("saltenv") or "base"
    known = {"pillar": pillar, "grains": __grains__, "opts": __opts__}
    found: list[str] = []
    for word, lists in kwargs.items():
        kind, _, path = word.partition(":")
        if kind not in known:
            raise CommandError(f'Unknown traverse option "{kind}", should be one of {known.keys()}')
        by_value = {pillarenv if value == ENV else value: one for value, one in lists.items()}
        cfgs = by_value.get(traverse(known[kind], path), [])
        found += [str(cfg).replace(ENV, pillarenv) for cfg in (cfgs if isinstance(cfgs, list) else [cfgs])]
    return found


class _Config:
    """One list, and the files that it means."""

    def __init__(self, cfg: str, minion_id: str, pillar: Mapping[str, Any]) -> None:
        self._cfg = cfg
        self._folder = os.path.dirname(cfg)
        self._context = {
            "__opts__": {key: value for key, value in __opts__.items() if key not in NOT_SHOWN},
            "__salt__": __salt__,
            "__grains__": __grains__,
            "__stack__": {"traverse": traverse, "cfg_path": cfg},
            "minion_id": minion_id,
            "pillar": pillar,
            "pillarenv": __opts__.get("pillarenv"),
        }

    def over(self, stack: dict[str, Any]) -> dict[str, Any]:
        """Return *stack* with the files put over it."""
        for item in self._listed(stack):
            for path in sorted(glob.glob(os.path.join(self._folder, item))) if item.strip() else ():
                text = self._rendered(path, stack=stack, ymlpath=path)
                try:
                    data = parsed(text)
                except YamlError as error:
                    raise CommandError(f"Stack pillar yaml parsing error in {path}:\n{error}") from None
                if isinstance(data, dict):
                    stack = _merged(stack, data)
        return stack

    def _listed(self, stack: dict[str, Any]) -> list[str]:
        """Return the globs of the list. Raises ``CommandError`` when grains may lead one out of its folder."""
        grains = in_lines(__grains__)
        opts = {key: value for key, value in __opts__.items() if key not in NOT_SHOWN} | {"grains": grains}
        read, grains.used = grains.used, set()
        salt = __salt__.with_grains(grains, opts)
        items = _items(self._rendered(self._cfg, stack=stack, __grains__=grains, __opts__=opts, __salt__=salt))
        read |= grains.used
        for item in items if grains.used else ():
            if ".." in item.split("/") or (os.path.isabs(item) and not item.startswith(f"{self._folder}/")):
                raise CommandError(
                    f"{self._cfg} reads grains, which a minion can claim, and leads to {visible(item)!r:.100}: it can "
                    "name what is in its own folder alone"
                )
        return items

    def _rendered(self, path: str, **more: Any) -> str:
        try:
            return render(
                _text(path),
                {**self._context, **more},
                opts={"allow_undefined": True},
                read=lambda name: _text(os.path.join(self._folder, name)),
            )
        except (SalternError, OSError) as error:
            raise CommandError(f'Stack pillar template render error in {path}:\n"{error}"') from None


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as stream:
        return stream.read(MAX_FILE_BYTES)


def _items(text: str) -> list[str]:
    """Return the globs of a list: one of YAML's, or lines."""
    try:
        found = parsed(text)
    except YamlError:
        found = None
    return [str(item) for item in found] if isinstance(found, list) else text.splitlines()


def _clean(value: Any) -> Any:
    """Return a value without what says how it is merged."""
    if isinstance(value, dict):
        return {key: _clean(member) for key, member in value.items() if key != HOW}
    if isinstance(value, list) and value and isinstance(value[0], dict) and HOW in value[0]:
        return value[1:]
    return value


def _how(value: Any) -> str:
    if value not in STRATEGIES:
        raise CommandError(f'Unknown strategy "{value}", should be one of {STRATEGIES}')
    return str(value)


def _merged(stack: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    how = _how(data.get(HOW, "merge-last"))
    if how == "overwrite":
        return dict(_clean(data))
    result = dict(stack)
    for key, value in data.items():
        if key == HOW:
            continue
        if how == "remove":
            result.pop(key, None)
            continue
        if key not in result:
            result[key] = _clean(value)
            continue
        under, over = (_clean(value), result[key]) if how == "merge-first" else (result[key], value)
        if type(under) is not type(over):
            result[key] = _clean(over)
        elif isinstance(over, dict):
            result[key] = _merged(under, over)
        elif isinstance(over, list):
            result[key] = _joined(under, over)
        else:
            result[key] = over
    return result


def _joined(under: list[Any], over: list[Any]) -> list[Any]:
    how = "merge-last"
    if over and isinstance(over[0], dict) and HOW in over[0]:
        how, over = _how(over[0][HOW]), over[1:]
    if how == "overwrite":
        return over
    if how == "remove":
        return [member for member in under if member not in over]
    return over + under if how == "merge-first" else under + over
