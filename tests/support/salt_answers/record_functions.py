"""Write the names of Salt's runner and wheel functions, by module: ``functions.json``.

Run by hand with the Python of Salt's own environment::

    python tests/support/salt_answers/record_functions.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import salt.config  # type: ignore[import-not-found]  # Salt's own, in its own environment
import salt.loader  # type: ignore[import-not-found]


def by_module(names: list[str]) -> dict[str, list[str]]:
    """Return the functions of each module."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        module, _, function = name.partition(".")
        found.setdefault(module, []).append(function)
    return found


with tempfile.TemporaryDirectory() as folder:
    opts = {**salt.config.master_config(None), "cachedir": folder, "extension_modules": folder}
    FUNCTIONS = {
        "runner": by_module(list(salt.loader.runner(opts))),
        "wheel": by_module(list(salt.loader.wheels(opts))),
    }
Path(__file__).with_name("functions.json").write_text(json.dumps(FUNCTIONS) + "\n")
