"""The catalogue file: mappings as JSON text that round-trips byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from worker.domain.mapping import Fault, Mapping, MappingError, dump_mapping, parse_mapping

FORMAT: Final = 1


def load_catalogue(text: str) -> list[Mapping]:
    """The mappings of a catalogue file, in the file's order.

    Raises MappingError: every fault of every mapping, its field prefixed with ``mappings[i]``, and canonical
    ids that stand twice.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise MappingError([Fault("catalogue", text[:40], f"is not JSON: {error}")]) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise MappingError([Fault("format", text[:40], f"is not a catalogue of format {FORMAT}")])
    rows = document.get("mappings")
    if not isinstance(rows, list):
        raise MappingError([Fault("mappings", repr(rows)[:40], "must be a list")])
    return _parse_rows(rows)


def _parse_rows(rows: list[Any]) -> list[Mapping]:
    mappings: list[Mapping] = []
    faults: list[Fault] = []
    first: dict[str, int] = {}
    for index, row in enumerate(rows):
        try:
            mapping = parse_mapping(row if isinstance(row, dict) else {})
        except MappingError as error:
            faults += [fault._replace(field=f"mappings[{index}].{fault.field}") for fault in error.faults]
            continue
        if first.setdefault(mapping.canonical_id, index) != index:
            reason = f"stands already at mappings[{first[mapping.canonical_id]}]"
            faults.append(Fault(f"mappings[{index}].canonical_id", mapping.canonical_id, reason))
        mappings.append(mapping)
    if faults:
        raise MappingError(faults)
    return mappings


def dump_catalogue(mappings: Iterable[Mapping]) -> str:
    """Catalogue text, one field or outcome a line so that a diff reads well; ends with a newline."""
    blocks = ",\n".join(_dump_block(dump_mapping(mapping)) for mapping in mappings)
    return f'{{"format": {FORMAT}, "mappings": [\n{blocks}\n]}}\n'


def _dump_block(row: dict[str, Any]) -> str:
    outcomes = ",\n   ".join(_json(outcome) for outcome in row.pop("outcome_mapping"))
    fields = "".join(f" {_json(name)}: {_json(value)},\n" for name, value in row.items())
    return f'{{\n{fields} "outcome_mapping": [\n   {outcomes}\n ]}}'


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
