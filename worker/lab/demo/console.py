"""The console of a demo that is kept: left running, so that somebody can decide about what was missed."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from worker.local.addresses import default_folder
from worker.settings.settings import Settings

_PACKAGES: Final = ("argon2", "jwt", "starlette", "uvicorn")
_ADDRESS: Final = re.compile(rb"The console is at (http://\S+)")
_PATIENCE_S: Final = 60.0
_PAUSE_S: Final = 0.1
# Somebody else, who approves what was proposed on the first console.
REVIEWER: Final = "reviewer"


class KeptConsole(NamedTuple):
    """A console that goes on running after the command."""

    address: str
    pid: int


async def start_console(settings: Settings, person: str | None = None) -> KeptConsole | None:
    """Start a console on a free port; None if it cannot run here. Nobody signs in: it is for this machine.

    Its decisions are signed by ``person``, by default as those of the commands are.
    """
    if not all(map(find_spec, _PACKAGES)):
        return None
    suffix = "" if person is None else f"-{person}"
    log = Path(default_folder()) / f"demo-console{suffix}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        process = subprocess.Popen(  # noqa: ASYNC220  # starts at once; our own command
            [sys.executable, "-m", "worker.cli", "run", "console"],
            env=_environment(settings, person),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,  # Ctrl-C in the terminal of the demo does not end it
        )
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while process.poll() is None:
                found = _ADDRESS.search(log.read_bytes())
                if found is not None:
                    return KeptConsole(found[1].decode(), process.pid)
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        process.terminate()
    return None


def _environment(settings: Settings, person: str | None) -> dict[str, str]:
    chosen = settings.model_copy(
        update={"console_port": 0, "http_port": 0, "console_sign_in": "none", "log_format": "json"}
    )
    ours = chosen.model_dump(exclude_none=True, exclude_defaults=True)
    if person is not None:
        ours["actor"] = person
    return os.environ | {f"MARKETMAP_{name.upper()}": str(value) for name, value in ours.items()}
