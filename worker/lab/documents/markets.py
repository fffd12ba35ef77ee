"""docs/markets.md, made from the catalogue and its meanings: `python -m worker.lab.documents.markets`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from schemas import EVIDENCE_GRADES
from worker.cli.shipped import shipped_catalogue, shipped_meanings
from worker.domain.books.platforms import PLATFORMS
from worker.domain.catalogue import load_catalogue
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.meaning.catalogue import MarketMeaning
from worker.domain.meaning.market import Bet, Sets
from worker.insight.grades import CONTRADICTS

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "markets.md"
# Made by `worker.lab.documents.market_grades`.
DATA: Final = DOCUMENT.parent / "assets" / "market_grades.json"
Measured = Mapping[str, Any]
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

For a market that has expressions, these three are derived by trying every match; for any other, they are
declared. An outcome without an expression is a residual ("any other score"). What it covers depends on the
scores that a bookmaker lists, so it cannot be compared between bookmakers that list different scores. Each
list has a residual of its own; the name of the list is shown next to it.

**Lines.** `total`: over or under it. `handicap_2way`, `handicap_3way`: of the home side. `ordinal`: the
number of a goal or a set. `at_least`: N or more, as the line N - 0.5.

**Ids.** The number of ids under which each bookmaker sells the market. Ids that are switched off are known by
their labels only (grade C): neither another bookmaker's prices nor an identity bears them out yet. An editor
switches one on: `marketmap mappings update CANONICAL_ID --set also.PLATFORM.ID.active=true`.

**Odds.** What prices say about the mapping at each bookmaker: its grade on a generated scrape, and in
brackets the median distance in logits from another bookmaker or from the goal model, with the number of
events. After "real" are the distances on real replies, with the number of prices. Grades and distances are
explained in [Evidence from odds](evidence.md). A market without this line is not sold in either, or nothing
prices it: it has no expressions, and no second bookmaker sells it.

The client kit has all of this but the odds as data: `canonical_market("1x2_ft")` of `market_mapping_client`.
"""


def markets_document() -> str:
    """Return the page."""
    source = shipped_catalogue()
    mappings = load_catalogue(source.read_text(encoding="utf-8"))
    meanings = shipped_meanings()
    measured = json.loads(DATA.read_text(encoding="utf-8"))
    parts = [_HEAD, *_counts(mappings), *_grades(mappings, measured), *_table_of_equals(meanings)]
    by_family: dict[str, list[MarketMapping]] = {}
    for mapping in mappings:
        by_family.setdefault(meanings[mapping.canonical_id].family, []).append(mapping)
    for family in sorted(by_family):
        parts.append(f"\n## {family.replace('_', ' ').capitalize()}\n")
        for mapping in by_family[family]:
            parts.extend(_market(mapping, meanings[mapping.canonical_id], measured))
    parts += _left_out(json.loads((source.parent / "left_out.json").read_text(encoding="utf-8")))
    return "\n".join(parts) + "\n"


def _counts(mappings: Sequence[MarketMapping]) -> Iterator[str]:
    """How many markets there are of each sport, and how many ids of each bookmaker."""
    yield "\n## Numbers\n"
    yield f"| sport | markets | {' | '.join(PLATFORMS)} | switched off |"
    yield f"|---|---|{'---|' * len(PLATFORMS)}---|"
    for sport in sorted({mapping.scope.sport for mapping in mappings}):
        own = [mapping for mapping in mappings if mapping.scope.sport == sport]
        active, off = _ids_of(own, is_active=True), _ids_of(own, is_active=False)
        cells = [str(active[platform]) for platform in PLATFORMS]
        yield f"| {sport} | {len(own)} | {' | '.join(cells)} | {off.total()} |"


def _ids_of(mappings: Sequence[MarketMapping], *, is_active: bool) -> Counter[str]:
    """The number of ids of each bookmaker that are switched on, or off."""
    found: Counter[str] = Counter()
    for mapping in mappings:
        found.update(one.platform for one in mapping.also if one.active is is_active)
        if is_active:
            found.update(platform for platform in PLATFORMS if mapping.id_on(platform))
    return found


def _table_of_equals(meanings: Mapping[str, MarketMeaning]) -> Iterator[str]:
    sets = Sets(one.predicates for one in meanings.values() if one.predicates is not None)
    yield "\n## One bet under two names\n"
    yield "The bets of a row always win, lose or return the stake together: their prices can be compared.\n"
    yield "| the same bet |"
    yield "|---|"
    for bets in sorted(sets.same(), key=str):
        if sets.bets[bets[0]]:  # what can never win, such as home and under 0.5, is no bet
            yield f"| {', '.join(map(_bet, bets))} |"


def _bet(bet: Bet) -> str:
    line = "" if bet.line is None else f" {bet.line}"
    return f"`{bet.canonical_id}`{line} {bet.outcome}"


def _grades(mappings: Sequence[MarketMapping], measured: Measured) -> Iterator[str]:
    """How many mappings have each grade at each bookmaker, and the contradicted ones by name."""
    generated, real = measured["generated"], measured["real"]
    known = {one.canonical_id for one in mappings}
    graded = {name: found for name, found in measured["grades"].items() if name in known}
    yield "\n## Grades\n"
    yield (
        f"Measured on {measured['measured_on']} by `python -m worker.lab.documents.market_grades FOLDER`:"
        f" on a generated scrape of {generated['events']} events at noise {generated['noise']}, and on"
        f" {real['boards']} replies about {real['events']} real events.\n"
    )
    yield f"| grade | {' | '.join(PLATFORMS)} |"
    yield f"|---|{'---|' * len(PLATFORMS)}"
    for grade in EVIDENCE_GRADES:
        counts = [
            sum(found.get(platform, {}).get("grade") == grade for found in graded.values())
            for platform in PLATFORMS
        ]
        yield f"| {grade} | {' | '.join(map(str, counts))} |"
    contradicted = [
        f"`{name}` at {platform}"
        for name, found in sorted(graded.items())
        for platform, one in found.items()
        if one["grade"] == "contradicted"
    ]
    yield f"\nContradicted: {', '.join(contradicted) or 'none'}.\n"
    far = [
        f"`{name}` ({names}, {found['median']:.2f})"
        for name, of_market in measured["distances"].items()
        for names, found in of_market.items()
        if found["median"] >= CONTRADICTS and name in known
    ]
    yield f"At least {CONTRADICTS} apart on real replies, in the median: {', '.join(far) or 'none'}."


def _market(mapping: MarketMapping, meaning: MarketMeaning, measured: Measured) -> Iterator[str]:
    yield f"### {mapping.canonical_id}\n"
    about = [mapping.name, f"period {meaning.period}", f"counts {meaning.counts}"]
    if meaning.subject != "match":
        about.append(f"of {meaning.subject}")
    if meaning.line != "none":
        about.append(f"line: {meaning.line}")
    if not mapping.scope.is_default:
        about.append(f"scope: {mapping.scope.sport}, {mapping.scope.phase}")
    words = {True: "yes", False: "no", None: "not known"}
    exhaustive, exclusive, push = (words[one] for one in meaning.traits)
    yield f"{'; '.join(about)}. Exhaustive: {exhaustive}. Exclusive: {exclusive}. Push: {push}.\n"
    yield f"Ids: {_ids(mapping)}.\n"
    odds = _odds(mapping.canonical_id, measured)
    if odds:
        yield f"Odds: {odds}.\n"
    if meaning.settlement:
        yield f"{meaning.settlement}\n"
    if meaning.predicates is None:
        names = [*(one.canonical_id for one in mapping.outcomes), *mapping.further_outcomes]
        yield f"Outcomes: {', '.join(f'`{name}`' for name in names)}.\n"
        return
    yield "| outcome | wins when |"
    yield "|---|---|"
    for outcome, when in meaning.predicates.when.items():
        yield f"| {outcome} | {_residual(mapping, outcome) if when is None else f'`{when}`'} |"
    if meaning.predicates.void is not None:
        yield f"| *stake back* | `{meaning.predicates.void}` |"
    yield ""


def _ids(mapping: MarketMapping) -> str:
    active, off = _ids_of([mapping], is_active=True), _ids_of([mapping], is_active=False)
    said = []
    for platform in PLATFORMS:
        if active[platform] or off[platform]:
            more = f" ({off[platform]} switched off)" if off[platform] else ""
            said.append(f"{platform} {active[platform]}{more}")
    return ", ".join(said)


def _odds(canonical_id: str, measured: Measured) -> str:
    """The grades of a mapping, and its distances on real replies."""
    said = []
    for platform, one in sorted(measured["grades"].get(canonical_id, {}).items()):
        compared = [
            f"{_against(name)} {found['median']:.2f} on {found['events']}"
            for name, found in one["against"].items()
        ]
        said.append(f"{platform} {one['grade']} ({', '.join(compared)})")
    real = [
        f"{names} {found['median']:.2f} ({found['prices']})"
        for names, found in measured["distances"].get(canonical_id, {}).items()
    ]
    return "; ".join([*said, *([f"real: {', '.join(real)}"] if real else [])])


def _against(name: str) -> str:
    return "its model" if name == "model" else name


def _residual(mapping: MarketMapping, outcome: str) -> str:
    listed = None if mapping.traits is None else mapping.traits.residuals.get(outcome)
    return "a residual" if listed is None else f"a residual of the list `{listed}`"


def _left_out(document: Mapping[str, Any]) -> Iterator[str]:
    yield "\n## What no mapping has\n"
    yield "Ids, or outcomes of ids, that were looked at and left out.\n"
    yield "| bookmaker | id | why |"
    yield "|---|---|---|"
    for one in document["left_out"]:
        outcome = f", {one['outcome']}" if "outcome" in one else ""
        yield f"| {one['platform']} | `{one['id']}`{outcome} | {one['reason']} |"


if __name__ == "__main__":
    DOCUMENT.write_text(markets_document(), encoding="utf-8")
