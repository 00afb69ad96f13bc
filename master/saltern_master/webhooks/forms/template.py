"""Texts of a hook that are templates: Jinja2 in its sandbox, bounded, with what an event holds."""

from __future__ import annotations

from typing import Any

from saltern.errors import ConfigError, RenderError
from saltern.secret import masked
from saltern.templating.render import render
from saltern_master.bus import Event
from saltern_master.webhooks.forms.form import FormError, Given
from saltern_master.webhooks.words import words_of

MAX_DEPTH = 20
MAX_TEXTS = 500


class Template:
    """A text, or lists and maps of texts and other plain values; *where* it is in the configuration."""

    def __init__(self, given: Given, option: str, value: Any) -> None:
        """Raises ``ConfigError`` for one that doesn't parse."""
        self._value = value
        self._name = given.name
        self._places = given.places
        where = f"{given.where}: {option}"
        try:
            from saltern.templating.codes import Codes  # they load Jinja2, which is an extra
            from saltern.templating.environment import made
        except ImportError:
            raise ConfigError(f"{where}: templates need Jinja2: pip install 'saltern[templates]'") from None
        from jinja2.exceptions import TemplateSyntaxError

        self._codes = Codes()
        environment = made({}, None, {})
        for text in _texts(value, where, 0):
            try:
                environment.parse(text)
            except TemplateSyntaxError as error:
                raise ConfigError(f"{where}: {error.message} (line {error.lineno} of {text[:40]!r})") from None

    def of(self, event: Event) -> Any:
        """Return what it becomes with *event*. Raises ``FormError``."""
        data = masked(event.data)  # a copy: a template may change what it is given
        words = words_of(event, self._places())
        return self._rendered(self._value, {"tag": event.tag, "data": data, "text": words, "hook": self._name})

    def _rendered(self, value: Any, names: dict[str, Any]) -> Any:
        if isinstance(value, dict):
            return {key: self._rendered(one, names) for key, one in value.items()}
        if isinstance(value, list):
            return [self._rendered(one, names) for one in value]
        if not isinstance(value, str):
            return value
        try:
            return render(value, names, opts={}, codes=self._codes)
        except RenderError as error:
            raise FormError(str(error)) from None


def _texts(value: Any, where: str, depth: int) -> list[str]:
    if depth > MAX_DEPTH:
        raise ConfigError(f"{where}: is nested too deeply")
    if isinstance(value, dict | list):
        found = [
            text
            for one in (value.values() if isinstance(value, dict) else value)
            for text in _texts(one, where, depth + 1)
        ]
        if len(found) > MAX_TEXTS:
            raise ConfigError(f"{where}: has over {MAX_TEXTS} texts")
        return found
    if value is not None and not isinstance(value, str | int | float):
        raise ConfigError(f"{where}: may hold texts, numbers, lists and maps, not {type(value).__name__}")
    return [value] if isinstance(value, str) else []
