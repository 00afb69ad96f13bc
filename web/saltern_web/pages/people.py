"""Users and roles: who may log in by the file of passwords, who is in which role, and what that comes to.

What a role grants stands in the master's configuration; who has it, there too, and what is given here beside that.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern.errors import SalternError
from saltern_web.api.client import Api
from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.session.console import Asked
from saltern_web.session.once import shown_once

MAX_NAME = 256


class Person(NamedTuple):
    """A user of the file of passwords, and the roles that name him."""

    name: str
    principal: str
    roles: list[str]


async def people(request: Asked) -> HttpResponse:
    """``/people``: users, roles, and whether someone may do something."""
    return await _page(request)


async def _page(request: Asked, said: str = "") -> HttpResponse:
    """Show all of it; *said*: why what was sent was not done, which stays in its fields."""
    roles = await request.api.runner("auth.roles")
    users, no_users = await _users(request.api, roles)
    asked = {name: request.GET.get(name, "")[:MAX_NAME] for name in ("user", "function", "target")}
    around = {"roles": roles, "users": users, "no_users": no_users, "asked": asked, "said": said}
    around |= {"typed": {name: request.POST.get(name, "")[:MAX_NAME] for name in ("user", "role", "member")}}
    if asked["user"] and asked["function"]:
        around["answer"], around["wrong"] = await _explained(request.api, asked)
    return render(request, "people/people.html", around, status=400 if said else 200)


async def password(request: Asked) -> HttpResponse:
    """``/people/password``: someone gets a password, shown this once; asked once more before, unless he is ``new``."""
    name = (request.POST if request.method == "POST" else request.GET).get("user", "").strip()[:MAX_NAME]
    if not name:
        return HttpResponseRedirect("/people")
    if request.method != "POST":
        return render(request, "people/password.html", {"name": name})
    try:
        if request.POST.get("new") and name in await request.api.runner("auth.passwd_list"):
            raise Refused(f"{name} is there already: another password is given beside that name")
        made = await request.api.runner("auth.passwd", name)
    except Refused as error:
        return await _page(request, str(error))
    around = {"name": name, "secret": made, "what": "password", "back": "/people"}
    return shown_once(render(request, "people/secret.html", around))


async def remove(request: Asked) -> HttpResponse:
    """``/people/remove``: someone logs in no more; asked once more before."""
    name = request.POST.get("user", request.GET.get("user", ""))[:MAX_NAME]
    if not name:
        return HttpResponseRedirect("/people")
    if request.method != "POST":
        return render(request, "people/remove.html", {"name": name})
    await request.api.runner("auth.passwd_delete", name)
    return HttpResponseRedirect("/people")


async def role(request: Asked) -> HttpResponse:
    """``/people/role``, by POST: someone gets a role, or loses it (``take``)."""
    name, member = (request.POST.get(field, "").strip()[:MAX_NAME] for field in ("role", "member"))
    if request.method == "POST" and name and member:
        fun = "auth.role_remove" if request.POST.get("take") else "auth.role_add"
        try:
            await request.api.runner(fun, name, member)
        except Refused as error:
            return await _page(request, str(error))
        request.console.who.forget(request.api)
    return HttpResponseRedirect("/people")


async def log_out(request: Asked) -> HttpResponse:
    """``/people/logout``, by POST: all logins and tokens of someone end."""
    principal = request.POST.get("principal", "")[:MAX_NAME]
    if request.method == "POST" and principal:
        await request.api.runner("auth.logout", principal)
    return HttpResponseRedirect("/people")


async def _users(api: Api, roles: list[dict[str, Any]]) -> tuple[list[Person], str]:
    """Return who is in the file of passwords, and why that isn't known."""
    try:
        names = await api.runner("auth.passwd_list")
    except (Refused, NotAllowed) as error:
        return [], str(error)
    found = []
    for name in names:
        principal = f"file:{name}"
        found.append(Person(name, principal, [one["role"] for one in roles if principal in one["members"]]))
    return found, ""


async def _explained(api: Api, asked: dict[str, str]) -> tuple[dict[str, Any] | None, str]:
    try:
        told: dict[str, Any] = await api.runner(
            "auth.explain", asked["user"], asked["function"], asked["target"] or "*", tgt_type="compound"
        )
    except SalternError as error:
        return None, str(error)
    return told, ""
