"""An event, and how clients write one: Graphite's JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime

from saltern.errors import GraphiteError

MAX_WHAT_CHARS = 1_000
MAX_DATA_CHARS = 64_000
MAX_TAGS = 100
MAX_TAG_CHARS = 255
LATEST = 253_402_300_799
"""The last second of the year 9999, epoch seconds."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at ``when`` (epoch seconds). ``id`` is 0 until it is stored.

    Tags hold no blanks and no commas.
    """

    when: float
    what: str
    tags: tuple[str, ...] = ()
    data: str = ""
    id: int = 0

    def as_json(self) -> dict[str, object]:
        """The event in a list of events: ``when`` in whole epoch seconds."""
        return {"when": int(self.when), "what": self.what, "data": self.data, "tags": list(self.tags), "id": self.id}

    def as_detail(self) -> dict[str, object]:
        """The event by itself: ``when`` as an ISO 8601 time, with milliseconds if it has any."""
        when = datetime.fromtimestamp(self.when, UTC)
        text = when.isoformat(timespec="milliseconds" if when.microsecond else "seconds").replace("+00:00", "Z")
        return {"id": self.id, "when": text, "what": self.what, "data": self.data, "tags": list(self.tags)}


def read_event(document: object, now: float) -> Event:
    """The event that a client's JSON *document* describes; without ``when`` it is *now*.

    ``GraphiteError`` says which of its members is wrong: ``what`` (text, required), ``tags`` (a list of texts, or one
    text with blanks or commas between), ``when`` (epoch seconds), ``data`` (text; anything else is kept as JSON).
    """
    if not isinstance(document, dict):
        raise GraphiteError('an event is a JSON object such as {"what": "deployed", "tags": ["web"]}')
    when = document.get("when", now)
    if isinstance(when, bool) or not isinstance(when, int | float) or not 0 <= when <= LATEST:
        raise GraphiteError(f"when must be a time in epoch seconds, not {_shown(when)}")
    return Event(float(when), _what(document.get("what")), _tags(document.get("tags")), _data(document.get("data")))


def split_tags(text: str) -> list[str]:
    """Return the tags in *text*, which has blanks or commas between them."""
    return text.replace(",", " ").split()


def _what(what: object) -> str:
    if isinstance(what, int | float) and not isinstance(what, bool) and math.isfinite(what):
        what = str(what)
    if not isinstance(what, str):
        raise GraphiteError("what must be given: a text that says what happened")
    if len(what) > MAX_WHAT_CHARS:
        raise GraphiteError(f"what has {len(what)} characters, {MAX_WHAT_CHARS} are allowed: put the rest into data")
    return _text("what", what)


def _tags(tags: object) -> tuple[str, ...]:
    if tags is None:
        return ()
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        tags = " ".join(tags)
    if not isinstance(tags, str):
        raise GraphiteError(
            f"tags must be a list of texts, or one text with blanks or commas between them, not {_shown(tags)}"
        )
    found = tuple(split_tags(_text("tags", tags)))
    if len(found) > MAX_TAGS or any(len(tag) > MAX_TAG_CHARS for tag in found):
        raise GraphiteError(f"an event may have {MAX_TAGS} tags of {MAX_TAG_CHARS} characters each")
    return found


def _data(data: object) -> str:
    if data is None:
        return ""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    if len(text) > MAX_DATA_CHARS:
        raise GraphiteError(f"data has {len(text)} characters: {MAX_DATA_CHARS} are allowed")
    return _text("data", text)


def _text(member: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which no database stores
        raise GraphiteError(f"{member} holds half a character (\\ud800 to \\udfff)") from None
    return text


def _shown(value: object) -> str:
    return repr(value)[:100]
