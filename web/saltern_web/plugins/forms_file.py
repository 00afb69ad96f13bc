"""``forms.py`` of a plugin, run: its class ``PluginForm``.

It is the administrator's code and runs as the console does. Old ones take ``CompoundForm`` and ``SubForm`` from a
module that was theirs; wherever they take them from, these two names are ours.
"""

from __future__ import annotations

import builtins
import traceback
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from saltern_web.plugins.forms import CompoundForm, SubForm
from saltern_web.plugins.names import FORMS, PluginFault

FORM = "PluginForm"
OURS: Mapping[str, Any] = {"CompoundForm": CompoundForm, "SubForm": SubForm}
MAX_SAID = 300


def load_form(source: bytes, place: str) -> type[CompoundForm]:
    """Return the form of the ``forms.py`` with this *source*, at *place*. Raises ``PluginFault``: one line."""
    namespace: dict[str, Any] = {
        **OURS,
        "__name__": f"{__name__}.loaded",
        "__file__": place,
        "__builtins__": {**vars(builtins), "__import__": _import},
    }
    try:
        exec(compile(source, place, "exec", dont_inherit=True), namespace)  # noqa: S102  # an administrator's own code
    except SyntaxError as error:
        raise PluginFault(f"{FORMS}: line {error.lineno}: {error.msg}") from None
    except Exception as error:
        raise PluginFault(f"{FORMS}: {said_of(error, place)}") from None
    form = namespace.get(FORM)
    if not (isinstance(form, type) and issubclass(form, CompoundForm)):
        raise PluginFault(f"{FORMS}: has no class {FORM}(CompoundForm)")
    if not form.sub_forms:
        raise PluginFault(f"{FORMS}: {FORM} has no member: write one as  name = SubForm(_Form)")
    return form


def said_of(error: BaseException, place: str) -> str:
    """Return an error of a plugin's own code as one line, with the line of the file *place* that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    line = next((frame.lineno for frame in reversed(frames) if frame.filename == place), None)
    try:
        said = " ".join(str(error).split())[:MAX_SAID]
    except Exception:
        said = ""
    return f"{f'line {line}: ' if line else ''}{type(error).__name__}{': ' if said else ''}{said}"


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """Import as Python does; our two names come from any module that isn't there, or doesn't have them."""
    if not fromlist or not set(fromlist) <= set(OURS):
        return builtins.__import__(name, globals, locals, fromlist or (), level)
    stand_in = ModuleType(name or "forms")
    vars(stand_in).update(OURS)
    return stand_in
