"""The plugin that an address names, for whoever asks."""

from __future__ import annotations

from django.http import Http404

from saltern_web.plugins.meta import State
from saltern_web.plugins.plugin import Plugin
from saltern_web.session.console import Asked


async def found(request: Asked, name: str) -> Plugin:
    """Return the plugin *name*. Raises ``Http404`` for one that isn't there, or isn't for this login."""
    plugin = await request.console.plugins.get(name)
    if plugin is None or not is_for(request, plugin):
        raise Http404(f"there is no plugin {name[:60]!r}")
    return plugin


def is_for(request: Asked, plugin: Plugin) -> bool:
    """Return whether who asks may see *plugin*: those for debugging are administrators' own."""
    return plugin.meta.state is not State.DEBUG or request.who.everything
