"""What a document has its reader do: the commands of its console blocks, and the files to save.

Lines below a command are what it shows. They are compared with what it does show, whole and line by line.
What varies from run to run is written as ``...``: within a line it stands for any text, alone in a line for
any lines or none. Blanks at the end of a line do not count.
A command without lines below it may show anything.
"""

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
_VARIES: Final = "..."
PAGE_WIDTH: Final = 110  # characters of a line that a page of the site shows without scrolling


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
    shown: str = ""  # what the document shows below the command; empty: nothing

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
    """The commands in their order, each with the lines below it up to the next prompt."""
    consoles = [block for block in blocks(document) if block.language == "console"]
    return [step for block in consoles for step in _steps(document, block)]


def files(document: Path) -> dict[str, str]:
    """The files that the reader is told to save: the block after "Save this as `NAME`"."""
    named = {block: _SAVED.findall(block.before) for block in blocks(document)}
    return {names[-1]: block.text for block, names in named.items() if names}


def is_shown(output: str, shown: str) -> bool:
    """Whether a command's output is what a document shows."""
    pattern = "".join(map(_line_pattern, _lines(shown)))
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _lines(output))) is not None


def _steps(document: Path, block: Block) -> Iterator[Step]:
    prompts = list(_PROMPT.finditer(block.text))
    ends = [following.start() for following in prompts[1:]] + [len(block.text)]
    for prompt, end in zip(prompts, ends, strict=True):
        line = block.line + block.text.count("\n", 0, prompt.start())
        yield _step(document, line, prompt[1], shown=block.text[prompt.end() : end].strip("\n"))


def _step(document: Path, line: int, written: str, *, shown: str) -> Step:
    exits = _EXITS.search(written)
    command = _EXITS.sub("", written).replace("\\\n", " ")
    return Step(document, line, command, int(exits[1]) if exits else 0, shown)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def _line_pattern(line: str) -> str:
    if line.strip() == _VARIES:
        return r"(?:.*\n)*?"
    return ".*?".join(map(re.escape, line.split(_VARIES))) + r"\n"
