"""The command `marketmap`. Each subcommand is a module that is imported only when it is called."""

import importlib
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from worker.cli.console import err, fail

# name: (module, what `marketmap --help` says). The module has a Typer `app`, or a function of that name.
COMMANDS = {
    "demo": (
        "worker.lab.demo.commands",
        "Run everything once on realistic input, and show the result.",
    ),
    "services": (
        "worker.lab.services_command",
        "Start and stop Kafka and Postgres on this machine.",
    ),
    "doctor": (
        "worker.operations.doctor.commands",
        "Check everything that a process needs, and say what to do.",
    ),
    "config": (
        "worker.operations.installation.config",
        "Show the settings in effect, and where each comes from.",
    ),
    "topics": ("worker.operations.installation.topics", "Create, check and grant the topics."),
    "migrate": (
        "worker.operations.installation.migrate",
        "Migrate the database to the schema of this version.",
    ),
    "roles": ("worker.operations.installation.roles", "Create the roles of the database."),
    "run": ("worker.operations.processes.commands", "Run a worker or a relay until it is stopped."),
    "mappings": (
        "worker.operations.mappings.commands",
        "List, change, import and export the mappings of markets.",
    ),
    "unmapped": (
        "worker.operations.unmapped.commands",
        "Work through the markets that no mapping covers.",
    ),
    "dead": (
        "worker.operations.dead_letters.commands",
        "List dead letters, and send them back.",
    ),
    "resolve": ("worker.operations.payloads.resolve", "Resolve observations from a file."),
    "wrap": ("worker.operations.payloads.wrap", "Make observations of bookmakers' own replies."),
    "validate": (
        "worker.operations.payloads.validate",
        "Check observations from a file, field by field.",
    ),
    "replay": ("worker.operations.replay.commands", "Publish observations again."),
    "lag": ("worker.operations.lag.commands", "Show how far the workers are behind, and where."),
    "bench": ("worker.lab.bench.commands", "Measure the worker against other implementations."),
    "schemas": (
        "worker.operations.payloads.schemas",
        "Generate and check the schemas of the messages.",
    ),
}
COMPLETION_OPTIONS = {"install_completion", "show_completion"}


class LazyGroup(TyperGroup):
    """Lists commands without importing them, so that help is fast and needs no optional package."""

    def __init__(self, **attributes: Any) -> None:
        stubs = {
            name: TyperCommand(name, help=summary)
            for name, (module, summary) in COMMANDS.items()
            if find_spec(module)
        }
        super().__init__(**attributes | {"commands": stubs})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name else None, rest


def _load(name: str) -> Any:
    module = COMMANDS[name][0]
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in {"worker", "schemas"}:
            raise
        fail(
            f"`marketmap {name}` needs the package {error.name}, which is not installed. "
            "The extra `local` of market-mapping-worker holds what the local services need."
        )
    app = getattr(loaded, "app", None) or _as_app(getattr(loaded, name))
    command = typer.main.get_command(app)
    command.name = name
    # Typer gives every app options to install its own completion; the root's cover all.
    command.params = [option for option in command.params if option.name not in COMPLETION_OPTIONS]
    return command


def _as_app(function: Any) -> typer.Typer:
    app = typer.Typer()
    app.command()(function)
    return app


app = typer.Typer(
    cls=LazyGroup, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_show_locals=False
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  typer calls it with the option's value
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415  slow to import, rarely asked for

        typer.echo(version("market-mapping-worker"))
        raise typer.Exit


@app.callback()
def root(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Resolve markets of bookmakers to canonical markets, and count what cannot be resolved."""


def main() -> None:
    """Run the command line; invalid settings are wrong usage."""
    try:
        app()
    except Exception as error:
        from worker.settings.loading import SettingsError  # noqa: PLC0415  help must not wait for pydantic

        if not isinstance(error, SettingsError):
            raise
        err.print("The settings are wrong:", style="red")
        err.print(str(error), markup=False, soft_wrap=True)
        raise SystemExit(2) from None
