"""Templates: calls that are kept to be made again. Whom one means is looked up anew, shown, and confirmed each time."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.kept.models import MAX_BYTES, MAX_EACH, MAX_NAME, Template
from saltern_web.pages.run.call import Call, read_call
from saltern_web.pages.run.words import is_secret, line_of
from saltern_web.session.console import Asked

PAGE = "/run/templates"


async def templates(request: Asked) -> HttpResponse:
    """``/run/templates``: one's own, and those that others share; a POST keeps, shares or deletes one."""
    if request.method == "POST":
        return await _change(request)
    return await _listing(request)


async def _listing(request: Asked, said: str = "") -> HttpResponse:
    principal = request.who.principal
    found = Template.objects.filter(Q(owner=principal) | Q(shared=True)).order_by("name", "owner")[: 4 * MAX_EACH]
    rows = [_row(one, own=one.owner == principal) async for one in found]
    return render(request, "run/templates.html", {"rows": rows, "said": said}, status=400 if said else 200)


def _row(one: Template, *, own: bool) -> dict[str, Any]:
    content = one.content if isinstance(one.content, dict) else {}
    tgt = content.get("tgt", "")
    return {
        "one": one,
        "own": own,
        "fun": content.get("fun", ""),
        "line": line_of(list(content.get("arg") or ()), dict(content.get("kwarg") or {})),
        "target": ", ".join(tgt) if isinstance(tgt, list) else tgt,
        "kind": content.get("tgt_type", ""),
    }


async def template_of(request: Asked, number: str) -> Template:
    """Return the template *number* that may be read. Raises ``Http404``."""
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise Http404
    mine = Q(owner=request.who.principal) | Q(shared=True)
    found = await Template.objects.filter(mine, id=int(number)).afirst()
    if found is None:
        raise Http404("this template isn't there any more, or is no longer shared")
    return found


async def _change(request: Asked) -> HttpResponse:
    act = request.POST.get("act", "")
    try:
        if act == "save":
            call = read_call(request.POST.get("call", ""), request.who.principal)
            await save(
                request.who.principal, request.POST.get("name", ""), call, shared=bool(request.POST.get("shared"))
            )
        elif act in ("share", "delete"):
            found = await template_of(request, request.POST.get("id", ""))
            if found.owner != request.who.principal:
                raise NotAllowed(f"this template is {found.owner}'s: keep one of your own")
            if act == "delete":
                await found.adelete()
            else:
                found.shared = not found.shared
                await found.asave()
        else:
            raise Refused("nothing is to be done")
    except Refused as error:
        return await _listing(request, str(error))
    return HttpResponseRedirect(PAGE)


async def save(owner: str, name: str, call: Call, *, shared: bool) -> None:
    """Keep *call* by *name*; one that has the name is replaced. Raises ``Refused``."""
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Refused(f"a template needs a name of up to {MAX_NAME} characters")
    kwarg = {key: value for key, value in call.kwarg.items() if not is_secret(key)}
    content = {"tgt": call.tgt, "tgt_type": call.tgt_type, "fun": call.fun, "arg": call.arg, "kwarg": kwarg}
    content["batch"] = call.batch
    if len(json.dumps(content)) > MAX_BYTES:
        raise Refused("this is too large to be kept")
    own = Template.objects.filter(owner=owner)
    if await own.acount() >= MAX_EACH and not await own.filter(name=name).aexists():
        raise Refused(f"you keep {MAX_EACH} templates already: delete some")
    await Template.objects.aupdate_or_create(owner=owner, name=name, defaults={"content": content, "shared": shared})
