"""What a document has its reader do: the commands of its console blocks, and the files to save."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[3]

_FENCED: Final = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_PROMPT: Final = re.compile(r"^\$ ((?:.*\\\n)*.*)", re.MULTILINE)
_EXITS: Final = re.compile(r"\s+# exits (\d+)\b.*$")
_SAVED: Final = re.compile(r"[Ss]ave this\s+as\s+`([^`]+)`")


class Block(NamedTuple):
    """A fenced block, and the text between it and the one before it."""

    language: str
    text: str
    before: str
    line: int


class Step(NamedTuple):
    """A command with the exit code that the document promises: 0, or what ``# exits N`` behind it says."""

    document: Path
    line: int
    command: str
    exit_code: int

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}: {self.command}"


def blocks(document: Path) -> Iterator[Block]:
    content = document.read_text(encoding="utf-8")
    end = 0
    for found in _FENCED.finditer(content):
        text = textwrap.dedent(found[3])
        yield Block(
            found[2], text, content[end : found.start()], content.count("\n", 0, found.start()) + 2
        )
        end = found.end()


def steps(document: Path) -> list[Step]:
    """The commands in the order in which they stand; lines without a prompt are what a command shows."""
    consoles = [block for block in blocks(document) if block.language == "console"]
    return [
        _step(document, block.line + block.text.count("\n", 0, found.start()), found[1])
        for block in consoles
        for found in _PROMPT.finditer(block.text)
    ]


def files(document: Path) -> dict[str, str]:
    """The files that the reader is told to save: the block after "Save this as `NAME`"."""
    named = {block: _SAVED.findall(block.before) for block in blocks(document)}
    return {names[-1]: block.text for block, names in named.items() if names}


def _step(document: Path, line: int, written: str) -> Step:
    exits = _EXITS.search(written)
    command = _EXITS.sub("", written).replace("\\\n", " ")
    return Step(document, line, command, int(exits[1]) if exits else 0)
