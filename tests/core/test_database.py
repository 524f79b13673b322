"""The address that ingest connects to is the one of Django's own connection."""

import psycopg
import pytest
from django.conf import settings

from connmon.core.database import conninfo


@pytest.mark.django_db(transaction=True)
def test_the_address_leads_to_the_database_that_django_uses() -> None:
    with psycopg.connect(conninfo()) as connection:
        row = connection.execute("SELECT current_database()").fetchone()
    assert row == (settings.DATABASES["default"]["NAME"],)


@pytest.mark.django_db(transaction=True)
def test_the_address_names_nothing_but_the_connection() -> None:
    assert psycopg.conninfo.conninfo_to_dict(conninfo()).keys() <= {"dbname", "user", "password", "host", "port"}
