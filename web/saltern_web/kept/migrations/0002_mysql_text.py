"""Tables of MySQL and MariaDB take any text, and tell ``file:Anna`` from ``file:anna``, whatever is usual there."""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def _convert(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "mysql":
        for model in apps.get_app_config("kept").get_models():
            table = editor.quote_name(model._meta.db_table)
            editor.execute(f"ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")


class Migration(migrations.Migration):
    atomic = False  # MySQL changes no table within a transaction
    dependencies = [("kept", "0001_tables")]

    operations = [migrations.RunPython(_convert, migrations.RunPython.noop)]
