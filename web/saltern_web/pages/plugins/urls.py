"""Where the pages of plugins are."""

from __future__ import annotations

from django.urls import path

from saltern_web.pages.plugins import job, listing, one, settings
from saltern_web.session.page import page

PLUGINS = [
    path("plugins", page(listing.listing)),
    path("plugins/<str:name>", page(one.plugin)),
    path("plugins/<str:name>/settings", page(settings.settings)),
    path("plugins/<str:name>/jobs/<str:jid>", page(job.job)),
]
