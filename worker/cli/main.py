"""The command `marketmap`. Each subcommand is a module that is imported only when it is called."""

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import islice, pairwise
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from worker.cli.completions import complete_profile
from worker.cli.console import err, errors_as_json, fail, print_error
from worker.cli.file_failures import drop_unwritable_output, file_failure
from worker.cli.presentation import coloured, presented

# By who uses them: name: (module, what `marketmap --help` says). The module has a Typer `app`, or a
# function of that name.
GROUPS = {
    "Publish observations": {
        "wrap": (
            "worker.operations.payloads.wrap",
            "Make observations of bookmakers' own replies.",
        ),
        "validate": (
            "worker.operations.payloads.validate",
            "Check observations from a file, field by field.",
        ),
    },
    "Read resolved odds": {
        "resolve": ("worker.operations.payloads.resolve", "Resolve observations from a file."),
        "schemas": (
            "worker.operations.payloads.schemas",
            "Generate and check the schemas of the messages.",
        ),
    },
    "Edit mappings": {
        "unmapped": (
            "worker.operations.unmapped.commands",
            "Work through the markets that no mapping covers.",
        ),
        "suggestions": (
            "worker.operations.suggestions.commands",
            "See what missed markets may be, by their odds, and map them.",
        ),
        "mappings": (
            "worker.operations.mappings.commands",
            "List, change, import and export the mappings of markets.",
        ),
        "drafts": (
            "worker.operations.drafts.commands",
            "Propose changes of mappings, one by one or in bulk.",
        ),
        "changes": (
            "worker.operations.changes.commands",
            "Review proposed changes, and take changes back.",
        ),
        "evidence": (
            "worker.operations.evidence.commands",
            "Show what the odds say about mappings.",
        ),
        "events": (
            "worker.operations.evidence.event_commands",
            "See the watched events, with all bookmakers' prices side by side.",
        ),
        "alarms": (
            "worker.operations.alarms.commands",
            "Work through the mappings that the odds contradict.",
        ),
    },
    "Operate": {
        "doctor": (
            "worker.operations.doctor.commands",
            "Check everything that a process needs, and say what to do.",
        ),
        "lag": (
            "worker.operations.lag.commands",
            "Show how far the workers are behind, and where.",
        ),
        "dead": (
            "worker.operations.dead_letters.commands",
            "List dead letters, and send them back.",
        ),
        "replay": ("worker.operations.replay.commands", "Publish observations again."),
        "run": (
            "worker.operations.processes.commands",
            "Run a worker, a relay or another process until it is stopped.",
        ),
        "console": (
            "worker.console.commands",
            "Keep the users of the console.",
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
    },
    "Try it": {
        "demo": (
            "worker.lab.demo.commands",
            "Run everything once on realistic input, and show the result.",
        ),
        "services": (
            "worker.lab.services_command",
            "Start and stop Kafka and Postgres on this machine.",
        ),
        "bench": (
            "worker.lab.bench.commands",
            "Measure the worker against other implementations.",
        ),
    },
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}
PROFILE_OPTION = "--profile"
# Its --json names a file.
WITH_JSON_FILE = "bench"
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
        self._wants_json = False

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        args = _profile_first(args)
        self._wants_json = _asks_for_json(args)
        with self._errors_in_form():
            return super().make_context(info_name, args, *rest, **extra)

    def invoke(self, ctx: Any) -> Any:
        with self._errors_in_form():
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # what fails here could not be said any more when Python ends

    @contextmanager
    def _errors_in_form(self) -> Iterator[None]:
        """Say what goes wrong in the block, with files as well, as JSON if the command was asked for JSON."""
        token = errors_as_json.set(self._wants_json)
        try:
            yield
        except TyperException as error:
            raise _as_json(error) from error
        except OSError as error:
            failure = file_failure(error)
            if failure is None:
                raise
            drop_unwritable_output()
            print_error(failure, "", "FAILED")
            raise typer.Exit(1) from None
        except Exception as error:
            faults = _settings_faults(error) if self._wants_json else None
            if faults is None:
                raise
            print_error(faults, "docs/settings.md", "WRONG_SETTINGS")
            raise typer.Exit(2) from None
        finally:
            errors_as_json.reset(token)

    def get_help(self, ctx: Any) -> str:
        return coloured(super().get_help(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  as Typer calls it
        for title, commands in GROUPS.items():
            there = [(name, self.commands[name].help) for name in commands if name in self.commands]
            if there:
                with formatter.section(title):
                    formatter.write_dl(there)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name else None, rest


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether a command is asked for JSON, as far as can be seen before its options are read."""
    if WITH_JSON_FILE in arguments[:3]:  # after --profile NAME
        return False
    given = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    is_output = ("--output", "json") in pairwise(given)
    return "--json" in given or "--output=json" in given or is_output


def _profile_first(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with --profile before the command, wherever it was typed."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    first: list[str] = []
    rest: list[str] = []
    given = iter(arguments[:end])
    for argument in given:
        if argument == PROFILE_OPTION:
            first += [argument, *islice(given, 1)]
        elif argument.startswith(f"{PROFILE_OPTION}="):
            first.append(argument)
        else:
            rest.append(argument)
    return [*first, *rest, *arguments[end:]]


def _as_json(error: TyperException) -> BaseException:
    """An error of usage as JSON if that was asked for, else as it was."""
    if not errors_as_json.get():
        return error
    context = getattr(error, "ctx", None)
    hint = f"Try '{context.command_path} --help' for help." if context else ""
    print_error(error.format_message(), hint, "WRONG_USAGE")
    return typer.Exit(error.exit_code)


def _settings_faults(error: Exception) -> str | None:
    """Return what is wrong with the settings, if that is the error."""
    from worker.settings.loading import SettingsError  # noqa: PLC0415  help must not wait for pydantic

    return str(error) if isinstance(error, SettingsError) else None


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
    return presented(command, name)


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


def _use_profile(name: str | None) -> None:
    if name:
        from worker.cli.profiles import use_profile  # noqa: PLC0415  rarely asked for

        use_profile(name, os.environ)


@app.callback()
def root(
    *,
    _profile: Annotated[
        str | None,
        typer.Option(
            PROFILE_OPTION,
            metavar="NAME",
            envvar="MARKETMAP_PROFILE",
            callback=_use_profile,
            is_eager=True,
            help="Read the settings from profiles/NAME.env or ~/.config/marketmap/NAME.env.",
            show_default=False,
            autocompletion=complete_profile,
        ),
    ] = None,
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
        faults = _settings_faults(error)
        if faults is None:
            raise
        err.print("The settings are wrong:", style="red")
        err.print(faults, markup=False, soft_wrap=True)
        raise SystemExit(2) from None
