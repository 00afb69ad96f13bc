"""Which files, and what they should be."""

from django import forms
from django.forms.formsets import formset_factory

from saltern_web.plugins.forms import CompoundForm, SubForm


class _FileForm(forms.Form):
    path = forms.RegexField(r"^/", max_length=1000, error_messages={"invalid": "Name a file by its whole path."})
    sha256 = forms.RegexField(
        r"^[0-9A-Fa-f]{64}$", required=False, label="SHA-256, if it should have one", max_length=64
    )


_FileFormSet = formset_factory(_FileForm, extra=0, min_num=1, validate_min=True, max_num=100)


class PluginForm(CompoundForm):
    """``{"files": [{"path": "/etc/hosts", "sha256": ""}]}``"""

    files = SubForm(_FileFormSet, title="Files")

    def clean(self) -> None:
        """Each file once."""
        paths = [row["path"] for row in self.cleaned["files"]]
        if len(paths) != len(set(paths)):
            raise forms.ValidationError("Name each file once.")
