"""The catalogue file: mappings as JSON text that round-trips byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from worker.domain.books.rows import abbreviate
from worker.domain.bounded_json import JsonBoundsError, parse_json
from worker.domain.mapping import Mapping, MappingError, MappingFault, dump_mapping, parse_mapping

FORMAT: Final = 1


class Entry(NamedTuple):
    """One mapping of a catalogue, and whether it is switched on."""

    mapping: Mapping
    is_active: bool = True


def load_catalogue(text: str) -> list[Mapping]:
    """The mappings of a catalogue file that are switched on, in the file's order. Raises as load_entries."""
    return [entry.mapping for entry in load_entries(text) if entry.is_active]


def load_entries(text: str) -> list[Entry]:
    """All mappings of a catalogue file, in the file's order; one is off where `is_active` is false.

    Raises MappingError: every fault of every mapping, its field prefixed with ``mappings[i]``, and canonical
    ids that occur twice.
    """
    try:
        document = parse_json(text)
    except JsonBoundsError as error:
        raise MappingError(
            [MappingFault("catalogue", abbreviate(text[:40]), str(error))]
        ) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise MappingError(
            [
                MappingFault(
                    "format", abbreviate(text[:40]), f"is not a catalogue of format {FORMAT}"
                )
            ]
        )
    rows = document.get("mappings")
    if not isinstance(rows, list):
        raise MappingError([MappingFault("mappings", abbreviate(rows), "must be a list")])
    return _parse_rows(rows)


def _parse_rows(rows: list[Any]) -> list[Entry]:
    entries: list[Entry] = []
    faults: list[MappingFault] = []
    first: dict[str, int] = {}
    for index, row in enumerate(rows):
        try:
            mapping, is_active = _parse_entry(row if isinstance(row, dict) else {})
        except MappingError as error:
            faults += [
                fault._replace(field=f"mappings[{index}].{fault.field}") for fault in error.faults
            ]
            continue
        if first.setdefault(mapping.canonical_id, index) != index:
            reason = f"is already used at mappings[{first[mapping.canonical_id]}]"
            faults.append(
                MappingFault(f"mappings[{index}].canonical_id", mapping.canonical_id, reason)
            )
        entries.append(Entry(mapping, is_active))
    if faults:
        raise MappingError(faults)
    return entries


def _parse_entry(row: dict[str, Any]) -> Entry:
    mapping, is_active = parse_mapping(row), row.get("is_active", True)
    if type(is_active) is not bool:
        raise MappingError(
            [MappingFault("is_active", abbreviate(is_active), "must be true or false")]
        )
    return Entry(mapping, is_active)


def dump_catalogue(mappings: Iterable[Mapping]) -> str:
    """Catalogue text of mappings that are switched on; as dump_entries."""
    return dump_entries(map(Entry, mappings))


def dump_entries(entries: Iterable[Entry]) -> str:
    """Catalogue text, one field or outcome a line so that a diff reads well; ends with a newline."""
    blocks = ",\n".join(_dump_block(_dump_entry(entry)) for entry in entries)
    return f'{{"format": {FORMAT}, "mappings": [\n{blocks}\n]}}\n'


def _dump_entry(entry: Entry) -> dict[str, Any]:
    return dump_mapping(entry.mapping) | ({} if entry.is_active else {"is_active": False})


def _dump_block(row: dict[str, Any]) -> str:
    outcomes = ",\n   ".join(_json(outcome) for outcome in row.pop("outcome_mapping"))
    fields = "".join(f" {_json(name)}: {_json(value)},\n" for name, value in row.items())
    return f'{{\n{fields} "outcome_mapping": [\n   {outcomes}\n ]}}'


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
