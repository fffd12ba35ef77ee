"""docs/commands.md, made from the commands themselves: `python -m worker.lab.documents.commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from typer import Context
from typer.cli import get_docs_for_click
from typer.main import get_group

from worker.cli.main import COMMANDS, app

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "commands.md"

_HEAD: Final = """# Commands

Every command has `--help`. Exit codes: 0 done, 1 failed or refused, 2 wrong usage. Data goes to stdout,
messages to stderr.

"""


def commands_document() -> str:
    """Every command with its arguments and options, at whatever depth."""
    root = get_group(app)
    context = Context(root, info_name="marketmap")
    commands = [root.resolve_command(context, [name])[1] for name in COMMANDS]
    parts = [
        get_docs_for_click(obj=command, ctx=context, indent=1, call_prefix="marketmap")
        for command in commands
        if command
    ]
    return _HEAD + "\n".join(part.strip() + "\n" for part in parts)


if __name__ == "__main__":
    DOCUMENT.write_text(commands_document(), encoding="utf-8")
