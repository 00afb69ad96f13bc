"""A plugin's form on its way: empty, half filled in, sent. Its code runs apart, and its errors are its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.http import QueryDict
from django.template.loader import render_to_string

from saltern_web.plugins.forms import CompoundForm, with_row, without_row
from saltern_web.plugins.forms_file import said_of
from saltern_web.plugins.limited import limited
from saltern_web.plugins.names import FORMS, PluginFault
from saltern_web.plugins.plugin import Plugin

Make = Callable[[type[CompoundForm]], CompoundForm]


class Filling(NamedTuple):
    """A form's HTML; *fault*: what its code did wrong; *parameters*: when it was judged, and found right."""

    html: str = ""
    fault: str = ""
    parameters: dict[str, Any] | None = None


async def filling(plugin: Plugin, make: Make, *, judged: bool = False) -> Filling:
    """Return the form of *plugin* as *make* makes it. A plugin without one has no HTML, and no parameters to give."""
    kind = plugin.form
    if kind is None:
        return Filling(parameters={} if judged else None)

    def work() -> Filling:
        form = make(kind)
        if judged and form.is_valid():
            return Filling(parameters=form.cleaned)
        return Filling(render_to_string("plugins/form.html", {"members": form.members, "errors": form.errors}))

    try:
        return await limited(work, FORMS, plugin.path)
    except PluginFault as error:
        return Filling(fault=str(error))
    except Exception as error:
        return Filling(fault=f"{FORMS}: {said_of(error, plugin.code_path)}")


def begun_with(parameters: Mapping[str, Any] | None = None) -> Make:
    """Make an empty form, or one that begins with *parameters*."""
    return lambda kind: kind(initial=parameters)


def sent(data: QueryDict) -> Make:
    """Make a form of what was sent, to be judged."""
    return lambda kind: kind(data)


def unfinished(data: QueryDict) -> Make:
    """Make a form of what was sent, which isn't to be judged yet."""

    def make(kind: type[CompoundForm]) -> CompoundForm:
        form = kind(data)
        form.unjudged()
        return form

    return make


def changed(data: QueryDict, word: str, rest: str) -> Make:
    """Make a form of what was sent with a row more (``add``, ``services``) or less (``remove``, ``services:2``)."""
    member, _, row = rest.partition(":")

    def make(kind: type[CompoundForm]) -> CompoundForm:
        sub = kind.sub_forms.get(member)
        more: Any = data
        if sub is not None and sub.is_formset:
            if word == "add":
                more = with_row(data, member)
            elif row.isdecimal() and len(row) < 6:
                more = without_row(data, member, int(row))
        return unfinished(more)(kind)

    return make
