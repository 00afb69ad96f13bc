"""Whom to keep out, or let in again."""

from django import forms
from django.forms.formsets import formset_factory

from saltern_web.plugins.forms import CompoundForm, SubForm


class _ActionForm(forms.Form):
    action = forms.ChoiceField(
        choices=[("lock", "Lock the password"), ("unlock", "Unlock the password")],
        help_text="Keys of ssh, and sessions that are open, stay as they are.",
        widget=forms.RadioSelect,
    )


class _UserForm(forms.Form):
    name = forms.RegexField(r"^[A-Za-z_][A-Za-z0-9_.-]*\$?$", max_length=64)


_UserFormSet = formset_factory(_UserForm, extra=0, min_num=1, validate_min=True, max_num=100)


class PluginForm(CompoundForm):
    """``{"action": {"action": "lock"}, "users": [{"name": "fred"}]}``"""

    action = SubForm(_ActionForm)
    users = SubForm(_UserFormSet, title="Users")
