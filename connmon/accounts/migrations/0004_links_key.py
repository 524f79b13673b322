"""What a game's links are signed with."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_invitations"),
    ]

    operations = [
        migrations.AddField(
            model_name="game",
            name="links_key",
            field=models.CharField(db_default="", max_length=40),
        ),
    ]
