"""What to do, and with which services."""

from django import forms
from django.forms.formsets import formset_factory

from saltern_web.plugins.forms import CompoundForm, SubForm


class _ActionForm(forms.Form):
    action = forms.ChoiceField(choices=[("start", "Start"), ("stop", "Stop"), ("restart", "Restart")])


class _ServiceForm(forms.Form):
    name = forms.CharField(max_length=200)


_ServiceFormSet = formset_factory(_ServiceForm, extra=1, max_num=100)


class PluginForm(CompoundForm):
    """``{"action": {"action": "restart"}, "services": [{"name": "nginx"}]}``"""

    action = SubForm(_ActionForm)
    services = SubForm(_ServiceFormSet, title="Services")

    def clean(self) -> None:
        """Without a service there is nothing to do."""
        if not self.cleaned["services"]:
            raise forms.ValidationError("Name at least one service.")
