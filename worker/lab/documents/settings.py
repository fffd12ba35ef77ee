"""docs/settings.md, made from the settings themselves: `python -m worker.lab.documents.settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from worker.settings.settings import SECRETS, Settings, variable

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "settings.md"

_HEAD: Final = """# Settings

All settings are environment variables. An empty variable counts as not set. A wrong value ends the command
with a line that names the variable, the value and the reason (exit code 2). A secret can be given as the
name of a file that holds it, with `_FILE` after the variable's name.

| variable | default | meaning |
|---|---|---|
"""


def settings_document() -> str:
    return _HEAD + "".join(_row(name) for name in Settings.model_fields)


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    default = (
        "" if field.default is None else f"`{field.default}`" if field.default != "" else "(empty)"
    )
    secret = f" Or `{variable(name)}_FILE`." if name in SECRETS else ""
    return f"| `{variable(name)}` | {default} | {field.description}{secret} |\n"


if __name__ == "__main__":
    DOCUMENT.write_text(settings_document(), encoding="utf-8")
