"""The generated files: their text, written and compared. The text depends on the models alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from .asyncapi import asyncapi
from .compatibility import Change, breaking_changes
from .json_schema import MESSAGES, message_schema

GENERATED: Final = Path(__file__).parent / "generated"
BASELINE: Final = Path(__file__).parent / "baseline"


def generated_files() -> dict[str, str]:
    """The text of every generated file by its name."""
    documents = {message.file: message_schema(message) for message in MESSAGES}
    return {
        name: _text(document)
        for name, document in {**documents, "asyncapi.json": asyncapi()}.items()
    }


def drifted(directory: Path) -> list[str]:
    """What in the directory is not as generated, one line a file."""
    expected = generated_files()
    stray = sorted(path.name for path in directory.glob("*.json") if path.name not in expected)
    differing = [_difference(directory / name, text) for name, text in expected.items()]
    return [line for line in differing if line] + [
        f"{name}: nothing generates this file" for name in stray
    ]


def write(directory: Path) -> None:
    """Write every generated file, making the directory when it is not there."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in generated_files().items():
        (directory / name).write_text(text, encoding="utf-8")


def broken(baseline: Path) -> list[str]:
    """What breaks a partner who relies on the baseline, one line a change.

    The baseline holds the schemas of the last release. A message that it does not hold is new.
    """
    messages = {message.file: message for message in MESSAGES}
    lines = []
    for path in sorted(baseline.glob("*.json")):
        if path.name not in messages:
            lines.append(f"{path.name}: the message was removed")
            continue
        message = messages[path.name]
        old = json.loads(path.read_text(encoding="utf-8"))
        changes = breaking_changes(old, message_schema(message), message.direction)
        lines += [_line(path.name, change) for change in changes]
    return lines


def _difference(path: Path, text: str) -> str | None:
    if not path.is_file():
        return f"{path.name}: missing"
    if path.read_text(encoding="utf-8") != text:
        return f"{path.name}: differs from what the models generate"
    return None


def _line(file: str, change: Change) -> str:
    return f"{file}: {change}"


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
