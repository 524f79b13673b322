"""How many reports of each game were ever refused."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("accounts", "0001_initial"),
        ("registry", "0006_running_states"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="RefusalTotal",
            fields=[
                (
                    "game",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.game",
                    ),
                ),
                ("total", models.BigIntegerField()),
            ],
        ),
    ]
