"""Which processes make connmon, in which stages."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from connmon.core import queues
from connmon.runtime import paths
from connmon.runtime.postgres import Postgres
from connmon.runtime.spec import ProcessSpec, StopOrder
from connmon.runtime.valkey import Valkey
from connmon.runtime.web import BACKLOG, Site

# Two tasks at once keep a slow sweep from holding up the short ones. Processes (prefork), not threads: only they
# can be stopped at a task's time limit, and a task that computes does not slow its neighbour.
WORKER_CONCURRENCY = 2
# An uploaded source takes minutes, a look at a large game half a minute: an emergency waits for neither. This worker
# takes nothing else, in its own process (solo); if it hangs, the other one takes its tasks too.
URGENT = ("--pool", "solo", "--queues", queues.URGENT, "--hostname", "urgent@%h")
WEB_GRACE = 10  # seconds uvicorn gives to requests under way
KEEP_ALIVE = 75  # seconds: agents report every ten, and should find their connection open
WEB_SOCKET_BYTES = 262_144  # the largest WebSocket message
# Celery prints a page about it at each start; the README says how to run as another user.
QUIET_ROOT = "ignore:You're running the worker with superuser privileges"

# Advice for stores of many gigabytes (ours holds a few megabytes), and the echo of our own stop.
VALKEY_HIDDEN = ("Memory overcommit must be enabled", "signal-handler")


@dataclass(frozen=True, slots=True)
class Options:
    """What `manage.py up` was asked for."""

    data: Path
    web_processes: int
    with_demo: bool
    embedded_database: bool
    embedded_broker: bool


def make_stages(options: Options, site: Site) -> list[list[ProcessSpec]]:
    """The servers, or waiting for external ones; then the migrations; then everything that uses both."""
    environment = {
        "CONNMON_DATA": str(options.data),
        "CONNMON_STATIC_ROOT": os.environ.get("CONNMON_STATIC_ROOT") or str(options.data / "static"),
        "PYTHONUNBUFFERED": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(paths.metrics_folder(options.data)),
    }
    migrate = ProcessSpec("migrate", manage("migrate", "--noinput"), environment=environment, is_step=True)
    collect = ProcessSpec(
        "static", manage("collectstatic", "--noinput", "--clear", "-v0"), environment=environment, is_step=True
    )
    users = [*web(options, site, environment), *work(options, site, environment)]
    stages = [servers(options), [migrate, collect], users]
    if not (options.embedded_database and options.embedded_broker):
        wait = ProcessSpec("external", python("-m", "connmon.runtime.external"), environment=environment, is_step=True)
        stages.insert(1, [wait])
    return stages


def servers(options: Options) -> list[ProcessSpec]:
    """The embedded servers that no URL replaces."""
    found = []
    if options.embedded_database:
        database = Postgres(options.data)
        # A last checkpoint writes up to shared_buffers, which slow disks need time for.
        found.append(ProcessSpec("postgres", server=database, stop_order=StopOrder.DATABASE, stop_patience=60))
    if options.embedded_broker:
        found.append(
            ProcessSpec(
                "valkey",
                server=Valkey(options.data),
                stop_order=StopOrder.BROKER,
                stop_patience=10,
                hidden_lines=VALKEY_HIDDEN,
            )
        )
    return found


def web(options: Options, site: Site, environment: dict[str, str]) -> list[ProcessSpec]:
    """The uvicorn processes. All accept from the one socket that the supervisor keeps open across their restarts."""
    descriptor = site.listener.fileno()
    command = python("-m", "uvicorn", "connmon.asgi:application", "--fd", str(descriptor), "--backlog", str(BACKLOG))
    command += (
        "--loop",
        "uvloop",
        "--http",
        "connmon.runtime.patience:PatientHttpProtocol",
        "--ws",
        "websockets-sansio",
    )
    command += ("--ws-max-size", str(WEB_SOCKET_BYTES), "--timeout-graceful-shutdown", str(WEB_GRACE))
    command += ("--timeout-keep-alive", str(KEEP_ALIVE))
    command += ("--no-access-log", "--no-proxy-headers", "--no-server-header", "--log-level", "warning")
    several = options.web_processes > 1
    return [
        ProcessSpec(
            f"web-{number}" if several else "web",
            command,
            environment=environment,
            pass_fds=(descriptor,),
            before_start=site.listen,
            stop_order=StopOrder.WEB,
            stop_patience=WEB_GRACE + 5,
        )
        for number in range(1, options.web_processes + 1)
    ]


def work(options: Options, site: Site, environment: dict[str, str]) -> list[ProcessSpec]:
    """Celery's worker and beat, and the demo game."""
    celery = python("-W", QUIET_ROOT, "-m", "celery", "--quiet", "--app", "connmon.celery")
    pool = ("--pool", "prefork", "--concurrency", str(WORKER_CONCURRENCY))
    alone = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")
    schedule = ("--schedule", str(options.data / "beat-schedule"), "--pidfile", "")
    beat = (*celery, "beat", *schedule, "--loglevel", "WARNING")
    found = [
        ProcessSpec("worker", (*celery, "worker", *pool, *alone), environment=environment, stop_patience=20),
        ProcessSpec("urgent", (*celery, "worker", *URGENT, *alone), environment=environment, stop_patience=20),
        ProcessSpec("beat", beat, environment=environment, stop_patience=5),
    ]
    if options.with_demo:
        demo = manage("demo", "--url", site.url)
        found.append(
            ProcessSpec(
                "demo",
                demo,
                environment=environment,
                stop_order=StopOrder.SENDERS,
                stop_patience=5,
                may_finish=True,
            )
        )
    return found


def python(*arguments: str) -> tuple[str, ...]:
    """A command line of the Python that runs us, and so of the same virtual environment."""
    return (sys.executable, *arguments)


def manage(*arguments: str) -> tuple[str, ...]:
    """A command of manage.py."""
    return python(str(paths.REPOSITORY / "manage.py"), *arguments)
