"""The Django application of what is kept."""

from __future__ import annotations

from django.apps import AppConfig


class Kept(AppConfig):
    """The tables."""

    name = "saltern_web.kept"
    label = "kept"
