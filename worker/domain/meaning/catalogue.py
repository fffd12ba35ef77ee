"""The meanings that ship with the catalogue: what each canonical market is about, and when each outcome wins.

The file is ``catalogue/meanings.json``: ``{"format": 1, "meanings": {canonical id: fields}}``, the fields as
``MarketMeaning`` names them. A market whose outcomes need the order or the time of goals, or that counts
something else, has no ``when``; then ``exhaustive``, ``exclusive`` and ``push`` are declared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from .expression import MeaningError, parse
from .market import HANDICAP_LINES, TOTAL_LINES, Predicates, Traits, traits
from .vocabulary import TRAIT_LINES, VERDICTS, VOCABULARY, WORDS, TraitLine

_FORMAT: Final = 1
_FIELDS: Final = frozenset({*WORDS, "line"})
_OPTIONAL: Final = frozenset({"when", "void", "settlement", *VERDICTS})
_LINES: Final[Mapping[TraitLine, tuple[str | None, ...]]] = {
    "none": (None,),
    "total": TOTAL_LINES,
    "handicap_2way": HANDICAP_LINES,
    "ordinal": ("1", "2", "3"),
    "at_least": ("0.5", "1.5", "2.5"),
    # A handicap with a draw has whole lines only.
    "handicap_3way": tuple(line for line in HANDICAP_LINES if "." not in line),
}


@dataclass(frozen=True)
class MarketMeaning:
    """What one canonical market is about.

    ``period`` is ``ft``, ``1h``, ``2h`` or a span of minutes; ``subject`` is whom it is about: ``match``,
    ``home`` or ``away``; ``counts`` is what is counted. ``settlement`` is a sentence for people where
    bookmakers differ. ``predicates`` is None where no expression can tell when an outcome wins.
    """

    canonical_id: str
    family: str
    period: str
    subject: str
    counts: str
    line: TraitLine
    predicates: Predicates | None
    declared: Traits | None
    settlement: str | None

    @cached_property
    def traits(self) -> Traits:
        """Derived where there are expressions (some tens of milliseconds), else as declared."""
        if self.predicates is not None:
            return traits(self.predicates)
        return self.declared or Traits(None, None, push=False)


def load_meanings(text: str) -> dict[str, MarketMeaning]:
    """Read the file. Raises MeaningError, naming the market, for what cannot be used."""
    return {name: _market(name, fields) for name, fields in _fields_by_name(text).items()}


def load_meaning(text: str, canonical_id: str) -> MarketMeaning | None:
    """Read one market of the file; None if the file does not have it. Raises as `load_meanings` does.

    To compile the expressions of one takes a millisecond, of all half a second.
    """
    fields = _fields_by_name(text).get(canonical_id)
    return None if fields is None else _market(canonical_id, fields)


def _fields_by_name(text: str) -> Mapping[str, Mapping[str, Any]]:
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise MeaningError("meanings", 1, f"looked for format {_FORMAT}")
    meanings: Mapping[str, Mapping[str, Any]] = document["meanings"]
    return meanings


def _market(canonical_id: str, fields: Mapping[str, Any]) -> MarketMeaning:
    missing, unknown = _FIELDS - fields.keys(), fields.keys() - _FIELDS - _OPTIONAL
    if missing or unknown:
        raise MeaningError(
            canonical_id, 1, f"fields missing {sorted(missing)}, unknown {sorted(unknown)}"
        )
    for name, words in VOCABULARY.items():
        if fields[name] not in words:
            raise MeaningError(canonical_id, 1, f"{name} is none of {', '.join(words)}")
    line = next((known for known in TRAIT_LINES if known == fields["line"]), None)
    if line is None:
        raise MeaningError(canonical_id, 1, f"line is none of {', '.join(TRAIT_LINES)}")
    predicates = _predicates(canonical_id, line, fields)
    declared = Traits(fields.get("exhaustive"), fields.get("exclusive"), fields.get("push", False))
    return MarketMeaning(
        canonical_id,
        family=fields["family"],
        period=fields["period"],
        subject=fields["subject"],
        counts=fields["counts"],
        line=line,
        predicates=predicates,
        declared=declared if predicates is None else None,
        settlement=fields.get("settlement"),
    )


def _predicates(canonical_id: str, line: TraitLine, fields: Mapping[str, Any]) -> Predicates | None:
    if "when" not in fields:
        return None
    void = fields.get("void")
    return Predicates(
        canonical_id,
        {name: None if text is None else parse(text) for name, text in fields["when"].items()},
        None if void is None else parse(void),
        _LINES[line],
    )
