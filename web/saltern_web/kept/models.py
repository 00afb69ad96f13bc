"""The tables. Whose something is, is said by the principal of his login: ``file:anna``.

What is ``shared`` everybody who is logged in may read; its owner changes it. None of it is a right.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

MAX_PRINCIPAL, MAX_NAME = 255, 120
MAX_BYTES = 1024 * 1024
"""Of one thing that is kept, as JSON."""
MAX_EACH = 500
"""Of one kind, for one owner."""


class Owned(models.Model):
    """Something with a name that someone keeps."""

    id: int
    owner: models.CharField[str, str] = models.CharField(max_length=MAX_PRINCIPAL)
    name: models.CharField[str, str] = models.CharField(max_length=MAX_NAME)
    shared: models.BooleanField[bool, bool] = models.BooleanField(default=False)
    changed: models.DateTimeField[Any, Any] = models.DateTimeField(auto_now=True)

    class Meta:
        """A name once for an owner."""

        abstract = True
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "name"], name="%(class)s_name_of_owner")]


class View(Owned):
    """A filter of the table of hosts, or another page's: its ``query`` behind the question mark."""

    page: models.CharField[str, str] = models.CharField(max_length=MAX_NAME)
    query: models.TextField[str, str] = models.TextField()


class Dashboard(Owned):
    """Panels: ``{"panels": [{"title", "targets": [...], …}], "variables": […]}``."""

    content: models.JSONField[Any, Any] = models.JSONField(default=dict)


class Template(Owned):
    """A call to be made again: ``{"tgt", "tgt_type", "fun", "arg", "kwarg"}``."""

    content: models.JSONField[Any, Any] = models.JSONField(default=dict)


class Preference(models.Model):
    """What someone wants: ``{"theme", "zone", …}``."""

    principal: models.CharField[str, str] = models.CharField(max_length=MAX_PRINCIPAL, primary_key=True)
    content: models.JSONField[Any, Any] = models.JSONField(default=dict)


class PluginSetting(models.Model):
    """How a plugin is configured here, beyond its own ``meta.yaml``."""

    plugin: models.CharField[str, str] = models.CharField(max_length=MAX_NAME, primary_key=True)
    content: models.JSONField[Any, Any] = models.JSONField(default=dict)
