"""Which log, and what of it."""

from django import forms

from saltern_web.plugins.forms import CompoundForm, SubForm


class _LogForm(forms.Form):
    path = forms.RegexField(
        r"^/", required=False, max_length=1000, help_text="Below /var/log; nothing: that of the configuration."
    )
    unit = forms.CharField(required=False, max_length=200, help_text="Or a unit of systemd, as nginx.service.")
    lines = forms.IntegerField(required=False, min_value=1, max_value=1000)
    since = forms.CharField(required=False, max_length=40, help_text="As 10m, 2h, today, 2026-11-29.")
    match = forms.CharField(required=False, max_length=200, label="Holding", help_text="* stands for anything.")
    warn_if_found = forms.BooleanField(required=False, label="Lines that are found are a warning")

    def clean(self) -> dict[str, object]:
        """A file or a unit."""
        cleaned: dict[str, object] = super().clean() or {}
        if cleaned.get("path") and cleaned.get("unit"):
            raise forms.ValidationError("Name a file or a unit, not both.")
        return cleaned


class PluginForm(CompoundForm):
    """``{"log": {"path": "/var/log/syslog", "lines": 50, …}}``"""

    log = SubForm(_LogForm, title="Log")
