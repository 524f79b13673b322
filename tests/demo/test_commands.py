"""`manage.py simulate` and `manage.py demo` as people run them, against the real site."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Final
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.core.ids import NewKey
from connmon.demo.actions import demo_key, remove_demo
from connmon.registry.models import Connection, GameServer, ServerState
from connmon.registry.states import STATES, ConnectionState
from simulation import KINDS
from tests.conftest import NOW
from tests.machine import Site, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

END: Final = 60.0  # seconds for a process to end


@dataclass
class Command:
    """A command in a process of its own; `output` is complete once it has ended."""

    process: subprocess.Popen[str]
    output: str = ""

    def end(self, number: int | None = None) -> int:
        """Waits for its end, after a signal if one is given; the exit code."""
        if number is not None:
            self.process.send_signal(number)
        self.output, _ = self.process.communicate(timeout=END)
        return self.process.returncode


@contextmanager
def started(*arguments: str) -> Iterator[Command]:
    """A command of manage.py on the tests' own database."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    with subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        env=os.environ | {"DATABASE_URL": database, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield Command(process)
        finally:
            if process.poll() is None:
                process.kill()


def run(*arguments: str) -> str:
    """What `simulate` says when it is called here and ends by itself; the error, if it ends with one."""
    said = StringIO()
    try:
        call_command("simulate", *arguments, stdout=said)
    except CommandError as error:
        said.write(f"{error}\n")
    return said.getvalue()


def url(site: Site) -> str:
    return f"http://127.0.0.1:{site.port}"


def test_every_kind_of_leak_is_listed() -> None:
    assert [line.split()[0] for line in run("--list").splitlines()] == ["KIND", *KINDS]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_servers_report_until_they_are_stopped_and_say_goodbye(site: Site, key: NewKey, number: int) -> None:
    options = ("--servers", "3", "--leak", "cache:ShopService", "--interval", "1", "--age", "300")
    with started("simulate", *options, "--url", url(site), "--key", key.plaintext) as command:
        wait_for(lambda: GameServer.objects.filter(ended_at=None).count() == 3, "three servers")
        wait_for(lambda: Connection.objects.filter(site__startswith="simulation.leaks.").exists(), "the leak")
        assert command.end(number) == 0
    assert "of 3 servers report" in command.output
    assert command.output.splitlines()[-1].startswith("ended after ")
    assert GameServer.objects.filter(ended_at=None).count() == 0


def test_it_ends_by_itself_and_takes_address_and_key_from_the_environment(
    site: Site, key: NewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNMON_URL", url(site))
    monkeypatch.setenv("CONNMON_KEY", key.plaintext)
    assert run("--servers", "1", "--duration", "1.5", "--age", "0").splitlines()[-1].startswith("ended after ")
    assert ServerState.objects.exists()


def test_a_key_that_is_refused_ends_it_with_what_to_do(site: Site) -> None:
    said = run("--servers", "1", "--age", "0", "--url", url(site), "--key", "cm_nobody_x")
    assert f"{url(site)} refuses the key (401 " in said
    assert said.endswith("Make a key with the scope report on the game's Setup page.\n")


def test_a_key_without_the_scope_is_refused_too(site: Site, make_key: Callable[..., NewKey]) -> None:
    said = run("--servers", "1", "--age", "0", "--url", url(site), "--key", make_key("read").plaintext)
    assert "refuses the key (403 " in said


def test_a_backend_that_is_away_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    said = run("--servers", "1", "--duration", "3", "--age", "0", "--interval", "1", "--url", nobody, "--key", "cm_1_x")
    assert f"{nobody} does not answer (ConnectionRefusedError" in said
    assert said.endswith("ended after 0 reports\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--servers", "0"), "takes a whole number from 1 to 2000"),
        (("--servers", "2.5"), "takes a whole number from 1 to 2000"),
        (("--speed", "nan"), "takes a number from 0.1 to 100"),
        (("--interval", "0.5"), "takes a number from 1 to 300"),
        (("--leak", "nope"), "there is no kind of leak 'nope'; there are leave, "),
        (("--leak", "leave:Nope"), "the game has no service 'Nope'; it has DataService, "),
        (("--url", "ftp://x", "--key", "k"), "url takes the backend's address"),
        ((), "A report key is missing: make one on the game's Setup page"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(arguments: tuple[str, ...], says: str) -> None:
    assert says in run(*arguments)


def test_the_demo_runs_and_leaks_until_a_member_removes_it(site: Site) -> None:
    with started("demo", "--servers", "4", "--url", url(site)) as command:
        wait_for(lambda: GameServer.objects.filter(game__is_demo=True).count() == 4, "its servers")
        orphaned = Connection.objects.filter(state=STATES.index(ConnectionState.ORPHANED))
        wait_for(orphaned.exists, "its leak, which shows at once", patience=60)
        remove_demo(Game.objects.get(is_demo=True), now=timezone.now())
        assert command.end() == 0
    assert "the Demo game was removed" in command.output
    assert not GameServer.objects.exists()


def test_a_demo_that_was_removed_is_not_run_again(site: Site) -> None:
    demo_key(now=NOW)
    remove_demo(Game.objects.get(is_demo=True), now=NOW)
    said = StringIO()
    call_command("demo", "--url", url(site), stderr=said)
    assert "it needs no servers" in said.getvalue()
