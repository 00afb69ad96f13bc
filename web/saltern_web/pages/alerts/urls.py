"""Where the pages about alerts are."""

from __future__ import annotations

from django.urls import path

from saltern_web.pages.alerts import acknowledging, history, listing, rules, silencing
from saltern_web.session.page import page

ALERTS = (
    path("alerts", page(listing.listing)),
    path("alerts/acknowledge", page(acknowledging.acknowledge)),
    path("alerts/unacknowledge", page(acknowledging.unacknowledge)),
    path("alerts/silence", page(silencing.silence)),
    path("alerts/silences", page(silencing.silences)),
    path("alerts/history", page(history.history)),
    path("alerts/rules", page(rules.rules)),
    path("alerts/rules/new", page(rules.new)),
    path("alerts/rules/try", page(rules.attempt)),
    path("alerts/rules/<str:name>", page(rules.rule)),
    path("alerts/rules/<str:name>/delete", page(rules.delete)),
    path("alerts/<str:name>", page(listing.one)),
)
