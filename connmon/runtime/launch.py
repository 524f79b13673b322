"""Becomes another program, after what can only be done inside the new process.

Run as a script: `launch.py PARENT SIGNAL UID GID COMMAND…`. It gives up root for UID (-1 keeps the user), asks
Linux to send SIGNAL (0 for none) when the parent dies, restores the signals Python changed, and executes COMMAND.
A script of its own rather than `preexec_fn`: Python between fork and exec can deadlock when the parent has threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, death_signal, uid, gid = (int(word) for word in arguments[:4])
    command = arguments[4:]
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user, which would clear it.
    if death_signal and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("the supervisor ended before this process had started")
    # An ignored signal stays ignored in the new program: Python ignores SIGPIPE, `nohup … &` may ignore SIGINT.
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
