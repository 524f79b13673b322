"""The settings of an installation as docs/operations.md makes it: Django's own check of deployments finds nothing."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client, override_settings

from tests.security.tally import WHOLE

PRODUCTION: Final = {
    "CONNMON_HTTPS": "1",
    "CONNMON_HOSTS": "connmon.example.com",
    "CONNMON_PROXIES": "10.0.0.1",
    "SECRET_KEY": "kF3-only-for-this-check-9vQ2xTz7bLw5mNc8pRs4aYd6hGj1eU0iOqWz",
    "DATABASE_URL": "postgresql://connmon@127.0.0.1:1/connmon",  # not asked
    "REDIS_URL": "redis://127.0.0.1:1/0",
}
UNCLEAN: Final = [
    ({"CONNMON_HTTPS": "0"}, "security.W012"),
    ({"CONNMON_DEBUG": "1"}, "security.W018"),
    ({"CONNMON_HSTS": "0"}, "security.W004"),
]
YEAR: Final = 365 * 24 * 3600


def check_deployment(folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **changes)


def run(folder: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = kept | PRODUCTION | {"CONNMON_DATA": str(folder)} | changes
    return subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=False)


def test_production_settings_are_clean(tmp_path: Path) -> None:
    done = check_deployment(tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("change", "warning"), UNCLEAN if WHOLE else UNCLEAN[:1])
def test_what_is_not_clean_is_said(tmp_path: Path, change: dict[str, str], warning: str) -> None:
    done = check_deployment(tmp_path, **change)
    assert done.returncode != 0
    assert warning in done.stderr


@override_settings(SECURE_HSTS_SECONDS=YEAR, SECURE_SSL_REDIRECT=True)
def test_browsers_are_told_to_come_by_https(db: None) -> None:
    assert Client().get("/login/", secure=True)["Strict-Transport-Security"] == f"max-age={YEAR}"
    plain = Client().get("/login/")
    assert (plain.status_code, plain["Location"]) == (301, "https://testserver/login/")


def test_the_cache_holds_no_code() -> None:
    with pytest.raises(TypeError):
        cache.set("object", object())


@pytest.mark.parametrize(
    ("https", "session", "token"), [("1", "__Host-sessionid", "__Host-csrftoken"), ("0", "sessionid", "csrftoken")]
)
def test_over_https_no_other_host_of_the_domain_can_plant_cookies(
    tmp_path: Path, https: str, session: str, token: str
) -> None:
    code = "from connmon import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.CSRF_COOKIE_HTTPONLY)"
    done = run(tmp_path, "-c", code, CONNMON_HTTPS=https)
    assert done.stdout.split() == [session, token, "True"]
