"""The database's address for connections beside Django's, which ingest keeps for itself."""

from django.db import connection
from psycopg.conninfo import make_conninfo


def conninfo() -> str:
    """libpq's words for the database that Django uses now; in tests that is the test database."""
    parameters = connection.get_connection_params()
    wanted = ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "options")
    return make_conninfo("", **{name: parameters[name] for name in wanted if name in parameters})
