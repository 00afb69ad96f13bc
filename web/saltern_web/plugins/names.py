"""What plugins are called, and what of a folder belongs to one.

::

    services/
        meta.yaml            required, may be empty
        plugin_services.py   the execution module, for minions
        forms.py             optional: its form
        result.html          optional: how a result is shown
"""

from __future__ import annotations

import keyword
import re

from saltern.errors import SalternError

META, FORMS, RESULT = "meta.yaml", "forms.py", "result.html"
READ = (META, FORMS, RESULT)
"""The files of a plugin that the console reads."""
MODULE_PREFIX = "plugin_"
RUN, SHOW = "run", "show"
"""The functions of a plugin's module: what it does with parameters; how things are, with none."""
NAME_RULE = "use small letters, digits and '_', begin with a letter, at most 40"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class PluginFault(SalternError):
    """A plugin that can't be used, or not wholly; the text says what to change."""


def is_name(name: str) -> bool:
    """Return whether a plugin can be called so."""
    return _NAME.fullmatch(name) is not None and not keyword.iskeyword(name)


def check_name(name: str) -> str:
    """Return *name*. Raises ``PluginFault`` when no plugin can be called so."""
    if not is_name(name):
        raise PluginFault(f"a plugin can't be called {name!r:.60}: {NAME_RULE}")
    return name


def module_of(name: str) -> str:
    """Return the execution module of the plugin *name*, as functions have it."""
    return MODULE_PREFIX + name


def function_of(name: str, function: str) -> str:
    """Return the full name of a plugin's function: ``plugin_services.run``."""
    return f"{module_of(name)}.{function}"
