"""Addresses and secrets of destinations are sealed; those that stand there are sealed here."""

from collections.abc import Callable

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from connmon.alerts.fields import SealedField
from connmon.core.sealing import seal, unseal


def rewrite(editor: BaseDatabaseSchemaEditor, change: Callable[[str], str]) -> None:
    """In SQL: a model would seal and unseal by itself."""
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT id, address, secret FROM alerts_destination")
        for pk, address, secret in cursor.fetchall():
            values = [change(address), change(secret), pk]
            cursor.execute("UPDATE alerts_destination SET address = %s, secret = %s WHERE id = %s", values)


def seal_all(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    rewrite(editor, seal)


def unseal_all(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    rewrite(editor, unseal)


class Migration(migrations.Migration):
    dependencies = [("alerts", "0001_initial")]

    operations = [
        migrations.AlterField("destination", "address", models.TextField()),
        migrations.AlterField("destination", "secret", models.TextField(default="")),
        migrations.RunPython(seal_all, unseal_all),
        migrations.AlterField("destination", "address", SealedField()),
        migrations.AlterField("destination", "secret", SealedField(default="")),
    ]
