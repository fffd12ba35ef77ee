"""The messages in the client kit: copies of `schemas`, made by `python -m worker.lab.documents.kit_messages`.

They are files and not a link, so that the kit can be installed from a checkout on any system, from an archive
of its sources and from a wheel. `make schemas` renews them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[3]
SOURCES: Final = _ROOT / "schemas"
COPIES: Final = _ROOT / "clients" / "python" / "market_mapping_client" / "messages"
# What generates and compares the schemas is of no use to readers and writers.
_NOT_IN_THE_KIT: Final = frozenset(
    {"asyncapi.py", "compatibility.py", "export.py", "json_schema.py", "reference.py"}
)


def copies() -> dict[str, str]:
    """The text of every file of the folder, by its name."""
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(SOURCES.glob("*.py"))
        if path.name not in _NOT_IN_THE_KIT
    }


def drifted() -> list[str]:
    """The names of files that are missing, differ from their source, or have none."""
    expected = copies()
    found = {path.name: path.read_text(encoding="utf-8") for path in COPIES.glob("*.py")}
    return sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )


def write() -> None:
    """Write every copy, and remove files that have no source."""
    expected = copies()
    COPIES.mkdir(exist_ok=True)
    for path in COPIES.glob("*.py"):
        if path.name not in expected:
            path.unlink()
    for name, text in expected.items():
        (COPIES / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
