"""A command as a person at a terminal sees it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from typing import NamedTuple


class Seen(NamedTuple):
    code: int
    screen: str


def at_terminal(*arguments: str, **environment: str) -> Seen:
    """Run `marketmap` with a terminal as stdin, stdout and stderr; everything that was written to it."""
    return python_at_terminal("-m", "worker.cli", *arguments, **environment)


def python_at_terminal(*arguments: str, **environment: str) -> Seen:
    """The same of any Python.

    Without any of the variables that tell what a terminal can do, but for what is given.
    """
    terminal, own_end = pty.openpty()
    termios.tcsetwinsize(own_end, (24, 80))
    kept = ("PATH", "HOME", "TMPDIR")
    given = (
        {name: os.environ[name] for name in kept if name in os.environ}
        | {"TERM": "xterm"}
        | environment
    )
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=given,
        stdin=own_end,
        stdout=own_end,
        stderr=own_end,
        start_new_session=True,
    )
    os.close(own_end)
    screen = b"".join(_read_to_the_end(terminal))
    os.close(terminal)
    return Seen(process.wait(), screen.decode())


def _read_to_the_end(terminal: int) -> list[bytes]:
    """Until the last process that has the terminal ends: Linux then answers with EIO."""
    parts = []
    while True:
        try:
            parts.append(os.read(terminal, 65536))
        except OSError:
            return parts
