"""What happened at the console, counted."""

from __future__ import annotations

from collections.abc import Mapping

from saltern.http import counters

HELP: Mapping[str, str] = {
    "requestsMisdirected": "Requests for a name that this server does not answer under.",
    "requestsForeign": "Changes that a page of a foreign origin asked for.",
    "requestsFailed": "Pages that failed by a fault of the console's own.",
    "bodiesRefused": "Bodies that were too large, too many, or did not come.",
    "connectionsRefused": "Connections beyond the most that are taken.",
    "connectionsIdle": "Connections that were closed as no request came.",
    "streamsRefused": "Streams of events beyond the most that are taken.",
    "apiAway": "Pages that could not be shown as the API did not answer.",
}


class Counters(counters.Counters):
    """The console's."""

    def __init__(self) -> None:
        super().__init__("saltern_web", HELP)
