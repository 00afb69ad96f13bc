"""``/jobs/<jid>/stop``: end a job on exactly those hosts that work on it now."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern_web.pages.jobs.job import check_jid
from saltern_web.pages.jobs.results import ask_running
from saltern_web.pages.run.call import Call
from saltern_web.session.console import Asked

WAYS = (
    ("saltutil.term_job", "Stop it", "The process is asked to end (SIGTERM), and may clean up."),
    ("saltutil.kill_job", "Kill it", "The process is ended at once (SIGKILL); what it was doing stays half done."),
)


async def stop(request: Asked, jid: str) -> HttpResponse:
    """Show who works on the job now, and the two ways to end it there."""
    running = await ask_running(request.api, check_jid(jid))
    if running is not None and not running:
        return HttpResponseRedirect(f"/jobs/{jid}")
    minions = tuple(sorted(running or ()))
    calls = [
        (Call(request.who.principal, fun, minions, [jid], back=f"/jobs/{jid}"), name, hint) for fun, name, hint in WAYS
    ]
    around = {"jid": jid, "minions": minions, "known": running is not None}
    around["ways"] = [(call.fun, call.signed(), name, hint) for call, name, hint in calls]
    return render(request, "jobs/stop.html", around)
