"""Which page is where."""

from __future__ import annotations

from django.urls import path

from saltern_web.pages import (
    audit,
    devices,
    events,
    explorer,
    front,
    keys,
    machines,
    modules,
    people,
    preferences,
    search,
    tokens,
)
from saltern_web.pages.alerts.urls import ALERTS
from saltern_web.pages.dashboards.urls import DASHBOARDS
from saltern_web.pages.host import page as host
from saltern_web.pages.hosts import chosen, numbers, saved
from saltern_web.pages.hosts import listing as hosts
from saltern_web.pages.jobs.urls import JOBS
from saltern_web.pages.plugins.urls import PLUGINS
from saltern_web.pages.run.urls import RUN
from saltern_web.session import about, live, login, metrics
from saltern_web.session.page import page, public

urlpatterns = [
    path("login", public(login.login)),
    path("logout", public(login.logout)),
    path("live", page(live.live)),
    path("metrics/<path:what>", page(metrics.metrics)),
    path("metrics", public(about.metrics)),
    path("health", public(about.health)),
    path("", page(front.front)),
    path("front/parts", page(front.parts)),
    path("front/grid", page(front.grid)),
    path("search", page(search.search)),
    path("preferences", page(preferences.preferences)),
    path("people", page(people.people)),
    path("people/password", page(people.password)),
    path("people/remove", page(people.remove)),
    path("people/logout", page(people.log_out)),
    path("people/role", page(people.role)),
    path("tokens", page(tokens.tokens)),
    path("tokens/new", page(tokens.create)),
    path("tokens/revoke", page(tokens.revoke)),
    path("audit", page(audit.audit)),
    path("events", page(events.listing)),
    *ALERTS,
    path("keys", page(keys.keys)),
    path("keys/confirm", page(keys.confirm)),
    path("keys/act", page(keys.act)),
    path("machines/add", page(machines.add)),
    path("modules", page(modules.modules)),
    path("modules/sync", page(modules.sync)),
    *JOBS,
    *RUN,
    path("hosts", page(hosts.hosts)),
    path("hosts/-/numbers", page(numbers.numbers)),
    path("hosts/-/chosen", page(chosen.chosen)),
    path("hosts/-/group", page(chosen.group)),
    path("hosts/-/views", page(saved.views)),
    path("hosts/<str:minion>", page(host.host)),
    path("hosts/<str:minion>/<str:name>", page(host.host_tab)),
    path("devices", page(devices.devices)),
    path("explorer", page(explorer.explorer)),
    path("explorer/save", page(explorer.save)),
    *DASHBOARDS,
    *PLUGINS,
]

handler400 = "saltern_web.session.refused.bad_request"
handler404 = "saltern_web.session.refused.no_page"
handler500 = "saltern_web.session.refused.fault"
