"""Where the data lives, and the addresses and the secret key that follow from it.

Read by settings.py before Django is up, so it imports nothing but the environment readers.
"""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from connmon.core import env

REPOSITORY = Path(__file__).resolve().parents[2]

POSTGRES_PORT = 5432  # only names the socket file: nothing listens on TCP
POSTGRES_NAME = "connmon"  # the role and the database
# sockaddr_un holds 108 bytes on Linux and 104 on macOS; some room is left for a suffix.
LONGEST_SOCKET_PATH = 100
# A path of these letters means the same in a URL, in postgresql.conf and on a command line.
PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+")
# Not TMPDIR: a second shell, cron or a service manager would look for the sockets in another place.
SHARED_TEMPORARY = Path("/tmp")  # noqa: S108 - the folders below it are checked and private

REDIS_SCHEMES = {"redis", "rediss", "unix"}

SECRET_KEY_BYTES = 50  # 67 characters; Django asks for 50 or more


def data_folder() -> Path:
    """The one folder that holds everything: CONNMON_DATA, or `.data` beside manage.py. Absolute; may not exist yet."""
    return Path(env.text("CONNMON_DATA") or REPOSITORY / ".data").expanduser().resolve()


def socket_folder(data: Path) -> Path:
    """Where the unix sockets stand: in the data folder, or in /tmp when its path is too long or unusual."""
    inside = data / "run"
    longest = os.fsencode(inside / "postgres" / f".s.PGSQL.{POSTGRES_PORT}")
    if len(longest) <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(str(inside)):
        return inside
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return SHARED_TEMPORARY / f"connmon-{name}"


def postgres_socket_folder(data: Path) -> Path:
    """The folder of PostgreSQL's socket, of its own because its owner differs when root runs connmon."""
    return socket_folder(data) / "postgres"


def valkey_socket(data: Path) -> Path:
    """Valkey's socket file."""
    return socket_folder(data) / "valkey" / "valkey.sock"


def metrics_folder(data: Path) -> Path:
    """Where the processes of this run count for /metrics."""
    return data / "metrics"


def embedded_database_url(data: Path, database: str = POSTGRES_NAME) -> str:
    """The libpq URL of the embedded PostgreSQL of a data folder."""
    folder = quote(str(postgres_socket_folder(data)))
    return f"postgresql://{POSTGRES_NAME}@/{database}?host={folder}&port={POSTGRES_PORT}"


def embedded_redis_url(data: Path) -> str:
    """The redis-py URL of the embedded Valkey of a data folder."""
    return f"unix://{valkey_socket(data)}?db=0"


def embedded_broker_url(data: Path) -> str:
    """Celery's URL of the embedded Valkey of a data folder."""
    return broker_url(embedded_redis_url(data))


def has_external_database() -> bool:
    """Whether DATABASE_URL names a server of the user's own."""
    return bool(env.text("DATABASE_URL"))


def has_external_redis() -> bool:
    """Whether REDIS_URL names a server of the user's own."""
    return bool(env.text("REDIS_URL"))


def database_url() -> str:
    """DATABASE_URL, or the embedded server's."""
    return env.text("DATABASE_URL") or embedded_database_url(data_folder())


def redis_url() -> str:
    """REDIS_URL, or the embedded server's."""
    return env.text("REDIS_URL") or embedded_redis_url(data_folder())


def channel_urls() -> list[str]:
    """The servers that carry live updates: CONNMON_CHANNEL_URLS, or the one of `redis_url()`. Raises SettingError."""
    urls = env.words("CONNMON_CHANNEL_URLS", [redis_url()])
    for url in urls:
        if urlsplit(url).scheme not in REDIS_SCHEMES:
            raise env.SettingError("CONNMON_CHANNEL_URLS takes addresses redis://host:port/0, separated by commas.")
    return urls


def celery_broker_url() -> str:
    """The same server as `redis_url()`, as Celery wants it."""
    return broker_url(redis_url())


def broker_url(url: str) -> str:
    """A redis-py URL in Celery's spelling, which is another one for a unix socket: `redis+socket`."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    number = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={number}"


def secret_key() -> str:
    """SECRET_KEY, SECRET_KEY_FILE, or a key generated once into `<data>/secret_key` (mode 0600).

    Raises SettingError when the key can neither be read nor written.
    """
    given = env.text("SECRET_KEY")
    if given:
        return given
    path = data_folder() / "secret_key"
    try:
        make_data_folder(path.parent)
        return read_or_make_key(path)
    except OSError as error:
        raise env.SettingError(
            f"The secret key cannot be kept in {path}: {error.strerror}. Make the folder writable, "
            "name another with CONNMON_DATA, or set SECRET_KEY."
        ) from error


def make_data_folder(data: Path) -> None:
    """Create the data folder for this user alone; one that exists keeps its mode."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)


def make_metrics_folder(data: Path) -> None:
    """An empty one: counters begin anew with each run, as Prometheus expects."""
    folder = metrics_folder(data)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def read_or_make_key(path: Path) -> str:
    """The key in the file; the first of several processes writes it while the others wait for its lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        key = file.read().strip()
        if not key:
            key = secrets.token_urlsafe(SECRET_KEY_BYTES)
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
    return key
