"""Real PostgreSQL and Valkey for every test that asks for a database; started once per run."""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, cast

import django
import pytest
from hypothesis import settings as hypothesis_settings
from psycopg.conninfo import make_conninfo

from connmon.runtime import embedded

if TYPE_CHECKING:  # at run time only once Django is set up, see pytest_configure
    from django.core.management.color import Style
    from pytest_django.plugin import DjangoDbBlocker

    from connmon.accounts.models import Game, Role, User
    from connmon.core.ids import NewKey
    from tests.machine import Machine, Site

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEPT_TABLES: Final = {"django_content_type", "auth_permission"}  # filled by migrating; no test writes there
EDGE_NAME: Final = "tests-edge"  # application_name of the database connections that the site's edge keeps

# The same examples in each run; how long one takes depends on who else uses the machine.
hypothesis_settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
hypothesis_settings.load_profile("repeatable")

_started = ExitStack()

# Behind nohup, and in the background of a script, these are ignored, and so would be by every server that a test stops.
for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)


def is_controller(config: pytest.Config) -> bool:
    """Whether tests run in other processes (pytest-xdist), which have servers of their own."""
    return bool(getattr(config.option, "numprocesses", None)) and not hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Starts the servers, then sets Django up: were the settings named in pyproject, they would be read before this."""
    if is_controller(config):
        return
    folder = Path(_started.enter_context(TemporaryDirectory(prefix="connmon-test-")))
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "connmon.settings",
        "CONNMON_DATA": str(folder),
        "SECRET_KEY": "only-for-tests-" + "x" * 50,
    }
    if not config.option.collectonly:
        servers = _started.enter_context(embedded.running(folder / "data", durable=False, say=lambda line: None))
        os.environ |= {
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "CELERY_BROKER_URL": servers.celery_broker_url,
        }
    django.setup()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Both servers end cleanly."""
    _started.close()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> Iterator[None]:
    """The test database, emptied after a test by DELETE: 3 ms against 100 for TRUNCATE and the signal that follows.

    TRUNCATE makes new files for 25 tables; the signal would write anew what Django itself keeps in two of them.
    """
    from django.db.backends.postgresql.operations import DatabaseOperations

    def sql_flush(self: DatabaseOperations, style: "Style", tables: list[str], **options: bool) -> list[str]:
        names = [self.quote_name(table) for table in tables if table not in KEPT_TABLES]
        unchecked = "SET session_replication_role = replica"  # rows that refer to each other, in any order
        return [unchecked, *(f"DELETE FROM {name}" for name in names), "RESET session_replication_role"]

    with django_db_blocker.unblock():
        make_history_partitions()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        patch.setattr("django.core.management.commands.flush.emit_post_migrate_signal", lambda *_: None)
        yield
        with django_db_blocker.unblock():
            end_other_sessions()


@pytest.fixture(scope="session")
def site(django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> Iterator["Site"]:
    """The real site under a real uvicorn. Whoever uses it asks for `transactional_db` too, as `make_server` does."""
    from connmon.core import database
    from tests.machine import serving

    thresholds = gc.get_threshold()
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        conninfo = make_conninfo(database.conninfo(), application_name=EDGE_NAME)
        patch.setattr("api.edges.conninfo", lambda: conninfo)
        patch.setattr("connmon.registry.refusals.FLUSH_SECONDS", 0.02)
        patch.setattr("connmon.registry.pulse.EVERY", 3_600)  # rows that a test has not made
        # Not before the test database is there: its address is read on import.
        from connmon.asgi import application

        with serving(application) as site:
            gc.set_threshold(*thresholds)
            gc.unfreeze()
            yield site


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def owner(db: None) -> "User":
    """The admin of `game`."""
    return _make_user("owner@example.com")


@pytest.fixture
def stranger(db: None) -> "User":
    """A user who is in no game."""
    return _make_user("stranger@example.com")


@pytest.fixture
def game(owner: "User") -> "Game":
    from connmon.accounts.actions import create_game

    return create_game(name="Dungeon", owner=owner, now=NOW)


@pytest.fixture
def other_game(db: None) -> "Game":
    """A game that nobody of `game` is in."""
    from connmon.accounts.actions import create_game

    return create_game(name="Raceway", owner=_make_user("rival@example.com"), now=NOW)


@pytest.fixture
def make_member(game: "Game") -> "Callable[[Role], User]":
    """A member of `game` in a role."""
    from connmon.accounts.actions import add_member

    def make(role: "Role") -> "User":
        user = _make_user(f"{role.value}@example.com")
        add_member(game, user=user, role=role, now=NOW)
        return user

    return make


@pytest.fixture
def make_key(game: "Game") -> "Callable[..., NewKey]":
    """A key of `game` (or of `of`) with the scopes, by default `report`."""
    from connmon.accounts.actions import issue_key

    names = iter(range(1_000))

    def make(*scopes: str, of: "Game | None" = None, expires_at: datetime | None = None) -> "NewKey":
        wanted = scopes or ("report",)
        return issue_key(of or game, name=f"Key {next(names)}", scopes=wanted, expires_at=expires_at, now=NOW)

    return make


@pytest.fixture
def key(make_key: "Callable[..., NewKey]") -> "NewKey":
    """A report key of `game`."""
    return make_key()


@pytest.fixture
def make_server(transactional_db: None, site: "Site", game: "Game", key: "NewKey") -> "Callable[..., Machine]":
    """A game server of `game` that reports over HTTP; `game=` and `key=` make it another game's."""
    from tests.machine import Machine

    def make(name: str = "server-1", **other: Any) -> "Machine":
        owner_game = cast("Game", other.pop("game", game))
        return Machine(site, other.pop("key", key), owner_game.pk, name, **other)

    return make


@pytest.fixture
def server(make_server: "Callable[..., Machine]") -> "Machine":
    """One game server of `game` that has not reported yet."""
    return make_server()


def end_other_sessions() -> None:
    """Of the test database: threads of a test that was stopped keep theirs, and it could not be dropped."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def make_history_partitions() -> None:
    """For samples around NOW and around the real time; flushing leaves them be."""
    from connmon.telemetry.partitions import ensure_partitions
    from connmon.telemetry.resolutions import TICK

    for moment in (NOW, datetime.now(UTC)):
        ensure_partitions(TICK, moment - timedelta(hours=2), ahead=5)


def _make_user(email: str) -> "User":
    from connmon.accounts.models import User

    # No password: hashing one takes longer than most tests.
    return User.objects.create_user(email)
