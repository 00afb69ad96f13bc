"""What happened, counted: the numbers of ``/stats`` and ``/metrics``."""

from __future__ import annotations

from collections.abc import Mapping

from saltern.http import counters

HELP: Mapping[str, str] = {
    "requests": "Requests that were answered.",
    "requestsFailed": "Requests that were answered with a status of 500 or more.",
    "requestsMisdirected": "Requests for a name that this server does not answer under.",
    "requestsForeign": "Changes that a page of a foreign origin asked for.",
    "requestsUnauthorised": "Requests that were answered with 401.",
    "requestsBusy": "Requests that were answered with 429.",
    "requestsBarred": "Requests from an address that may not ask.",
    "requestsGone": "Requests whose client left before its answer was complete.",
    "connectionsRefused": "Connections beyond the most that are taken.",
    "connectionsIdle": "Connections that were closed as no request came.",
    "accessLogDropped": "Lines that the access log's disk did not take in time.",
    "events": "Events that the master sent.",
    "eventsLost": "Events that listeners were too slow for.",
    "streamsRefused": "Streams of events beyond the most that are taken.",
}


class Counters(counters.Counters):
    """The API's."""

    def __init__(self) -> None:
        super().__init__("saltern_api", HELP)
