"""External pillars: programs and sources beside the trees of files, by the option ``ext_pillar``.

Each is a file with ``ext_pillar(minion_id, pillar, *args, **kwargs)`` that returns a map, or raises. The bundled ones
are beside this one; own ones are ``_pillar/NAME.py`` in a folder of the environment ``base`` of ``file_roots``, or
``pillar/NAME.py`` in ``extension_modules``. They have ``__opts__``, ``__grains__``, ``__pillar__`` and ``__salt__``,
and run in the process that compiles: one that hangs is ended with it.
"""

from __future__ import annotations

import copy
import importlib.util
import os
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from saltern.errors import CommandError
from saltern_master.pillar.context import Scene
from saltern_master.pillar.settings import Settings

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
BUNDLED = ("cmd_json", "cmd_yaml", "file_tree", "git", "nodegroups", "stack")
NOT_HERE = "it isn't here: there are {}; own ones go into _pillar/ of file_roots, or pillar/ of extension_modules"
_loaded: dict[str, tuple[int, ModuleType]] = {}


def run_ext(name: str, pillar: dict[str, Any], arguments: Any, scene: Scene, settings: Settings) -> Any:
    """Run one external pillar and return its map. Raises what it raises, ``CommandError`` when there is none."""
    module = _module(name, settings)
    vars(module).update(
        __opts__={
            **scene.opts,
            "pillar_roots": settings.roots,
            "nodegroups": settings.nodegroups,
            "ext_pillar": settings.ext,
            "cachedir": settings.cachedir,
            "__settings__": settings,
        },
        __grains__=scene.grains,
        __pillar__=scene.pillar,
        __salt__=scene.salt,
    )
    given = copy.deepcopy(pillar)
    if isinstance(arguments, dict):
        found = module.ext_pillar(scene.minion_id, given, **arguments)
    elif isinstance(arguments, list):
        found = module.ext_pillar(scene.minion_id, given, *arguments)
    else:
        found = module.ext_pillar(scene.minion_id, given, arguments)
    if found and not isinstance(found, Mapping):
        raise CommandError(f"it returned a {type(found).__name__}, not a map")
    return found


def _module(name: str, settings: Settings) -> ModuleType:
    if not _NAME.fullmatch(str(name)):
        raise CommandError(f"{str(name)!r:.80} is no name of an external pillar")
    for folder in _own_folders(settings):
        path = os.path.join(folder, f"{name}.py")
        if os.path.isfile(path):
            return _own(name, path)
    if name not in BUNDLED:
        raise CommandError(NOT_HERE.format(", ".join(BUNDLED)))
    return importlib.import_module(f"saltern_master.pillar.ext.{name}")


def _own_folders(settings: Settings) -> list[str]:
    bases = settings.file_roots.get("base") or []
    folders = [os.path.join(str(root), "_pillar") for root in ([bases] if isinstance(bases, str) else bases)]
    return [os.path.join(settings.extension_modules, "pillar"), *folders] if settings.extension_modules else folders


def _own(name: str, path: str) -> ModuleType:
    """Return a file's module, loaded anew when the file has changed. Raises ``CommandError``."""
    stamp = os.stat(path).st_mtime_ns
    known = _loaded.get(path)
    if known is not None and known[0] == stamp:
        return known[1]
    spec = importlib.util.spec_from_file_location(f"saltern_pillar_{name}", path)
    if spec is None or spec.loader is None:
        raise CommandError(f"{path}: can't be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    virtual = getattr(module, "__virtual__", None)
    answer = virtual() if callable(virtual) else True
    if answer is False or isinstance(answer, tuple):
        why = answer[1] if isinstance(answer, tuple) and len(answer) > 1 else "its __virtual__ says no"
        raise CommandError(f"{path}: {why}")
    if not callable(getattr(module, "ext_pillar", None)):
        raise CommandError(f"{path}: has no function ext_pillar")
    _loaded[path] = (stamp, module)
    return module
