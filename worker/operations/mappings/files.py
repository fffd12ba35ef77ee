"""The files that editors write: one mapping as YAML or JSON."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from worker.domain.books.registry import LABEL_COLUMNS, OUTCOME_ID_COLUMNS
from worker.domain.books.rows import abbreviate
from worker.domain.bounded_json import (
    DEEPEST,
    JsonBoundsError,
    NotJsonError,
    parse_json,
    require_depth,
)
from worker.domain.mapping import (
    FIELDS,
    Mapping,
    MappingError,
    MappingFault,
    dump_mapping,
    parse_mapping,
)
from worker.domain.meaning.vocabulary import VERDICTS

_KNOWN: Final = {*FIELDS, "version"}
_KNOWN_OF_OUTCOME: Final = {
    "canonical_id",
    "position",
    *LABEL_COLUMNS.values(),
    *OUTCOME_ID_COLUMNS.values(),
}
_WIDTH: Final = 200
# Of an integer of 64 bits with its sign; a longer text is left as it is, and refused as no number.
_MOST_DIGITS: Final = 20
_FLAGS: Final = {"true": True, "false": False}
FileValues = dict[str, Any]


class _TextLoader(yaml.SafeLoader):
    """Reads every plain scalar as text, ``null`` as None: the label `Yes` is no boolean, `1` no number."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  the library's own way


for _first in ("~", "n", "N", ""):
    _TextLoader.yaml_implicit_resolvers[_first] = [
        one
        for one in yaml.SafeLoader.yaml_implicit_resolvers[_first]
        if one[0] == "tag:yaml.org,2002:null"
    ]


def read_text(file: Path) -> str:
    """The file's text, `-` is stdin. Raises OSError, UnicodeDecodeError."""
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    return text.removeprefix("\ufeff")  # the byte order mark that some editors write


def parse_values(text: str) -> FileValues:
    """Read the fields of a mapping file. Raises MappingError for another file, and for each unknown field."""
    document = _with_numbers(parse_object(text))
    rows = document.get("outcome_mapping")
    faults = _unknown(document, _KNOWN, "")
    for place, row in enumerate(rows if isinstance(rows, list) else []):
        faults += _unknown(row, _KNOWN_OF_OUTCOME, f"outcome_mapping[{place}].")
    if faults:
        raise MappingError(faults)
    return document


def parse_object(text: str, where: str = "file") -> FileValues:
    """Read an object of JSON, or of YAML with plain scalars as texts. Raises MappingError, at ``where``."""
    reason = "must hold the fields of one mapping"
    try:
        document = _parse(text)
    except JsonBoundsError as error:
        document, reason = None, str(error)
    if not isinstance(document, dict):
        raise MappingError([MappingFault(where, abbreviate(text[:40]), reason)])
    return document


def _parse(text: str) -> Any:
    """What is JSON is read as JSON, whose escapes are others; YAML may begin with a brace as well."""
    if not text.lstrip().startswith("{"):
        return _parse_yaml(text)
    try:
        return parse_json(text)
    except NotJsonError as no_json:
        try:
            return _parse_yaml(text)
        except JsonBoundsError as no_yaml:
            raise JsonBoundsError(f"{no_json}; {no_yaml}") from no_yaml


def split_version(values: FileValues) -> tuple[Mapping, int | None]:
    """The mapping and the version that it was exported at. Raises MappingError."""
    version = values.get("version")
    if version is not None and type(version) is not int:
        raise MappingError([MappingFault("version", abbreviate(version), "must be a whole number")])
    return parse_mapping(values), version


def dump_yaml(mapping: Mapping, version: int | None = None) -> str:
    """Return YAML for parse_values, one line per outcome; ``version`` is the one that an update expects."""
    values = dump_mapping(mapping)
    return dump_values(values if version is None else {"version": version, **values})


def dump_values(values: FileValues) -> str:
    """The fields of a mapping, finished or not, as YAML."""
    return yaml.safe_dump(
        values, sort_keys=False, allow_unicode=True, default_flow_style=None, width=_WIDTH
    )


def dump_line(values: FileValues) -> str:
    """The same in one line."""
    text = yaml.safe_dump(
        values, sort_keys=False, allow_unicode=True, default_flow_style=True, width=math.inf
    )
    return str(text).rstrip("\n")


def _parse_yaml(text: str) -> Any:
    """Raises JsonBoundsError."""
    try:
        document = yaml.load(text, _TextLoader)  # noqa: S506  a safe loader that reads texts only
    except yaml.YAMLError as error:
        raise JsonBoundsError(f"is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise JsonBoundsError(f"is nested deeper than {DEEPEST} levels") from error
    require_depth(document)
    return document


def _with_numbers(document: FileValues) -> FileValues:
    rows = document.get("outcome_mapping")
    if isinstance(rows, list):
        rows = [_whole(row, "position") if isinstance(row, dict) else row for row in rows]
        document = document | {"outcome_mapping": rows}
    further = document.get("also")
    if isinstance(further, list):
        document = document | {"also": [_with_flags(one, ("active",)) for one in further]}
    if "traits" in document:
        document = document | {"traits": _with_flags(document["traits"], VERDICTS)}
    return _whole(_whole(document, "priority"), "version")


def _with_flags(values: Any, names: tuple[str, ...]) -> Any:
    """Turn fields into booleans if they are; the parser refuses anything else."""
    if not isinstance(values, dict):
        return values
    flags = {
        name: _FLAGS.get(values[name].casefold(), values[name])
        for name in names
        if isinstance(values.get(name), str)
    }
    return values | flags


def _whole(values: FileValues, name: str) -> FileValues:
    """Turn a field into a number if it is one; leave anything else for the parser to refuse."""
    value = values.get(name)
    if (
        isinstance(value, str)
        and len(value) <= _MOST_DIGITS
        and value.removeprefix("-").isdecimal()
    ):
        return values | {name: int(value)}
    return values


def _unknown(values: object, known: set[str], where: str) -> list[MappingFault]:
    if not isinstance(values, dict):
        return []
    return [
        MappingFault(
            f"{where}{name}",
            abbreviate(value),
            f"is not a field; the fields are {', '.join(sorted(known))}",
        )
        for name, value in values.items()
        if name not in known
    ]
