"""For tests of plugins: is the folder whole, and does its page show what its module returns?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import QueryDict

from saltern_web.plugins.names import PluginFault
from saltern_web.plugins.plugin import Origin, Place, Plugin, load_plugin
from saltern_web.plugins.result import Result, read_result
from saltern_web.plugins.template import render_result


def check_plugin(folder: str | os.PathLike[str], returned: Any, parameters: Mapping[str, Any] | None = None) -> str:
    """Return how the plugin in *folder* shows what its module *returned*: HTML, or the data as JSON.

    Raises ``PluginFault`` for whatever is wrong: with a file of its, with the return, or when versions differ.
    """
    plugin = _whole(folder)
    result: Result = read_result("minion", {"return": returned}, plugin.name)
    if result.said:
        raise PluginFault(result.said)
    if plugin.meta.version and result.version != plugin.meta.version:
        raise PluginFault(f"meta.yaml has version {plugin.meta.version}, the module has {result.version or 'none'}")
    if plugin.template is None:
        return result.text
    given = {"result": result.whole, "data": result.data, "status": result.status, "version": result.version}
    about = {"name": plugin.name, "title": plugin.meta.title, "version": plugin.meta.version}
    more = {"minion": result.minion, "parameters": dict(parameters or {}), "plugin": about}
    return render_result(plugin.template, {**given, **more})


def fill_in(folder: str | os.PathLike[str], sent: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters that the form of the plugin in *folder* makes of the fields *sent*, by their HTML names.

    Raises ``PluginFault`` with what the form says against them.
    """
    plugin = _whole(folder)
    if plugin.form is None:
        return {}
    data = QueryDict(mutable=True)
    data.update(sent)
    form = plugin.form(data)
    if form.is_valid():
        return form.cleaned
    wrong = [*form.errors, *(f"{member.name}: {member.form.errors!r}" for member in form.members)]
    raise PluginFault("; ".join(wrong))


def _whole(folder: str | os.PathLike[str]) -> Plugin:
    if not settings.configured:
        _configure()
    path = Path(folder).absolute()
    plugin = load_plugin(Place(str(path.parent), Origin.SHIPPED), path.name)
    if plugin.faults:
        raise PluginFault("; ".join(plugin.faults))
    return plugin


def _configure() -> None:
    """Set as much of Django up as forms need."""
    import django

    settings.configure(USE_I18N=False, USE_TZ=True)
    django.setup(set_prefix=False)
