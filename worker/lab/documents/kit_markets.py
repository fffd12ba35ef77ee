"""The markets in the client kit, made from the catalogue and its meanings: `make schemas` renews them.

The file holds what readers compare prices by: what a market is about, whether its outcomes make up one book,
when each outcome wins, and the list that a residual is the rest of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from worker.cli.shipped import shipped_catalogue, shipped_meanings
from worker.domain.catalogue import load_entries
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.meaning.catalogue import MarketMeaning

FILE: Final = (
    Path(__file__).parents[3] / "clients" / "python" / "market_mapping_client" / "markets.json"
)
_FORMAT: Final = 1
_NEXT: Final = ",\n"


def kit_markets() -> str:
    """Return the text of the file: a market a line, so that a change of one is a change of one line."""
    source = shipped_catalogue()
    entries = load_entries(source.read_text(encoding="utf-8"))
    meanings = shipped_meanings()
    lines = [
        f"{_json(mapping.canonical_id)}: {_json(market_facts(mapping, meanings, is_active=active))}"
        for mapping, active in entries
    ]
    return f'{{"format": {_FORMAT}, "markets": {{\n{_NEXT.join(lines)}\n}}}}\n'


def market_facts(
    mapping: MarketMapping, meanings: Mapping[str, MarketMeaning], *, is_active: bool = True
) -> dict[str, Any]:
    """Return what is known of a market; what its mapping declares comes before what is derived."""
    meaning = meanings[mapping.canonical_id]
    declared = mapping.traits
    verdicts = meaning.traits if declared is None else declared
    predicates = meaning.predicates
    when = {} if predicates is None else predicates.when
    names = [*(outcome.canonical_id for outcome in mapping.outcomes), *mapping.further_outcomes]
    return {
        "name": mapping.name,
        "family": meaning.family,
        "sport": mapping.scope.sport,
        "phase": mapping.scope.phase,
        "period": meaning.period,
        "subject": meaning.subject,
        "counts": meaning.counts,
        "line": meaning.line,
        "exhaustive": verdicts.exhaustive,
        "exclusive": verdicts.exclusive,
        "push": verdicts.push,
        "settlement": meaning.settlement if declared is None else declared.settlement,
        "outcomes": {name: _text(when.get(name)) for name in names},
        "void": None if predicates is None else _text(predicates.void),
        "residuals": {} if declared is None else dict(sorted(declared.residuals.items())),
        "active": is_active,
    }


def _text(expression: object) -> str | None:
    return None if expression is None else str(expression)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    FILE.write_text(kit_markets(), encoding="utf-8")
