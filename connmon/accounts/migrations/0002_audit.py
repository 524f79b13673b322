"""The audit trail, which the database itself keeps from being changed."""

import django.core.serializers.json
from django.db import migrations, models

# For each statement, not each row: an UPDATE that would hit nothing is refused too, and TRUNCATE has no rows.
# It binds the application. The table's owner can still drop the trigger: docs/audit.md says what to do about that.
GUARD = """
    CREATE FUNCTION accounts_keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'The audit trail is append-only: % is refused.', TG_OP
            USING ERRCODE = 'insufficient_privilege', HINT = 'Add an entry that corrects the other one.';
    END $$;
    CREATE TRIGGER accounts_keep_audit BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_auditentry
        FOR EACH STATEMENT EXECUTE FUNCTION accounts_keep_audit();
"""
END_GUARD = "DROP TRIGGER accounts_keep_audit ON accounts_auditentry; DROP FUNCTION accounts_keep_audit()"
KINDS = [
    ("user", "Person"),
    ("key", "Key"),
    ("command", "Command line"),
    ("job", "Automatic"),
    ("unknown", "Not named"),
]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("game_id", models.BigIntegerField(null=True)),
                ("game_name", models.CharField(max_length=80)),
                ("at", models.DateTimeField()),
                ("actor_kind", models.CharField(choices=KINDS, max_length=10)),
                ("actor_id", models.CharField(max_length=64)),
                ("actor", models.CharField(max_length=254)),
                ("action", models.CharField(max_length=60)),
                ("target", models.CharField(max_length=200)),
                ("before", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, null=True)),
                ("after", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, null=True)),
                ("reason", models.CharField(max_length=500)),
            ],
            options={"indexes": [models.Index(fields=["game_id", "id"], name="audit_by_game")]},
        ),
        migrations.RunSQL(GUARD, END_GUARD),
    ]
