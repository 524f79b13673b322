"""A server's page lists its newest orders."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cleanup", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["server_id", "-created_at"], name="orders_of_a_server"),
        ),
    ]
