"""docs/markets.md, made from the catalogue and its meanings: `python -m worker.lab.documents.markets`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import load_catalogue
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.meaning.catalogue import MarketMeaning, load_meanings
from worker.domain.meaning.market import Bet, Sets

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "markets.md"
_HEAD: Final = """# The markets

What each canonical market means: when its outcomes win, and which prices can be compared.
This page is generated from the shipped catalogue (`python -m worker.lab.documents.markets`).

| in an expression | what it is |
|---|---|
| `h`, `a`, `t` | the goals of home, of away, and of both together |
| `h1`, `a1`, `t1` | the same for the first half |
| `h2`, `a2`, `t2` | the same for the second half |
| `line` | the line of the market; for handicaps, the line of the home side |
| `first`, `last` | the side that scored the first goal, and the last one |

All count regular time unless the market says otherwise.

| each market is | yes means |
|---|---|
| exhaustive | in every match an outcome wins, or the stake is returned |
| exclusive | in no match do two outcomes win |
| push | for some result the stake is returned |

If a market is exhaustive and exclusive, its outcomes make up one book: their inverse odds add up to more
than 1. For any other market, a sum below 1 is not an arbitrage.

These three are not declared. They are derived by trying every match, for outcomes that have an expression. An
outcome without an expression is a residual ("any other score"). What it covers depends on the scores that a
bookmaker lists, so it cannot be compared between bookmakers that list different scores.
"""


def markets_document() -> str:
    """Return the page."""
    source = shipped_catalogue()
    mappings = load_catalogue(source.read_text(encoding="utf-8"))
    meanings = load_meanings((source.parent / "meanings.json").read_text(encoding="utf-8"))
    parts = [_HEAD, *_table_of_equals(meanings)]
    by_family: dict[str, list[MarketMapping]] = {}
    for mapping in mappings:
        by_family.setdefault(meanings[mapping.canonical_id].family, []).append(mapping)
    for family in sorted(by_family):
        parts.append(f"\n## {family.replace('_', ' ').capitalize()}\n")
        for mapping in by_family[family]:
            parts.extend(_market(mapping, meanings[mapping.canonical_id]))
    return "\n".join(parts) + "\n"


def _table_of_equals(meanings: Mapping[str, MarketMeaning]) -> Iterator[str]:
    sets = Sets(one.predicates for one in meanings.values() if one.predicates is not None)
    yield "\n## One bet under two names\n"
    yield "The bets of a row always win, lose or return the stake together: their prices can be compared.\n"
    yield "| the same bet |"
    yield "|---|"
    for bets in sorted(sets.same(), key=str):
        yield f"| {', '.join(map(_bet, bets))} |"


def _bet(bet: Bet) -> str:
    line = "" if bet.line is None else f" {bet.line}"
    return f"`{bet.canonical_id}`{line} {bet.outcome}"


def _market(mapping: MarketMapping, meaning: MarketMeaning) -> Iterator[str]:
    yield f"### {mapping.canonical_id}\n"
    about = [mapping.name, f"period {meaning.period}", f"counts {meaning.counts}"]
    if meaning.subject != "match":
        about.append(f"of {meaning.subject}")
    if meaning.line != "none":
        about.append(f"line: {meaning.line}")
    words = {True: "yes", False: "no", None: "not known"}
    exhaustive, exclusive, push = (words[one] for one in meaning.traits)
    yield f"{'; '.join(about)}. Exhaustive: {exhaustive}. Exclusive: {exclusive}. Push: {push}.\n"
    if meaning.settlement:
        yield f"{meaning.settlement}\n"
    if meaning.predicates is None:
        yield f"Outcomes: {', '.join(f'`{one.canonical_id}`' for one in mapping.outcomes)}.\n"
        return
    yield "| outcome | wins when |"
    yield "|---|---|"
    for outcome, when in meaning.predicates.when.items():
        yield f"| {outcome} | {'a residual' if when is None else f'`{when}`'} |"
    if meaning.predicates.void is not None:
        yield f"| *stake back* | `{meaning.predicates.void}` |"
    yield ""


if __name__ == "__main__":
    DOCUMENT.write_text(markets_document(), encoding="utf-8")
