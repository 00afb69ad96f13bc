"""Chats: ``{"text": …}``, as Slack, Mattermost and Rocket.Chat take it (Slack's "incoming webhooks")."""

from __future__ import annotations

import json

from saltern.errors import ConfigError
from saltern_master.bus import Event
from saltern_master.webhooks.forms.form import Given, bounded
from saltern_master.webhooks.forms.template import Template
from saltern_master.webhooks.words import words_of

MAX_TEXT_CHARS = 4000


class Slack:
    """An event in words, or by a template ``text``; nobody is called by what a host says (``<!channel>``)."""

    content_type = "application/json"

    def __init__(self, given: Given) -> None:
        """Raises ``ConfigError``."""
        text = given.take("text")
        if text is not None and not isinstance(text, str):
            raise ConfigError(f"{given.where}: text must be a text")
        self._template = Template(given, "text", text) if text is not None else None
        self._places = given.places

    def body(self, event: Event) -> bytes:
        """Return the message. Raises ``FormError``."""
        text = words_of(event, self._places()) if self._template is None else self._template.of(event)
        # & < > are all that Slack asks to be escaped: mentions and links with another text begin with <.
        safe = text[:MAX_TEXT_CHARS].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return bounded(json.dumps({"text": safe}).encode("ascii"))
