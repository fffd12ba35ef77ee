"""Processes that outlive the command that started them, found again by what is on their command line.

A pid in a file goes stale, and the kernel hands it to somebody else. The command line of a running service
names its data folder, which no other process does, so that is what says "this one is ours".
"""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

POLL_INTERVAL_S = 0.03

# Signals to send one after the other, each with the seconds it is given.
Steps = tuple[tuple[signal.Signals, float], ...]


def spawn(command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> int:
    """Start `command` in a session of its own, its output appended to `log`, and return its pid.

    No Popen object is kept: whoever starts a service need not be there when it ends.
    """
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        command[0],
        list(command),
        dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def is_running(pid: int) -> bool:
    """Return whether the process is still running. One that has ended and waits to be reaped is not.

    It looks the same while only its first thread has ended, but then the others still hold its ports.
    """
    try:
        process = psutil.Process(pid)
        running = process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1
    except psutil.NoSuchProcess:
        return False
    if (
        not running
    ):  # reaped only now: who is seen here for the last time would stay, and keep its pid
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return running


def find(owns: Callable[[Sequence[str]], bool]) -> int | None:
    """Return the pid of the process whose command line satisfies `owns`.

    Children of a server may show their parent's command line, so the oldest one counts.
    """
    found = [
        (process.info["create_time"], process.pid)
        for process in psutil.process_iter(["cmdline", "create_time"])
        if process.info["cmdline"] and owns(process.info["cmdline"]) and is_running(process.pid)
    ]
    return min(found)[1] if found else None


def end(pid: int, steps: Steps) -> bool:
    """Send the signals one after the other, each with its seconds to take effect. Return whether it ended."""
    for number, timeout_s in steps:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_gone(pid, timeout_s):
            return True
    return False


def kill_tree(pid: int, timeout_s: float = 10) -> bool:
    """SIGKILL the process and its children, like a crash of the machine. Return whether all ended."""
    try:
        parent = psutil.Process(pid)
        tree = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return True
    for process in tree:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return all(wait_gone(process.pid, timeout_s) for process in tree)


def wait_gone(pid: int, timeout_s: float) -> bool:
    """Wait until the process has ended; return False if it runs longer than `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while is_running(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_INTERVAL_S)
    return True
