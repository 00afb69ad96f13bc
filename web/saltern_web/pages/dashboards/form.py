"""The form of a dashboard: its name, its panels, its variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from saltern_web.charts.panel import (
    COLUMNS,
    KINDS,
    MAX_HELP,
    MAX_TARGET,
    MAX_TARGETS,
    MAX_TITLE,
    MAX_UNIT,
    ROW,
    Panel,
    read_panel,
)
from saltern_web.kept.models import MAX_NAME
from saltern_web.pages.dashboards.board import MAX_PANELS, MAX_TEXT, MAX_VARIABLES, VARIABLES, Variable, read_variable

WIDTHS = ((4, "a sixth"), (6, "a quarter"), (8, "a third"), (12, "half"), (16, "two thirds"), (24, "whole"))


class NameForm(forms.Form):
    """What the dashboard as a whole is."""

    name = forms.CharField(max_length=MAX_NAME)
    shared = forms.BooleanField(required=False, label="Shared: everybody who logs in may read it")
    range = forms.RegexField(r"^-\d{1,6}(s|min|h|d|w)$", label="Range at first", help_text="As -15min, -1h, -7d.")


class PanelForm(forms.Form):
    """One panel."""

    title = forms.CharField(max_length=MAX_TITLE, required=False)
    kind = forms.ChoiceField(choices=[(kind, kind) for kind in (*KINDS, ROW)], initial=KINDS[0], label="Shown as")
    targets = forms.CharField(
        max_length=MAX_TARGET * MAX_TARGETS, required=False, widget=forms.Textarea, help_text="One in each line."
    )
    unit = forms.CharField(max_length=MAX_UNIT, required=False)
    width = forms.TypedChoiceField(choices=WIDTHS, coerce=int, initial=8)
    stacked = forms.BooleanField(required=False)
    min = forms.FloatField(required=False, label="Lower end")
    max = forms.FloatField(required=False, label="Upper end")
    help = forms.CharField(max_length=MAX_HELP, required=False)
    steps = forms.CharField(required=False, widget=forms.Textarea, help_text="Colours from a value on, as 80=orange.")
    words = forms.CharField(required=False, widget=forms.Textarea, help_text="Words for values, as 0=fails.")

    def clean(self) -> dict[str, Any]:
        """Check the whole, and make the panel of it."""
        cleaned = super().clean() or {}
        if not self.errors and not cleaned.get("DELETE"):
            try:
                self.panel = read_panel(_given(cleaned))
            except ValueError as error:
                raise forms.ValidationError(str(error)) from None
        return cleaned


class VariableForm(forms.Form):
    """One variable."""

    name = forms.CharField(max_length=50)
    kind = forms.ChoiceField(choices=[(kind, kind) for kind in VARIABLES], initial=VARIABLES[0])
    label = forms.CharField(max_length=MAX_TITLE, required=False)
    query = forms.CharField(
        max_length=MAX_TEXT,
        required=False,
        help_text="Names of nodes, as saltern.*; or choices, with commas; or a text.",
    )
    regex = forms.CharField(max_length=MAX_TEXT, required=False, help_text="Which of the names, as /^web/.")
    multi = forms.BooleanField(required=False, label="Several at once")
    all = forms.CharField(max_length=MAX_TEXT, required=False, label="All are", help_text="As *; empty: not offered.")
    value = forms.CharField(max_length=MAX_TEXT, required=False, label="At first")

    def clean(self) -> dict[str, Any]:
        """Check the whole, and make the variable of it."""
        cleaned = super().clean() or {}
        if not self.errors and not cleaned.get("DELETE"):
            try:
                self.variable = read_variable(cleaned)
            except ValueError as error:
                raise forms.ValidationError(str(error)) from None
        return cleaned


PanelForms = forms.formset_factory(
    PanelForm, extra=1, can_order=True, can_delete=True, max_num=MAX_PANELS, absolute_max=MAX_PANELS + 1
)
VariableForms = forms.formset_factory(
    VariableForm, extra=1, can_delete=True, max_num=MAX_VARIABLES, absolute_max=MAX_VARIABLES + 1
)


def panel_fields(panel: Panel) -> dict[str, Any]:
    """Return what the form of *panel* begins with."""
    widths = [width for width, _ in WIDTHS]
    return {
        "title": panel.title,
        "kind": panel.kind,
        "targets": "\n".join(panel.targets),
        "unit": panel.unit,
        "width": max((width for width in widths if width <= panel.width), default=widths[0]),
        "stacked": panel.stacked,
        "min": panel.min,
        "max": panel.max,
        "help": panel.help,
        "steps": "\n".join(f"{_short(step['value'])}={step['color']}" for step in panel.steps),
        "words": "\n".join(f"{value}={word}" for value, word in panel.words.items()),
    }


def panels_in(forms_: Iterable[Any]) -> list[Panel]:
    """Return the panels of forms that are good, in their order."""
    return [form.panel for form in forms_ if hasattr(form, "panel")]


def variables_in(forms_: Iterable[Any]) -> list[Variable]:
    """Return the variables of forms that are good."""
    return [form.variable for form in forms_ if hasattr(form, "variable") and not form.cleaned_data.get("DELETE")]


def _given(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    steps = [{"value": _value(value), "color": colour} for value, colour in _pairs(cleaned.get("steps", ""))]
    words = dict(_pairs(cleaned.get("words", "")))
    width = COLUMNS if cleaned["kind"] == ROW else cleaned["width"]
    return {**cleaned, "targets": cleaned["targets"].splitlines(), "steps": steps, "words": words, "width": width}


def _pairs(text: str) -> list[tuple[str, str]]:
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        value, equals, word = line.partition("=")
        if not equals:
            raise ValueError(f"{line[:60]!r} must be a value, =, and what stands for it")
        found.append((value.strip(), word.strip()))
    return found


def _value(text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text[:60]!r} is no number") from None


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
