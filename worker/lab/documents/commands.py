"""docs/commands.md, made from the commands themselves: `python -m worker.lab.documents.commands`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from typer import Context
from typer.cli import get_docs_for_click
from typer.main import get_group

from worker.cli.main import COMMANDS, GROUPS, app

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "commands.md"

_HEAD: Final = """# Commands

Every command has `--help`. Exit codes: 0 done, 1 failed or refused, 2 wrong usage. Data goes to stdout,
messages to stderr.

| who | commands |
|---|---|
{GROUPS}

`marketmap --install-completion` lets the shell complete commands, options, bookmakers, states, topics and
profiles, and canonical ids and ids of missed markets if the database answers within a second. Options that
were renamed are still taken by their former names.

**Profiles.** `marketmap --profile prod lag` reads the settings from `profiles/prod.env`, or else from
`~/.config/marketmap/prod.env` (`$XDG_CONFIG_HOME`), whose lines are `NAME=VALUE`. `--profile` may be typed
anywhere, and `MARKETMAP_PROFILE` does the same. All settings then come from that file: those of the
environment are ignored, except `MARKETMAP_ACTOR`, and the local services are not used. So no command talks to
the database of one installation and the brokers of another. Keep secrets in files of their own
(`MARKETMAP_DATABASE_URL_FILE=...`), or keep the profile to yourself (`chmod 600`).

Every command that prints a list takes `--output table|json|csv`, for which `--json` and `--csv` are short. A
table fits the terminal: columns for which there is no room are left out and named, and what has to be typed
is never cut. CSV is written row by row, so a million rows take no more memory than one.

For programs:

- With `--json`, a list that may stop at its limit says so on stderr, in one line:
  `{"shown": 30, "total": 460}`.
- With `--json`, an error is one line of JSON on stderr, the last one:
  `{"code": "NOT_FOUND", "message": "...", "hint": "..."}`. `hint` may be null. The codes are FAILED,
  WRONG_USAGE, WRONG_SETTINGS, NO_ANSWER (of a server), REFUSED (by a server), NOT_FOUND and CONFLICT. The
  exit codes are the same as without `--json`.

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
    return _HEAD.replace("{GROUPS}", _groups()) + "\n".join(part.strip() + "\n" for part in parts)


def _groups() -> str:
    """A row for each group, with links to its commands."""
    return "\n".join(
        f"| {title} | {', '.join(f'[{name}](#marketmap-{name})' for name in commands)} |"
        for title, commands in GROUPS.items()
    )


if __name__ == "__main__":
    DOCUMENT.write_text(commands_document(), encoding="utf-8")
