"""Pagers: PagerDuty's Events API v2, ``trigger`` and ``resolve``; an alert's series is one incident.

An alert that is ``warn``, ``crit`` or ``nodata`` triggers, one that is ``ok`` resolves, both with the same
``dedup_key``.
"""

from __future__ import annotations

import json
import re
from typing import Any

from saltern.digest import sha256
from saltern.errors import ConfigError
from saltern.secret import Secret, masked
from saltern_master.bus import Event
from saltern_master.sql.json_text import json_text
from saltern_master.webhooks.forms.form import FormError, Given, bounded
from saltern_master.webhooks.words import words_of

URL = "https://events.pagerduty.com/v2/enqueue"
SEVERITIES = ("critical", "error", "warning", "info")
SEVERITY = {"crit": "critical", "warn": "warning", "nodata": "error"}
MAX_KEY_CHARS = 255
MAX_SUMMARY_CHARS = 1024


class PagerDuty:
    """Alerts alone. *routing_key*: of the service's integration; *severity*: by state, over ``SEVERITY``."""

    content_type = "application/json"

    def __init__(self, given: Given) -> None:
        """Raises ``ConfigError``."""
        if not given.choice.alerts_alone:
            raise ConfigError(
                f"{given.where}: events must be alerts, or globs below salt/alert/: a pager takes no others"
            )
        key = given.take("routing_key")
        key = key.reveal() if isinstance(key, Secret) else key
        if not isinstance(key, str) or not re.fullmatch(r"[!-~]{1,100}", key):
            raise ConfigError(f"{given.where}: routing_key must be the integration's key")
        self._key = key
        severity = given.take("severity", {})
        if isinstance(severity, str):
            severity = dict.fromkeys(SEVERITY, severity)
        if not isinstance(severity, dict) or not severity.keys() <= SEVERITY.keys():
            raise ConfigError(f"{given.where}: severity must be one of {', '.join(SEVERITIES)}, or one by {_states()}")
        for one in severity.values():
            if one not in SEVERITIES:
                raise ConfigError(f"{given.where}: severity must be one of {', '.join(SEVERITIES)}, not {one!r:.40}")
        self._severity = {**SEVERITY, **severity}
        self._places = given.places

    def body(self, event: Event) -> bytes:
        """Return the event of an incident. Raises ``FormError``."""
        alert = event.data
        name, series, state = (str(alert.get(key, "")) for key in ("name", "series", "state"))
        if not name or (state != "ok" and state not in self._severity):
            raise FormError("it is no alert")
        told: dict[str, Any] = {
            "routing_key": self._key,
            "event_action": "resolve" if state == "ok" else "trigger",
            "dedup_key": dedup_key(name, series),
        }
        if state != "ok":
            minions = self._places().of(series)
            told["payload"] = {
                "summary": words_of(event, self._places())[:MAX_SUMMARY_CHARS],
                "source": (", ".join(minions) or series or name)[:MAX_KEY_CHARS],
                "severity": self._severity[state],
                "timestamp": alert.get("_stamp"),
                "component": series[:MAX_KEY_CHARS],
                "group": name[:MAX_KEY_CHARS],
                "class": state,
                "custom_details": masked({key: one for key, one in alert.items() if not str(key).startswith("_")}),
            }
        return bounded(json.dumps(json.loads(json_text(told))).encode("ascii"))


def dedup_key(name: str, series: str) -> str:
    """Return the name of an incident: the same for as long as the alert and its series are."""
    key = f"saltern/{name}/{series}"
    if len(key) <= MAX_KEY_CHARS and key.isascii():
        return key
    return f"saltern/{sha256(key.encode(errors='surrogatepass')).hexdigest()}"


def _states() -> str:
    return ", ".join(SEVERITY)
