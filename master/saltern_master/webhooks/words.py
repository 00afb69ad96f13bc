"""An event in words, for people."""

from __future__ import annotations

from saltern.secret import masked
from saltern.visible import visible
from saltern_master.annotations.annotation import annotations_of, is_annotated
from saltern_master.annotations.places import Places
from saltern_master.bus import Event
from saltern_master.sql.json_text import json_text
from saltern_master.webhooks.choice import ALERTS, KEYS

MAX_CHARS = 2000
MAX_LINES = 20


def words_of(event: Event, places: Places) -> str:
    """Return what *event* says, up to ``MAX_CHARS``: ``cpu is CRITICAL on web01 (97 > 90)``, a line for each minion."""
    data = event.data
    if event.tag in KEYS and isinstance(data.get("act"), str):
        lines = [f"key of {data.get('id')}: {data['act']}" + (f": {data['reason']}" if data.get("reason") else "")]
    else:
        lines = [one.what for one in annotations_of(event, places)] if is_annotated(event) else []
        if event.tag.startswith(ALERTS) and data.get("message"):
            lines.append(str(data["message"]))
    if not lines:
        shown = {key: value for key, value in data.items() if not str(key).startswith("_")}
        lines = [f"{event.tag}: {json_text(masked(shown))}"]
    if len(lines) > MAX_LINES:
        lines[MAX_LINES - 1 :] = [f"and {len(lines) - MAX_LINES + 1} more"]
    text = "\n".join(visible(line[:MAX_CHARS]) for line in lines)
    return text if len(text) <= MAX_CHARS else text[: MAX_CHARS - 1] + "…"
