"""Folders, URLs and the secret key."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from connmon.core.env import SettingError
from connmon.runtime import paths


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder named by CONNMON_DATA, and none of the user's own settings."""
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SECRET_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "data"
    monkeypatch.setenv("CONNMON_DATA", str(folder))
    return folder


def test_sockets_stand_inside_a_data_folder_with_a_short_path() -> None:
    assert paths.socket_folder(Path("/srv/connmon")) == Path("/srv/connmon/run")


@pytest.mark.parametrize(
    "data", [Path("/srv") / ("deep/" * 30), Path("/srv/my games"), Path("/srv/ü"), Path("/srv/a,b")]
)
def test_sockets_of_a_long_or_unusual_path_stand_in_tmp(data: Path) -> None:
    found = paths.socket_folder(data)
    assert found.parent == Path("/tmp")
    assert len(str(paths.postgres_socket_folder(data) / ".s.PGSQL.5432")) < paths.LONGEST_SOCKET_PATH


def test_two_data_folders_never_share_their_sockets() -> None:
    assert paths.socket_folder(Path("/srv/my games")) != paths.socket_folder(Path("/srv/my gamez"))


def test_without_urls_everything_is_embedded(data: Path) -> None:
    query = parse_qs(urlsplit(paths.database_url()).query)
    assert query["host"] == [str(paths.postgres_socket_folder(data))]
    assert paths.redis_url() == f"unix://{paths.valkey_socket(data)}?db=0"
    assert paths.celery_broker_url() == f"redis+socket://{paths.valkey_socket(data)}?virtual_host=0"


def test_urls_of_the_users_own_win(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@db/mine")
    monkeypatch.setenv("REDIS_URL", "rediss://cache:6380/3")
    assert paths.database_url() == "postgresql://me@db/mine"
    assert paths.redis_url() == paths.celery_broker_url() == "rediss://cache:6380/3"


def test_a_unix_socket_of_the_users_own_keeps_its_database_number(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "unix:///run/redis.sock?db=4")
    assert paths.celery_broker_url() == "redis+socket:///run/redis.sock?virtual_host=4"


def test_a_generated_key_is_kept_for_this_user_alone(data: Path) -> None:
    key = paths.secret_key()
    assert len(key) >= 50
    assert paths.secret_key() == key
    assert (data / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_key_from_the_environment_leaves_no_file(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "mine")
    assert paths.secret_key() == "mine"
    assert not data.exists()


def test_a_key_can_stand_in_a_file(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("from a file\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    assert paths.secret_key() == "from a file"


def test_processes_that_start_together_agree_on_one_key(data: Path) -> None:
    # Each waits for its standard input to close, so that all ask in the same moment.
    code = "import sys; from connmon.runtime import paths; sys.stdin.read(); print(paths.secret_key())"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=paths.REPOSITORY,
        )
        for _ in range(6)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.close()
        racer.stdin = None
    keys = {racer.communicate()[0].strip() for racer in racers}
    assert len(keys) == 1
    assert len(keys.pop()) >= 50


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("CONNMON_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(SettingError, match="CONNMON_DATA"):
        paths.secret_key()
