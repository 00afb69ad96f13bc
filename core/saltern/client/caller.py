"""This host's own minion, called from Python. What runs is the agent's, which is installed beside this or isn't."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from saltern.errors import ModuleError
from saltern.programs import LIBRARIES

HOME = "saltern_agent.caller"


def caller_class() -> Any:
    """Return the agent's ``Caller``. Raises ``ModuleError``, in one line, where the agent isn't installed."""
    try:
        return import_module(HOME).Caller
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing != HOME.partition(".")[0] and missing not in LIBRARIES:
            raise
        raise ModuleError(
            f"saltern.client.Caller needs {LIBRARIES.get(missing, 'the agent')}: run pip install 'saltern[agent]'"
        ) from None
