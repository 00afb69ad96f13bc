"""Where the pages of running are."""

from __future__ import annotations

from django.urls import path

from saltern_web.pages.run import confirm, form, schedules, templates
from saltern_web.session.page import page

RUN = (
    path("run", page(form.form)),
    path("run/who", page(form.who)),
    path("run/what", page(form.what)),
    path("run/confirm", page(confirm.confirm)),
    path("run/start", page(confirm.start)),
    path("run/templates", page(templates.templates)),
    path("run/schedules", page(schedules.schedules)),
    path("run/schedules/add", page(schedules.add)),
    path("run/schedules/delete", page(schedules.delete)),
)
