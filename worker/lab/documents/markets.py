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

What each canonical market means: when its outcomes win, and what can be relied on when prices are compared.
This page is generated from the shipped catalogue (`python -m worker.lab.documents.markets`).

`h` and `a` are the goals of home and away, `t` both together; `h1`, `a1`, `t1` and `h2`, `a2`, `t2` those of
the first and second half; `line` is the line of the market, for handicaps the home side's; `first` and `last`
are who scored the first and the last goal. All count regular time unless the market says otherwise.

*Exhaustive*: every match wins an outcome or gives the stake back. *Exclusive*: no match wins two. Only where
both hold do the outcomes make up one book, so that their inverse odds add up to more than 1; elsewhere a sum
below 1 is no arbitrage. *Push*: some result gives the stake back. These three are derived by trying every
match, not declared, where the outcomes have an expression. An outcome without one is a residual ("any other
score"): what it covers depends on which scores a bookmaker lists, so it is not comparable across bookmakers
that list different ones.
"""


def markets_document() -> str:
    """The page."""
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
    yield "The bets of a row win, lose and give the stake back together, so their prices may be compared.\n"
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
