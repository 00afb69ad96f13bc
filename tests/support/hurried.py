"""Programs of ours with other constants than they have: how often something is looked at, how long it is waited for.

``[sys.executable, "-P", "-m", "saltern_agent", …]`` becomes
``[sys.executable, "-P", ".../hurried.py", "saltern_agent.jobs:THREAD_GRACE_S=30", "-m", "saltern_agent", …]``
"""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Sequence


def with_constants(argv: Sequence[str], constants: dict[str, float]) -> list[str]:
    """Return *argv* of a module that is run, changed so that *constants* (``module:NAME``) have these values in it."""
    at = argv.index("-m")
    return [*argv[:at], __file__, *(f"{name}={value}" for name, value in constants.items()), *argv[at:]]


def _main() -> None:
    at = sys.argv.index("-m")
    for text in sys.argv[1:at]:
        where, _, value = text.partition("=")
        module_name, _, name = where.partition(":")
        module = importlib.import_module(module_name)
        assert isinstance(getattr(module, name), int | float), where
        setattr(module, name, float(value))
    sys.argv[: at + 1] = []
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
