"""A plugin's configuration: what its ``meta.yaml`` says, overlaid by what an administrator set here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms

from saltern_web.kept.models import PluginSetting
from saltern_web.plugins.meta import Meta

MAX_TEXT = 10_000


async def configuration_of(name: str, meta: Meta) -> dict[str, Any]:
    """Return the configuration in force: each key of the plugin's own, with the value that was set for it, or its own.

    A value of another type than the plugin's own, from before it changed, doesn't count.
    """
    kept = await PluginSetting.objects.filter(plugin=name).afirst()
    content = kept.content if kept is not None and isinstance(kept.content, dict) else {}
    return overlaid(meta.configuration, content)


def overlaid(own: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return *own*, with those values of *content* that fit it."""
    return {key: content[key] if key in content and _fits(content[key], value) else value for key, value in own.items()}


def _fits(value: Any, own: Any) -> bool:
    if own is None or isinstance(own, str):
        return value is None or isinstance(value, str)
    if isinstance(own, bool) or isinstance(value, bool):
        return isinstance(own, bool) and isinstance(value, bool)
    return isinstance(value, int | float) if isinstance(own, int | float) else isinstance(value, type(own))


async def keep_configuration(name: str, meta: Meta, values: Mapping[str, Any]) -> None:
    """Keep the values that differ from the plugin's own, so that the others follow it when it is renewed."""
    content = {key: values[key] for key, own in meta.configuration.items() if key in values and values[key] != own}
    if content:
        await PluginSetting.objects.aupdate_or_create(plugin=name, defaults={"content": content})
    else:
        await PluginSetting.objects.filter(plugin=name).adelete()


def configuration_form(meta: Meta) -> type[forms.Form]:
    """Return a form with a field for each key, by the type of the plugin's own value."""
    return type("ConfigurationForm", (forms.Form,), {key: _field(key, own) for key, own in meta.configuration.items()})


def _field(key: str, own: Any) -> forms.Field:
    given: dict[str, Any] = {"label": key, "required": False, "help_text": f"of its own: {json.dumps(own)[:200]}"}
    if isinstance(own, bool):
        return forms.BooleanField(**given)
    if isinstance(own, int):
        return forms.IntegerField(**{**given, "required": True})
    if isinstance(own, float):
        return forms.FloatField(**{**given, "required": True})
    if isinstance(own, list | dict):
        return _JsonField(type(own), **{**given, "required": True})
    return forms.CharField(max_length=MAX_TEXT, **given)


class _JsonField(forms.JSONField):
    """A list or a map, written as JSON."""

    def __init__(self, kind: type, **given: Any) -> None:
        super().__init__(max_length=MAX_TEXT, empty_value=kind(), **given)
        self._kind = kind
        self.empty_values = [None, ""]

    def to_python(self, value: Any) -> Any:
        """Return the value. Raises ``ValidationError``."""
        read = super().to_python(value)
        if not isinstance(read, self._kind):
            raise forms.ValidationError(f"This must be a {'list' if self._kind is list else 'map'}, as JSON.")
        return read
