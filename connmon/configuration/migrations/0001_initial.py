import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0002_audit'),
    ]

    operations = [
        migrations.CreateModel(
            name='Revision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.IntegerField()),
                ('settings', models.JSONField()),
                ('services', models.JSONField()),
                ('changes', models.JSONField()),
                ('rolled_back_to', models.IntegerField(null=True)),
                ('author_kind', models.CharField(max_length=10)),
                ('author', models.CharField(max_length=254)),
                ('reason', models.CharField(max_length=500)),
                ('created_at', models.DateTimeField()),
                ('game', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='revisions', to='accounts.game')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('game', 'number'), name='one_revision_per_number')],
            },
        ),
    ]
