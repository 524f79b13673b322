import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("leaks", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Departure",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "server_id", "owner", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("server_id", models.BigIntegerField()),
                ("owner", models.TextField()),
                ("at", models.DateTimeField()),
                ("left_behind", models.BooleanField()),
            ],
        ),
        migrations.AddField(
            model_name="origin",
            name="seen_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
            preserve_default=False,
        ),
    ]
