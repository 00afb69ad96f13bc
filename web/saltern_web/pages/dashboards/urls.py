"""Which page of dashboards is where."""

from __future__ import annotations

from django.urls import path

from saltern_web.pages.dashboards import listing
from saltern_web.pages.dashboards.edit import edit
from saltern_web.pages.dashboards.view import view
from saltern_web.session.page import page

DASHBOARDS = (
    path("dashboards", page(listing.dashboards)),
    path("dashboards/new", page(listing.create)),
    path("dashboards/import", page(listing.imported)),
    path("dashboards/<int:number>", page(view)),
    path("dashboards/<int:number>/edit", page(edit)),
    path("dashboards/<int:number>/copy", page(listing.copy)),
    path("dashboards/<int:number>/share", page(listing.share)),
    path("dashboards/<int:number>/delete", page(listing.delete)),
    path("dashboards/<int:number>/export", page(listing.export)),
)
