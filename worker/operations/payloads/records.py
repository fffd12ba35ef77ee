"""Observations from a file and the index of a catalogue, for `resolve` and `validate`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO, NamedTuple

import typer

from worker.cli.console import fail
from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import load_catalogue
from worker.domain.index import MappingIndex
from worker.domain.mapping import MappingError
from worker.ingest.reading.framing import PREFIX_BYTES, ends_in_prefix
from worker.settings.checks import FEWEST_BYTES, MIB, MOST_BYTES, MOST_CLOCK_AHEAD_S

_CHUNK = MIB

ObservationFile = Annotated[
    typer.FileBinaryRead, typer.Argument(help="JSON lines, or - for stdin.")
]
CatalogueFile = Annotated[
    Path | None,
    typer.Option(help="A catalogue file; by default the shipped one.", exists=True, dir_okay=False),
]
MaxBytes = Annotated[
    int,
    typer.Option(
        envvar="MARKETMAP_MAX_MESSAGE_BYTES",
        help="Maximum size of a record in bytes.",
        min=FEWEST_BYTES,
        max=MOST_BYTES,
    ),
]


MaxClockAhead = Annotated[
    float,
    typer.Option(
        envvar="MARKETMAP_MAX_CLOCK_AHEAD_S",
        help="Maximum time by which observed_at may be ahead of the clock; 0: no limit.",
        min=0,
        max=MOST_CLOCK_AHEAD_S,
    ),
]


class LineRecord(NamedTuple):
    """A line of a file, in the form of a Kafka record; its offset is the line number, from 1."""

    offset: int
    value: bytes | None
    topic: str = "file"
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


def read_lines(stream: BinaryIO, max_bytes: int) -> Iterator[LineRecord]:
    """Yield the lines that are not blank. A line over ``max_bytes`` is cut so that it is still over it.

    A line may be in Confluent's wire format, whose schema ids may contain the byte of a line feed.
    """
    number = 0
    # One byte more shows that a line is too long, another one is the line feed.
    longest = max_bytes + PREFIX_BYTES + 2
    while line := stream.readline(longest):
        number += 1
        while ends_in_prefix(line) and (rest := stream.readline(longest - len(line))):
            line += rest
        if not line.endswith(b"\n") and len(line) == longest:
            _skip_line(stream)
        value = line.rstrip(b"\r\n")
        if value and not value.isspace():
            yield LineRecord(number, value)


def _skip_line(stream: BinaryIO) -> None:
    while (rest := stream.readline(_CHUNK)) and not rest.endswith(b"\n"):
        pass


def catalogue_index(file: Path | None) -> MappingIndex:
    """Build the index of a catalogue file, version 0; a file that cannot be used ends the command."""
    source = file or shipped_catalogue()
    try:
        return MappingIndex(load_catalogue(source.read_text(encoding="utf-8")))
    except (MappingError, OSError, UnicodeDecodeError) as error:
        fail(f"The catalogue {source} cannot be used: {error}")
