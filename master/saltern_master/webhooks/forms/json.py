"""Programs: an event as JSON, or what a template makes of it, JSON or plain text."""

from __future__ import annotations

import json

from saltern.errors import ConfigError
from saltern.secret import masked
from saltern_master.bus import Event
from saltern_master.sql.json_text import json_text
from saltern_master.webhooks.forms.form import MAX_BODY_BYTES, FormError, Given, bounded
from saltern_master.webhooks.forms.template import Template


class Json:
    """``{"tag": …, "data": …}``; with *template*, lists and maps with templates for texts; with *text*, that alone."""

    def __init__(self, given: Given) -> None:
        """Raises ``ConfigError``."""
        template, text = given.take("template"), given.take("text")
        if template is not None and text is not None:
            raise ConfigError(f"{given.where}: has a template and a text: give one of the two")
        if text is not None and not isinstance(text, str):
            raise ConfigError(f"{given.where}: text must be a text")
        self.content_type = "application/json" if text is None else "text/plain; charset=utf-8"
        self._template = None if template is None else Template(given, "template", template)
        self._text = None if text is None else Template(given, "text", text)

    def body(self, event: Event) -> bytes:
        """Return the body. Raises ``FormError``."""
        if event.size > 4 * MAX_BODY_BYTES:
            raise FormError(f"its body is over {MAX_BODY_BYTES:,} bytes")
        if self._text is not None:
            return bounded(str(self._text.of(event)).encode(errors="backslashreplace"))
        if self._template is not None:
            made = self._template.of(event)
            return bounded(json.dumps(made, skipkeys=True, default=str).encode("ascii"))
        return bounded(json_text({"tag": event.tag, "data": masked(event.data)}).encode())
