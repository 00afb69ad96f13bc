"""Write the names of Salt's runner, wheel and execution functions, by module: ``functions.json``.

Run by hand with the Python of Salt's own environment::

    python tests/support/salt_answers/record_functions.py
"""

from __future__ import annotations

import ast
import json
import re
import tempfile
from pathlib import Path

import salt.config  # type: ignore[import-not-found]  # Salt's own, in its own environment
import salt.loader
import salt.modules  # type: ignore[import-not-found]


def by_module(names: list[str]) -> dict[str, list[str]]:
    """Return the functions of each module."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        module, _, function = name.partition(".")
        found.setdefault(module, []).append(function)
    return found


ELSEWHERE = {"timezone": "timezone.py", "cron": "cron.py", "service": "systemd_service.py", "system": "system.py"}
"""Modules that a host without some program doesn't load; ``system``, whose name another file refuses, isn't listed."""


def execution(folder: str) -> dict[str, list[str]]:
    """Return the execution functions that a minion on this host has, and those of the drivers of other families.

    Modules that are for other systems alone (``win_*``, ``mac_*`` and their like) are left out.
    """
    opts = {**salt.config.minion_config(None), "cachedir": folder, "extension_modules": folder, "file_client": "local"}
    opts["grains"] = salt.loader.grains(opts)
    found = by_module(list(salt.loader.minion_mods(opts, utils=salt.loader.utils(opts))))
    for name, file in ELSEWHERE.items():
        source = Path(salt.modules.__file__).with_name(file).read_text()
        tree = ast.parse(source)
        aliases = dict(re.findall(r'"(\w+)": "(\w+)"', source[source.find("__func_alias__") :].partition("}")[0]))
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]
        found[name] = sorted({*found.get(name, ()), *(aliases.get(one, one) for one in names)})
    return found


with tempfile.TemporaryDirectory() as folder:
    opts = {**salt.config.master_config(None), "cachedir": folder, "extension_modules": folder}
    FUNCTIONS = {
        "runner": by_module(list(salt.loader.runner(opts))),
        "wheel": by_module(list(salt.loader.wheels(opts))),
        "execution": execution(folder),
    }
Path(__file__).with_name("functions.json").write_text(json.dumps(FUNCTIONS) + "\n")
