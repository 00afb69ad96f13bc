"""Django, configured from our options alone, and its tables made."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import django
from django.conf import settings as django_settings
from django.db import Error as DatabaseError

from saltern.errors import ChannelError, ConfigError, os_errors
from saltern.files import make_folder, write_atomic
from saltern_web.program.database import database_settings
from saltern_web.program.settings import WebOptions, is_secure

PACKAGE = Path(__file__).parent.parent
KEY_FILE = "secret_key"
KEY_BYTES = 32
QUIET = ("django.request", "django.security", "httpx")
"""Logs of what strangers ask for; faults of our own are logged where pages are answered."""
MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_FIELDS = 20_000
"""Of a form: a confirmation names each minion that was shown."""


def configure(options: WebOptions) -> None:
    """Set Django up, once in a process. Raises ``ConfigError``."""
    state_dir = options["state_dir"]
    with os_errors(ConfigError, state_dir, "can't be used as state_dir"):
        make_folder(state_dir, 0o750)
        key = _own_key(os.path.join(state_dir, KEY_FILE))
    django_settings.configure(**_settings(options, key, secure=is_secure(options)))
    django.setup(set_prefix=False)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def migrate() -> None:
    """Make or bring up to date the tables. Raises ``ChannelError`` when the database can't be used."""
    from django.core.management import call_command

    try:
        call_command("migrate", verbosity=0, interactive=False)
    except (DatabaseError, OSError) as error:
        said = " ".join(str(error).split())
        raise ChannelError(f"the console's database can't be used: {said[:300]}") from None


def _settings(options: WebOptions, key: str, *, secure: bool) -> Mapping[str, Any]:
    return {
        "DEBUG": False,
        "SECRET_KEY": key,
        "ALLOWED_HOSTS": ["*"],  # saltern.http.hosts has admitted the name before
        "INSTALLED_APPS": ["saltern_web.kept"],
        "DATABASES": {"default": database_settings(options["database"], options["state_dir"])},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "ROOT_URLCONF": "saltern_web.urls",
        "MIDDLEWARE": [
            "django.middleware.csrf.CsrfViewMiddleware",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [PACKAGE / "templates"],
                "OPTIONS": {
                    "libraries": {"saltern": "saltern_web.templatetags.saltern"},
                    "builtins": ["saltern_web.templatetags.saltern"],
                    "context_processors": [
                        "django.template.context_processors.csrf",
                        "django.template.context_processors.request",
                        "saltern_web.session.around.around",
                    ],
                },
            }
        ],
        "FORM_RENDERER": "django.forms.renderers.DjangoTemplates",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": False,
        "APPEND_SLASH": False,
        "CSRF_COOKIE_NAME": "__Host-saltern-csrf" if secure else "saltern-csrf",
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SECURE": secure,
        "CSRF_COOKIE_SAMESITE": "Lax",
        "CSRF_FAILURE_VIEW": "saltern_web.session.refused.stale_form",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": MAX_BODY_BYTES,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": MAX_FIELDS,
        "LOGGING_CONFIG": None,  # saltern.log
        "SALTERN": options,
    }


def _own_key(path: str) -> str:
    """Return the key that is kept at *path*, making it. Raises ``OSError``."""
    try:
        with open(path, encoding="ascii") as stream:
            key = stream.read().strip()
        if len(key) == 2 * KEY_BYTES:
            return key
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    key = os.urandom(KEY_BYTES).hex()
    write_atomic(path, key.encode(), 0o600)
    return key
