"""Which system account PostgreSQL runs as.

PostgreSQL refuses to run as root. When root starts connmon, the database alone runs as another account: the one
that already owns its data folder, else `connmon` (created when the system lets us), else `nobody`.
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from connmon.runtime.errors import StartError

ACCOUNT = "connmon"
LAST_RESORT = "nobody"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Account:
    """A user and its group, by number: an account of an older container may have no name here."""

    uid: int
    gid: int


def account_for_database(folder: Path, say: Say) -> Account | None:
    """The account to run PostgreSQL as, or None when it simply runs as we do."""
    if os.geteuid() != 0:
        return None
    if folder.exists():
        owner = folder.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
    entry = find_account(ACCOUNT) or create_account(say) or find_account(LAST_RESORT)
    if entry is None:
        raise StartError(
            "PostgreSQL does not run as root, and there is no other account on this system. "
            f"Create one (useradd --system {ACCOUNT}), or start connmon as an ordinary user."
        )
    return entry


def find_account(name: str) -> Account | None:
    """The account of that name, if the system knows it."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def create_account(say: Say) -> Account | None:
    """Create the system account with no home and no login; None where that cannot be done (read-only /etc, macOS)."""
    program = shutil.which("useradd", path=os.defpath + ":/usr/sbin:/sbin")
    if program is None:
        return None
    command = [program, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    command += ["--shell", "/usr/sbin/nologin", ACCOUNT]
    done = subprocess.run(command, check=False, capture_output=True, timeout=30)
    # Another start may have created it in the same moment, so what counts is whether it is there now.
    account = find_account(ACCOUNT)
    if account is not None and done.returncode == 0:
        say(f"created the system account {ACCOUNT!r} for the database, because PostgreSQL does not run as root")
    return account


def open_way(path: Path, account: Account, say: Say) -> None:
    """Let the account pass through the folders above `path`: search permission only, it still cannot list them."""
    for folder in path.resolve().parents:
        mode = folder.stat()
        if mode.st_mode & stat.S_IXOTH or mode.st_uid == account.uid:
            continue
        folder.chmod(stat.S_IMODE(mode.st_mode) | stat.S_IXOTH)
        say(f"let the database's account pass through {folder} (chmod o+x), because root runs connmon")


def open_programs(programs: Path, account: Account, say: Say) -> None:
    """Let the account run the programs below a folder, also when a strict umask installed them for root alone."""
    open_way(programs, account, say)
    if programs.stat().st_mode & stat.S_IXOTH:
        return
    for path in walk(programs):
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        path.chmod(mode | wanted)


def walk(folder: Path) -> Iterator[Path]:
    """The folder and everything below it, links left out; the folder itself last, as the sign that all is done."""
    for path in folder.rglob("*"):
        if not path.is_symlink():
            yield path
    yield folder


def make_private_folder(folder: Path, account: Account | None) -> None:
    """Create a folder, or check the one that stands there, so that nobody but its owner looks inside.

    In /tmp anybody may have put something in its place: a link or another user's folder is refused.
    """
    folder.mkdir(exist_ok=True, mode=0o700)
    found = folder.lstat()
    owners = {os.geteuid(), account.uid if account else os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise StartError(f"{folder} is not a folder of ours. Remove it, or name another data folder with CONNMON_DATA.")
    if account is not None and found.st_uid != account.uid:
        os.chown(folder, account.uid, account.gid)
    mode = stat.S_IMODE(found.st_mode)
    # Search permission may stay: `open_way` gives it to the folders above the database's.
    if mode & (stat.S_IRWXG | stat.S_IRWXO) & ~stat.S_IXOTH:
        folder.chmod(mode & stat.S_IRWXU)
