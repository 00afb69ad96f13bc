"""``/run``: who is meant, what is to run, with which arguments. Nothing runs from here; ``confirm`` shows it first."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render

from saltern_web.api.errors import Refused
from saltern_web.fleet import Fleet
from saltern_web.kept.models import Template
from saltern_web.pages.jobs.job import Job, ask_job
from saltern_web.pages.run.call import Call, read_call
from saltern_web.pages.run.known import MASTER, About, about, functions
from saltern_web.pages.run.signature import LEAST_ROWS, Typed, arguments_of, filled, typed_in
from saltern_web.pages.run.target import HINTS, KINDS, Meant, Target, meant_by, target_of
from saltern_web.pages.run.templates import template_of
from saltern_web.pages.run.words import MASK, is_secret, split_given
from saltern_web.session.console import Asked

MAX_FUN = 200
MAX_WAIT_S = 86400.0
_FUN = re.compile(r"[\w.-]+\.[\w.-]+")
_BATCH = re.compile(r"[1-9][0-9]{0,5}|(?:100|[1-9]?[0-9])%")


@dataclass
class Draft:
    """What is filled in so far."""

    target: Target = field(default_factory=Target)
    fun: str = ""
    typed: Typed = field(default_factory=Typed)
    batch: str = ""
    wait: str = ""
    meant: Meant = field(default_factory=Meant)
    about: About = field(default_factory=About)
    note: str = ""
    given: tuple[list[Any], dict[str, Any]] | None = None
    """Arguments of a template or a past job, until the signature is known that they are filled in by."""

    @property
    def on_master(self) -> bool:
        """Whether it runs on the master."""
        return self.fun.startswith(MASTER)

    @property
    def fields(self) -> list[tuple[Any, str]]:
        """Each parameter with what is typed for it; secrets aren't shown again."""
        return [
            (one, "" if one.kind == "secret" else self.typed.words.get(one.name, ""))
            for one in self.about.signature.parameters
        ]

    @property
    def rows(self) -> list[str]:
        """Further positional arguments, and rows to type more."""
        return [*self.typed.rows, *[""] * LEAST_ROWS]

    @property
    def named(self) -> list[tuple[str, str]]:
        """Further named arguments, and rows to type more."""
        shown = [(name, "" if is_secret(name) else value) for name, value in self.typed.named]
        return [*shown, *[("", "")] * LEAST_ROWS]


async def form(request: Asked) -> HttpResponse:
    """``/run``: the form; a POST fills it in, as the table of hosts does, and changes nothing."""
    said, draft = "", Draft()
    try:
        draft = await draft_of(request)
    except Refused as error:
        said = str(error)
    return await show_form(request, draft, said)


async def who(request: Asked) -> HttpResponse:
    """``/run/who``: whom the target means, as a part of the page."""
    target = target_of(request.POST or request.GET)
    fleet = await request.console.fleet.get(request.api)
    meant = await meant_by(request.api, fleet, target)
    names, said = await functions(request.console, request.api, meant.asked)
    around = {"draft": Draft(target, meant=meant), "functions": names, "no_functions": said, "part": True}
    return render(request, "run/who.html", around)


async def what(request: Asked) -> HttpResponse:
    """``/run/what``: a function's documentation and fields, as a part of the page."""
    given = request.POST or request.GET
    fleet = await request.console.fleet.get(request.api)
    fun = given.get("fun", "").strip()[:MAX_FUN]
    meant = Meant() if fun.startswith(MASTER) else await meant_by(request.api, fleet, target_of(given))
    draft = Draft(target_of(given), fun, typed_in(given), meant=meant)
    draft.about = await about(request.console, request.api, fun, meant.asked)
    return render(request, "run/what.html", {"draft": draft})


async def draft_of(request: Asked) -> Draft:
    """Return what a form, a link, a template or a past job fills in. Raises ``Refused``."""
    given = request.POST if request.method == "POST" else request.GET
    if given.get("template"):
        return await _looked_up(request, _of_template(await template_of(request, given["template"])))
    if given.get("repeat"):
        return await _looked_up(request, _of_job(await ask_job(request.api, given["repeat"])))
    if given.get("edit"):
        return await _looked_up(request, _of_call(read_call(given["edit"], request.who.principal)))
    draft = Draft(target_of(given), given.get("fun", "").strip()[:MAX_FUN], typed_in(given))
    draft.batch, draft.wait = given.get("batch", "").strip()[:10], given.get("wait", "").strip()[:10]
    return await _looked_up(request, draft)


async def _looked_up(request: Asked, draft: Draft) -> Draft:
    fleet = await request.console.fleet.get(request.api)
    draft.meant = await meant_by(request.api, fleet, draft.target)
    draft.about = await about(request.console, request.api, draft.fun, draft.meant.asked)
    if draft.given is not None:
        draft.typed = filled(draft.about.signature, *draft.given)
    return draft


def _of_template(template: Template) -> Draft:
    content = template.content if isinstance(template.content, dict) else {}
    tgt, kind = content.get("tgt", ""), str(content.get("tgt_type", "glob"))
    draft = Draft(Target(", ".join(tgt) if isinstance(tgt, list) else str(tgt), kind if kind in KINDS else "glob"))
    draft.fun, draft.batch = str(content.get("fun", "")), str(content.get("batch", ""))
    draft.given = (list(content.get("arg") or ()), dict(content.get("kwarg") or {}))
    return draft


def _of_call(call: Call) -> Draft:
    draft = Draft(Target(call.tgt, call.tgt_type), call.fun, batch=call.batch)
    draft.wait = "" if call.wait_s is None else f"{call.wait_s:g}"
    draft.given = (call.arg, call.kwarg)
    return draft


def _of_job(job: Job) -> Draft:
    if job.error:
        raise Refused(job.error)
    kind = job.tgt_type if job.tgt_type in KINDS else "list"
    text = ", ".join(map(str, job.tgt)) if isinstance(job.tgt, list) else str(job.tgt)
    target = Target() if job.on_master else Target(text, kind)
    draft = Draft(target, job.fun)
    arg, kwarg = split_given(job.given)
    if job.given == MASK:
        draft.note = "What this job was given is another's, and isn't shown to you: fill it in."
    draft.given = ([one for one in arg if one != MASK], {name: one for name, one in kwarg.items() if one != MASK})
    return draft


def call_of(request: Asked, draft: Draft) -> Call:
    """Return the call that *draft* comes to. Raises ``Refused`` for what is missing or can't be."""
    if not _FUN.fullmatch(draft.fun):
        raise Refused("a function has a name such as test.ping" if draft.fun else "choose a function")
    if not draft.on_master and not draft.target.text:
        raise Refused("choose the hosts")
    if not draft.on_master and not draft.meant.minions:
        raise Refused(draft.meant.problem or "no host is meant by this target")
    if draft.batch and not _BATCH.fullmatch(draft.batch):
        raise Refused(f"batch is a number of hosts or a share of them, as 10 or 25%, not {draft.batch}")
    arg, kwarg = arguments_of(draft.about.signature, draft.typed)
    minions = () if draft.on_master else draft.meant.minions
    batch = "" if draft.on_master else draft.batch
    return Call(
        request.who.principal,
        draft.fun,
        minions,
        arg,
        kwarg,
        draft.target.text,
        draft.target.kind,
        batch,
        _wait(draft.wait) if batch else None,
    )


def _wait(text: str) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= MAX_WAIT_S:
        raise Refused(f"the time to wait is a number of seconds up to {MAX_WAIT_S:.0f}, not {text}")
    return seconds


async def show_form(request: Asked, draft: Draft, said: str = "") -> HttpResponse:
    """Return the page with *draft* filled in, and what was wrong with it in one line."""
    fleet: Fleet = await request.console.fleet.get(request.api)
    names, no_names = await functions(request.console, request.api, draft.meant.asked)
    around = {
        "draft": draft,
        "kinds": [(kind, name, HINTS[kind]) for kind, name in KINDS.items()],
        "groups": sorted(fleet.groups)[:100],
        "functions": names,
        "no_functions": no_names,
        "said": said,
        "many": draft.target.kind == "list",
        "little": not (request.who.may("test.ping") or request.who.may("cmd.run")),
    }
    return render(request, "run/form.html", around, status=400 if said else 200)


def link_of(target: Target, fun: str = "") -> str:
    """Return the link to the form with this filled in."""
    query = QueryDict(mutable=True)
    query.update({"tgt": target.text, "tgt_type": target.kind, **({"fun": fun} if fun else {})})
    return f"/run?{query.urlencode()}"
