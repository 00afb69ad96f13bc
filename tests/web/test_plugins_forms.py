"""Forms of plugins: the ones that were written long ago, what they give as JSON, their rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_web.plugins.forms import CompoundForm, with_row, without_row
from saltern_web.plugins.forms_file import load_form
from saltern_web.plugins.names import PluginFault
from saltern_web.program.settings import WebOptions

pytestmark = pytest.mark.usefixtures("console_site")

OLD = """
from django import forms
from django.forms.formsets import formset_factory
{imported}
class _ActionForm(forms.Form):
    action = forms.ChoiceField(choices=[("start", "Start"), ("stop", "Stop"), ("restart", "Restart")])
class _ServiceForm(forms.Form):
    name = forms.CharField()
_ServiceFormSet = formset_factory(_ServiceForm, extra=1)
class PluginForm(CompoundForm):
    action = SubForm(_ActionForm)
    services = SubForm(_ServiceFormSet, title="Services")
"""
IMPORTS = (
    "",
    "from saltern_web.plugins.forms import CompoundForm, SubForm",
    "from plugins.forms import CompoundForm, SubForm",
    "from common.forms import CompoundForm\nfrom common.subforms import SubForm",
    "from forms import SubForm, CompoundForm",
    "from .forms import CompoundForm, SubForm",
    "from django.forms import CompoundForm, SubForm",
)


def form_of(source: str) -> type[CompoundForm]:
    return load_form(source.encode(), "/plugins/x/forms.py")


def sent(**fields: str) -> QueryDict:
    data = QueryDict(mutable=True)
    data.update({name.replace("__", "-"): value for name, value in fields.items()})
    return data


def rows(name: str, values: list[str], field: str = "name", **more: str) -> dict[str, str]:
    return {
        f"{name}__TOTAL_FORMS": str(len(values)),
        f"{name}__INITIAL_FORMS": "0",
        **{f"{name}__{at}__{field}": value for at, value in enumerate(values)},
        **more,
    }


@pytest.mark.parametrize("imported", IMPORTS)
def test_the_old_form_of_services_works_as_it_stands(imported: str) -> None:
    form = form_of(OLD.format(imported=imported))(
        sent(action__action="restart", **rows("services", ["nginx", "", "php"]))
    )
    assert [(member.name, member.title, member.is_formset) for member in form.members] == [
        ("action", "Action", False),
        ("services", "Services", True),
    ]
    assert form.is_valid()
    assert form.cleaned == {"action": {"action": "restart"}, "services": [{"name": "nginx"}, {"name": "php"}]}
    begun = form_of(OLD.format(imported=imported))(initial=form.cleaned)
    assert [row["name"].value() for row in begun["services"].forms] == ["nginx", "php", None]


def test_each_member_says_what_is_wrong_with_it() -> None:
    form = form_of(OLD.format(imported=""))(sent(action__action="fly", **rows("services", ["x" * 3])))
    assert not form.is_valid()
    assert "fly" in str(form["action"].errors)
    assert not form_of(OLD.format(imported=""))(sent(action__action="start")).is_valid()  # no rows were sent at all


def test_rows_that_are_missing_or_too_many_are_called_rows() -> None:
    bounds = "extra=0, min_num=2, validate_min=True, max_num=3, validate_max=True"
    form_class = form_of(OLD.format(imported="").replace("extra=1", bounds))
    for values, said in ((["a"], "Fill in 2 or more."), (["a", "b", "c", "d"], "Fill in 3 or fewer.")):
        form = form_class(sent(action__action="stop", **rows("services", values)))
        assert not form.is_valid()
        assert form["services"].non_form_errors() == [said]
    own = form_of(OLD.format(imported="").replace('title="Services"', 'error_messages={"too_few_forms": "Two!"}'))
    assert own(None)["services"].error_messages["too_few_forms"] == "Two!"


def test_formsets_of_ones_own_are_asked_as_a_whole() -> None:
    kind = form_of(
        "from django import forms\nfrom django.forms.formsets import BaseFormSet, formset_factory\n"
        "class Row(forms.Form):\n    name = forms.CharField()\n    at = forms.DateField(required=False)\n"
        "class Rows(BaseFormSet):\n    def clean(self):\n"
        "        if len(self.forms) > 2: raise forms.ValidationError('too many')\n"
        "class PluginForm(CompoundForm):\n"
        "    rows = SubForm(formset_factory(Row, formset=Rows, can_delete=True, can_order=True))\n"
        "    def clean(self):\n        if not self.cleaned['rows']: raise forms.ValidationError('none')\n"
    )
    more = {"rows__0__ORDER": "2", "rows__1__ORDER": "1", "rows__0__at": "2026-11-30"}
    form = kind(sent(**rows("rows", ["a", "b"], **more)))
    assert form.is_valid()
    assert form.cleaned == {"rows": [{"name": "b", "at": None}, {"name": "a", "at": "2026-11-30"}]}
    form = kind(sent(**rows("rows", ["a"], rows__0__DELETE="on")))
    assert not form.is_valid()
    assert form.errors == ["none"]
    form = kind(sent(**rows("rows", ["a", "b", "c"])))
    assert not form.is_valid()
    assert form["rows"].non_form_errors() == ["too many"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = (", r"forms.py: line 1: '\(' was never closed"),
        ("import os\nraise RuntimeError('a\\nb')", "forms.py: line 2: RuntimeError: a b"),
        ("from plugins.forms import Other", "line 1: ModuleNotFoundError: No module named 'plugins'"),
        ("x = 1", r"has no class PluginForm\(CompoundForm\)"),
        ("class PluginForm(CompoundForm):\n    pass", "PluginForm has no member"),
        ("class PluginForm(CompoundForm):\n    a = SubForm(int)", "line 2: TypeError: .* must be given a form's"),
        ("PluginForm = CompoundForm", "PluginForm has no member"),
    ],
)
def test_a_broken_file_says_where(source: str, said: str) -> None:
    with pytest.raises(PluginFault, match=said) as caught:
        form_of(source)
    assert "\n" not in str(caught.value)


def test_what_json_cant_express_or_is_too_much_is_refused() -> None:
    kind = form_of(
        "from django import forms\nclass F(forms.Form):\n    x = forms.CharField()\n"
        "    def clean_x(self):\n        x = self.cleaned_data['x']\n"
        "        return {'o': object(), 'n': float('nan'), 's': {2, 1}}.get(x, x)\n"
        "class PluginForm(CompoundForm):\n    f = SubForm(F)\n"
    )
    for value, said in {"o": "JSON can't express", "n": "JSON can't express", "y" * 70_000: "too much at once"}.items():
        form = kind(sent(f__x=value))
        assert not form.is_valid()
        assert said in form.errors[0]
    form = kind(sent(f__x="s"))
    assert form.is_valid()
    assert form.cleaned == {"f": {"x": [1, 2]}}


def test_what_isnt_done_yet_is_shown_without_a_word(console_site: WebOptions) -> None:
    form = form_of(OLD.format(imported=""))(with_row(sent(action__action="", **rows("services", [""])), "services"))
    form.unjudged()
    assert len(form["services"].forms) == 2
    assert not form["action"].errors
    assert "errorlist" not in "".join(str(one) for one in (form["action"], form["services"]))


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.text("abc", max_size=3), max_size=6), row=st.integers(-2, 8))
def test_a_row_goes_and_the_others_stay_in_order(values: list[str], row: int) -> None:
    data = without_row(sent(other__0__name="z", **rows("services", values)), "services", row)
    left = [value for at, value in enumerate(values) if at != row]
    assert data["services-TOTAL_FORMS"] == str(len(left))
    assert [data[f"services-{at}-name"] for at in range(len(left))] == left
    assert f"services-{len(left)}-name" not in data
    assert data["other-0-name"] == "z"


def test_members_are_inherited_and_may_be_named_as_anything_of_ours() -> None:
    source = (
        "from django import forms\nclass F(forms.Form):\n    x = forms.CharField()\n"
        "class Base(CompoundForm):\n    errors_ = SubForm(F)\n"
        "class PluginForm(Base):\n    more = SubForm(F, title='M')\n"
    )
    form: Any = form_of(source)(sent(errors___x="1", more__x="2"))
    assert [member.name for member in form.members] == ["errors_", "more"]
    with pytest.raises(KeyError):
        form["nothing"]
