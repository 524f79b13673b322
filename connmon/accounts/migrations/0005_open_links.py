"""Links and badges that are open, so that one can be ended alone. Those made before open nothing any more."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_links_key"),
    ]

    operations = [
        migrations.CreateModel(
            name="OpenLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=40, unique=True)),
                ("shown", models.CharField(max_length=10)),
                ("subject_id", models.BigIntegerField()),
                ("name", models.CharField(max_length=128)),
                ("made_at", models.DateTimeField()),
                ("made_by", models.CharField(max_length=254)),
                ("until", models.DateTimeField(null=True)),
                (
                    "game",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="links", to="accounts.game"
                    ),
                ),
            ],
        ),
    ]
