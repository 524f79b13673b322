"""`manage.py up`: start everything on this machine, keep it running, stop it cleanly."""

import asyncio
import os
import subprocess
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from connmon.core import env
from connmon.core.logs import Form
from connmon.core.redaction import Redactor
from connmon.runtime import locks, paths, plan, processes, web
from connmon.runtime.console import Console
from connmon.runtime.errors import StartError
from connmon.runtime.supervisor import RECORDS, Supervisor

LINK_PATIENCE = 60.0  # seconds for `manage.py setuplink`


class Command(BaseCommand):
    help = "Start connmon: the embedded servers, the web site, the workers. Ctrl-C stops them all."
    # Both would need the database, which this command is about to start.
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=env.text("CONNMON_HOST", "127.0.0.1"), help="address to listen on")
        parser.add_argument("--port", type=int, default=env.integer("CONNMON_PORT", 8000, maximum=65535))
        parser.add_argument("--web-processes", type=int, default=env.integer("CONNMON_WEB_PROCESSES", 1, minimum=1))
        parser.add_argument("--no-demo", action="store_true", help="do not run the Demo game")

    def handle(self, *args: Any, **options: Any) -> None:
        wishes = plan.Options(
            data=paths.data_folder(),
            web_processes=max(1, options["web_processes"]),
            with_demo=not options["no_demo"],
            embedded_database=not paths.has_external_database(),
            embedded_broker=not paths.has_external_redis(),
        )
        try:
            code = run(wishes, options["host"], options["port"])
        except StartError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            return  # before anything was started
        if code:
            raise SystemExit(code)


def run(wishes: plan.Options, host: str, port: int) -> int:
    """Hold the data folder and the address, and supervise until the end is asked for; the exit code."""
    console = Console(form=settings.LOG_FORM, redact=Redactor(settings.LOG_SECRETS))
    os.umask(0o077)  # for us and all children: nobody else reads what they write
    paths.make_data_folder(wishes.data)
    about = {"process": os.getpid(), "what": f"port {port}, since {datetime.now().astimezone():%d %B %H:%M}"}
    with locks.folder_lock(wishes.data / "supervisor.lock", about):
        console.say(f"starting on {wishes.data}")
        # Before the address is taken: a web process of an earlier run may still hold it.
        processes.end_recorded(wishes.data / RECORDS, console.say)
        paths.make_metrics_folder(wishes.data)
        with web.bind(host, port, host_header()) as site:
            return asyncio.run(supervise(wishes, site, console))


async def supervise(wishes: plan.Options, site: web.Site, console: Console) -> int:
    """Run the plan; the exit code."""

    async def announce() -> None:
        await web.await_ready(site, console)
        link = await make_setup_link(site.url, console)
        if console.form is Form.JSON:  # a link that signs somebody up belongs into no log
            hint = "; for the first sign-up: manage.py setuplink" if link else ""
            console.say(f"connmon is ready: {site.url}{hint}")
        else:
            console.write(welcome(site.url, link))

    stages = plan.make_stages(wishes, site)
    return await Supervisor(stages, wishes.data, paths.REPOSITORY, console).run(announce)


def host_header() -> str:
    """A host name that this installation answers to."""
    names = [name for name in settings.ALLOWED_HOSTS if not name.startswith((".", "*"))]
    return names[0] if names else "localhost"


async def make_setup_link(url: str, console: Console) -> str:
    """The one-time link for the first member; empty when there is one already."""
    process = await asyncio.create_subprocess_exec(
        *plan.manage("setuplink", "--url", url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), LINK_PATIENCE)
    except TimeoutError:
        output, errors = b"", b"it took too long"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        console.line("setup", errors.decode(errors="replace").strip())
        console.say("no setup link could be made; once the reason above is gone: manage.py setuplink")
    return output.decode().strip()


def welcome(url: str, link: str) -> str:
    """The block that tells the person where to go."""
    lines = ["", f"  connmon is ready:  {url}"]
    if link:
        lines += [f"  first sign-up:     {link}", "                     (works once, for 24 hours)"]
    return "\n".join([*lines, "  stop:              Ctrl-C", "", ""])
