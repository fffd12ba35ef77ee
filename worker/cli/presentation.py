"""How commands present themselves: help that fits the terminal, and option words alike everywhere.

Typer's own help is a frame of boxes, in which a narrow terminal cuts the names of options, and it gives each
switch the type `<bool>`. Here help is plain text, with colours on a terminal; a value has a word that people
know, such as NUMBER or FILE.

An option that was renamed is still taken by its former name. Help does not show that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from worker.cli.console import out

# By command: what an option is called now, by its former names.
FORMER_NAMES: Final[Mapping[tuple[str, ...], Mapping[str, str]]] = {
    ("dead", "list"): {
        "--reason": "--dead-reason",
        "--since": "--from",
        "--until": "--to",
        "--source": "--topic",
    },
    ("dead", "redrive"): {"--since": "--from", "--until": "--to", "--source": "--topic"},
    ("mappings", "export"): {"--output": "--out"},
    ("unmapped", "list"): {"--source": "--platform", "--reason": "--miss-reason"},
}

_WORDS: Final = {int: "NUMBER", float: "NUMBER", str: "TEXT", list[str]: "TEXT"}
_HEADING: Final = re.compile(r"^\S.*:$", re.MULTILINE)
_OPTION: Final = re.compile(r"(?<![\w-])--?[a-z][a-z0-9-]*")


class PlainCommand(TyperCommand):
    former_names: Mapping[str, str] = {}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(renamed(args, self.former_names)))

    def get_help(self, ctx: Any) -> str:
        return coloured(super().get_help(ctx))


class PlainGroup(TyperGroup):
    def get_help(self, ctx: Any) -> str:
        return coloured(super().get_help(ctx))


def presented(command: Any, *path: str) -> Any:
    """Return the command, and all below it, as they are shown here."""
    is_group = hasattr(command, "commands")
    kind = PlainGroup if is_group else PlainCommand
    made: Any = kind.__new__(kind)
    made.__dict__.update(vars(command))
    made.rich_markup_mode = None
    if is_group:
        made.commands = {
            name: presented(below, *path, name) for name, below in command.commands.items()
        }
    else:
        made.former_names = FORMER_NAMES.get(path, {})
    for parameter in made.params:
        _name_value(parameter)
    return made


def renamed(arguments: Sequence[str], former: Mapping[str, str]) -> Iterator[str]:
    """Yield the arguments with options under the names that they have now; what follows `--` is no option."""
    is_option = True
    for argument in arguments:
        is_option = is_option and argument != "--"
        name, equals, value = argument.partition("=")
        yield f"{former[name]}{equals}{value}" if is_option and name in former else argument


def coloured(text: str) -> str:
    """Return help with headings and options in colour, where a terminal shows it."""
    shown = Text(text)
    shown.highlight_regex(_HEADING, "bold yellow")
    shown.highlight_regex(_OPTION, "cyan")
    with out.capture() as captured:
        out.print(shown, soft_wrap=True, end="")
    return captured.get()


def _name_value(parameter: Any) -> None:
    """Give a value a word that people know; an argument is named already, and needs no type."""
    if parameter.param_type_name == "argument":
        parameter.display_type_rich = _no_type
        return
    if parameter.metavar is not None:
        return
    if getattr(parameter, "is_flag", False):
        return
    described = parameter.type_descriptor
    if described.is_path or described.is_file:
        parameter.metavar = "FILE"
    elif described.is_datetime:
        parameter.metavar = "TIME"
    else:
        parameter.metavar = _WORDS.get(described.annotation)


def _no_type(ctx: Any) -> None:  # noqa: ARG001  as Typer calls it
    return None
