"""Where the pages of jobs are."""

from __future__ import annotations

from django.urls import path

from saltern_web.pages.jobs import listing, stop, view
from saltern_web.session.page import page

JOBS = (
    path("jobs", page(listing.jobs)),
    path("jobs/active", page(listing.active)),
    path("jobs/<str:jid>", page(view.job)),
    path("jobs/<str:jid>/part", page(view.part)),
    path("jobs/<str:jid>/differs", page(view.differs)),
    path("jobs/<str:jid>/download", page(view.download)),
    path("jobs/<str:jid>/stop", page(stop.stop)),
)
