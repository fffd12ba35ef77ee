"""The command line as its users have it: a process of its own, on an installation."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from typer.testing import CliRunner

from tests.support.services.installation import PATIENCE_S, Installation
from worker.cli.main import app

SIGNED = ("--actor", "ada", "--reason", "because")


class Finished(NamedTuple):
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self
        return orjson.loads(self.stdout)


class Running:
    """A command that is under way; its output goes to files, so that it never waits for a reader."""

    def __init__(
        self, installation: Installation, arguments: Iterable[str], environment: dict[str, str]
    ) -> None:
        number = len(installation.commands)
        self._out = installation.folder / f"command-{number}.out"
        self._err = installation.folder / f"command-{number}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "worker.cli", *arguments],
                env=installation.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        installation.commands.append(self._process)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    async def finished(self) -> Finished:
        try:
            code = await asyncio.to_thread(self._process.wait, PATIENCE_S)
        finally:
            self._process.kill()
        return Finished(code, _text(self._out), _text(self._err))


async def command(installation: Installation, *arguments: str, **environment: str) -> Finished:
    """Run a command to its end, within a bound."""
    return await Running(installation, arguments, environment).finished()


async def command_in_process(
    installation: Installation, *arguments: str, **environment: str
) -> Finished:
    """The same without the seconds that a process takes to start; nothing else may run meanwhile."""
    given = installation.environment | environment
    absent = dict.fromkeys(name for name in os.environ if name not in given)
    runner = CliRunner(env=absent | given)
    result = await asyncio.to_thread(runner.invoke, app, arguments)
    return Finished(result.exit_code, result.stdout, result.stderr)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
