"""`marketmap run`: the long-running processes."""

from __future__ import annotations

import asyncio

import typer

from worker.app.logs import configure_logging
from worker.app.runtime import Worker
from worker.cli.connection import connected_settings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Run a worker until it is told to stop."""


@app.command()
def worker() -> None:
    """Resolve observations until SIGTERM or SIGINT; exit code 1 after a fatal error.

    Reads MARKETMAP_KAFKA_BOOTSTRAP_SERVERS and MARKETMAP_DATABASE_URL, or the local services' addresses.
    """
    settings = connected_settings(kafka=True, database=True)
    configure_logging(settings.log_format, settings.log_level)

    async def run() -> int:
        return await Worker(settings).run()

    raise typer.Exit(asyncio.run(run()))
