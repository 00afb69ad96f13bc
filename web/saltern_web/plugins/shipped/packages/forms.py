"""Read the lists anew, or install updates."""

from django import forms
from django.forms.formsets import formset_factory

from saltern_web.plugins.forms import CompoundForm, SubForm


class _ActionForm(forms.Form):
    action = forms.ChoiceField(
        choices=[("refresh", "Read the lists of packages anew"), ("update", "Install updates")],
        help_text="Updates are those that the lists know of: read them anew first.",
    )


class _PackageForm(forms.Form):
    name = forms.RegexField(r"^[A-Za-z0-9][A-Za-z0-9+._:-]*$", max_length=128)


_PackageFormSet = formset_factory(_PackageForm, extra=1, max_num=100)


class PluginForm(CompoundForm):
    """``{"action": {"action": "update"}, "packages": [{"name": "bash"}]}``"""

    action = SubForm(_ActionForm)
    packages = SubForm(_PackageFormSet, title="Packages to update; none: all")
