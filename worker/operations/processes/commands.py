"""`marketmap run`: the long-running processes."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli.connection import connected_settings, database_settings, kafka_settings
from worker.cli.console import fail, out
from worker.domain.errors import FatalError
from worker.runtime.process import run_process
from worker.runtime.relay.process import run_relay
from worker.runtime.snapshot.process import run_snapshot
from worker.runtime.telemetry.logs import configure_logging
from worker.runtime.worker import make_worker
from worker.settings.connected import ConnectedSettings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Run a process until it is stopped."""


@app.command()
def worker(
    *,
    with_relay: Annotated[
        bool,
        typer.Option(
            "--with-relay", help="Run a relay in the same process, like MARKETMAP_RELAY_IN_WORKER."
        ),
    ] = False,
) -> None:
    """Resolve observations until SIGTERM or SIGINT; exit code 1 after an error or with an unfinished batch.

    Reads MARKETMAP_KAFKA_BOOTSTRAP_SERVERS and MARKETMAP_DATABASE_URL, or the local services' addresses.

    Example: marketmap run worker --with-relay
    """
    settings = _settings()
    chosen = settings.model_copy(update={"relay_in_worker": with_relay or settings.relay_in_worker})

    async def run() -> int:
        return await make_worker(chosen).run()

    run_process(run)


@app.command()
def relay() -> None:
    """Publish changes of mappings until SIGTERM or SIGINT; of several relays, one publishes at a time.

    Reads MARKETMAP_KAFKA_BOOTSTRAP_SERVERS and MARKETMAP_DATABASE_URL, or the local services' addresses.

    Example: marketmap run relay
    """
    settings = _settings()

    async def run() -> int:
        return await run_relay(settings)

    run_process(run)


@app.command()
def snapshot() -> None:
    """Keep the newest resolved odds of every event in odds.latest until SIGTERM or SIGINT.

    Any number of processes share the partitions. Needs Kafka only: MARKETMAP_KAFKA_BOOTSTRAP_SERVERS, or the
    local services' address.

    Example: marketmap run snapshot
    """
    settings = kafka_settings()
    configure_logging(settings.log_format, settings.log_level)

    async def run() -> int:
        return await run_snapshot(settings)

    run_process(run)


@app.command()
def insight() -> None:
    """Watch events and judge mappings by their odds until SIGTERM or SIGINT; of several, one works at a time.

    Needs the extra `insight`. Reads MARKETMAP_KAFKA_BOOTSTRAP_SERVERS and MARKETMAP_DATABASE_URL, or the
    local services' addresses.

    Example: marketmap run insight
    """
    settings = _settings()
    try:
        from worker.insight.watching.process import run_insight  # noqa: PLC0415  needs the extra `insight`
    except ModuleNotFoundError as error:
        if error.name not in {"numpy", "scipy"}:
            raise
        fail(
            f"`marketmap run insight` needs the package {error.name}, which is not installed. "
            "The extra `insight` of market-mapping-worker holds what it needs."
        )

    async def run() -> int:
        return await run_insight(settings)

    run_process(run)


@app.command()
def console() -> None:
    """Serve the pages on which people decide about missed markets, until SIGTERM or SIGINT.

    Needs the extra `console`. Reads MARKETMAP_DATABASE_URL, or the local services' address; without
    MARKETMAP_CONSOLE_SIGN_IN it serves this machine alone, and nobody signs in.

    Example: marketmap run console
    """
    settings = database_settings()
    configure_logging(settings.log_format, settings.log_level)
    try:
        from worker.console.process import ConsoleProcess  # noqa: PLC0415  needs the extra `console`
    except ModuleNotFoundError as error:
        if error.name not in {"argon2", "jwt", "starlette", "uvicorn"}:
            raise
        fail(
            f"`marketmap run console` needs the package {error.name}, which is not installed. "
            "The extra `console` of market-mapping-worker holds what it needs."
        )

    try:
        process = ConsoleProcess(settings, announce=_announce)
    except FatalError as error:
        fail(str(error), kind="WRONG_SETTINGS")
    run_process(process.run)


def _announce(address: str) -> None:
    out.print(f"The console is at {address}", markup=False, soft_wrap=True)


def _settings() -> ConnectedSettings:
    settings = connected_settings()
    configure_logging(settings.log_format, settings.log_level)
    return settings
