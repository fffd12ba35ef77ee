"""Why one market of an observation resolved as it did, or did not: the resolver's own steps, written down.

Nothing is decided here. Every verdict comes from the function that the resolver asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from worker.domain.books.book import WRITTEN_AS, Params
from worker.domain.books.lines import LineKind, parse_line
from worker.domain.books.odds import Odds, parse_odds
from worker.domain.books.platforms import Platform
from worker.domain.books.rows import LONGEST_ID, Rejection, Row, Selection, abbreviate
from worker.domain.index import MappingIndex
from worker.domain.labels import Teams, name_roles, teams
from worker.domain.markets import (
    Claim,
    Contradiction,
    Market,
    Meaning,
    NotMapped,
    NotReadable,
    PlayerDoubt,
    PlayerMarket,
    PlayerSlot,
)
from worker.domain.misses import Sample, sample
from worker.domain.resolve import (
    MarketDocument,
    MissDocument,
    Observation,
    ParticipantDocument,
    PlayerMarketDocument,
    RejectionDocument,
    Resolution,
    market_document,
    miss_document,
    participant_document,
    platform_rows,
    player_document,
    rejection_document,
    resolve_rows,
)
from worker.domain.scope import FOOTBALL, EventScope, parse_external_id
from worker.domain.specifier import Line, OtherMarket, UnreadableLine, parse_qualifier, read_line

ClaimVerdict = Literal["MARKET", "OTHER_MARKET", "UNREADABLE"]
LabelVerdict = Literal[
    "MATCHED",
    "LABEL_ID_DISAGREE",
    "PARTICIPANTS_DIFFER",
    "CONTRADICTS_LINE",
    "UNKNOWN_LABEL",
    "NOT_ASKED",
]
OddsVerdict = Literal["USABLE", "NO_PRICE", "INVALID_ODDS"]
_PHASE_WORDS: Final = {"prematch": "events before the match", "live": "events in play"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mapping that claims the market's id, and what it makes of the qualifier."""

    canonical_id: str
    mapping_id: int | None
    priority: int
    kind: LineKind
    fixed: dict[str, str]
    verdict: ClaimVerdict
    line: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class ExplainedLabel:
    """One outcome as the platform names and prices it. ``read_as`` holds every way its label may be read."""

    label: str
    shown_line: str | None
    read_as: tuple[str, ...]
    verdict: LabelVerdict
    canonical_id: str | None
    line: str | None
    outcome: str | None
    raw_odds: str
    odds: Odds | None
    active: bool
    odds_verdict: OddsVerdict
    participant: ParticipantDocument | None = None


@dataclass(frozen=True, slots=True)
class RowExplained:
    """One row of the market. ``params`` is None when its qualifier cannot be read."""

    qualifier: str | None
    params: dict[str, str] | None
    meaning: str
    candidates: tuple[Candidate, ...]
    labels: tuple[ExplainedLabel, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is to say about one market of one observation; ``found`` is false when it is not in there."""

    platform: Platform
    market_id: str
    qualifier: str | None
    mapping_version: int
    found: bool
    rows: tuple[RowExplained, ...]
    markets: tuple[MarketDocument, ...]
    misses: tuple[MissDocument, ...]
    rejected: tuple[RejectionDocument, ...]
    sample: tuple[Sample, ...]
    participant_markets: tuple[PlayerMarketDocument, ...] = ()


class EventRows(NamedTuple):
    """Rows of one event at one bookmaker, and what is known of the event."""

    platform: Platform
    names: Teams | None
    scope: EventScope
    rows: Iterable[Row | Rejection]


def explain(
    observation: Observation, index: MappingIndex, market_id: str, qualifier: str | None = None
) -> Explanation:
    """Explain the rows of ``market_id``: those of ``qualifier``, or all of them when it is None."""
    names = teams(observation.home, observation.away)
    rows = EventRows(observation.platform, names, observation.scope, platform_rows(observation))
    return explain_rows(rows, index, market_id, qualifier)


def explain_rows(
    rows: EventRows, index: MappingIndex, market_id: str, qualifier: str | None = None
) -> Explanation:
    """Explain the rows of a market among some that are read already, as ``explain`` does."""
    platform, names, scope, _ = rows
    chosen = list(_chosen(rows, market_id, qualifier))
    resolution = resolve_rows(iter(chosen), platform, names, index, scope)
    return Explanation(
        platform=platform,
        market_id=market_id,
        qualifier=qualifier,
        mapping_version=index.version,
        found=bool(chosen),
        rows=tuple(
            _explain_row(row, platform, names, index, scope)
            for row in chosen
            if not isinstance(row, Rejection)
        ),
        markets=tuple(map(market_document, resolution.markets)),
        misses=tuple(map(miss_document, resolution.misses)),
        rejected=tuple(map(rejection_document, resolution.rejected)),
        sample=_sample(resolution),
        participant_markets=tuple(map(player_document, resolution.players)),
    )


def _sample(resolution: Resolution) -> tuple[Sample, ...]:
    return tuple(sample(row for missed in resolution.missed for row in missed.rows))


def _chosen(rows: EventRows, market_id: str, qualifier: str | None) -> Iterator[Row | Rejection]:
    for row in rows.rows:
        if isinstance(row, Rejection):
            if row.external_market_id == market_id[:LONGEST_ID]:
                yield row
        elif row.market_id == market_id and (
            qualifier is None or _same(rows.platform, row.qualifier, qualifier)
        ):
            yield row


def _same(platform: Platform, one: str | None, other: str) -> bool:
    """Whether two qualifiers say the same: in any order, and with lines in any notation."""
    if one is None or one == other:
        return one == other
    left, right = parse_qualifier(platform, one), parse_qualifier(platform, other)
    if left is None or right is None:
        return False
    return _comparable(left) == _comparable(right)


def _comparable(params: Params) -> dict[str, str]:
    return {key: parse_line(value) or value for key, value in params if key != WRITTEN_AS}


def _explain_row(
    row: Row, platform: Platform, names: Teams | None, index: MappingIndex, scope: EventScope
) -> RowExplained:
    params = parse_qualifier(platform, row.qualifier)
    meaning = index.meaning(platform, row.market_id, row.qualifier, scope)
    return RowExplained(
        qualifier=row.qualifier,
        params=None if params is None else {key or "written_as": value for key, value in params},
        meaning=_say(meaning),
        candidates=tuple(
            _candidate(claim, platform, row.qualifier)
            for claim in index.claims(platform, row.market_id, scope)
        ),
        labels=tuple(_label(selection, meaning, names) for selection in row.selections),
    )


def _say(meaning: Meaning) -> str:
    match meaning:
        case Market(accepted=accepted) | PlayerMarket(accepted=accepted):
            places = [
                claim.canonical_id
                + (f" at {line}" if line else "")
                + (" of each player" if claim.named else "")
                for claim, line in accepted
            ]
            return f"is {' and '.join(places)}"
        case NotMapped(missed_as, "UNKNOWN_MARKET"):
            name = parse_external_id(missed_as)
            about = [] if name.sport == FOOTBALL else [f"for {name.sport}"]
            about += [] if name.phase is None else [f"for {_PHASE_WORDS[name.phase]}"]
            return " ".join(
                ["UNKNOWN_MARKET: no active mapping", *about, f"has the id {name.market_id}"]
            )
        case NotMapped(missed_as, reason):
            return f"{reason}: the qualifier names another market, missed as {missed_as}"
        case NotReadable(detail, cause):
            code = "INVALID_SPECIFIER" if cause is None else f"INVALID_SPECIFIER, {cause}"
            return f"{code}: {detail}"


def _candidate(claim: Claim, platform: Platform, qualifier: str | None) -> Candidate:
    mapping = claim.mapping
    verdict: ClaimVerdict
    match read_line(claim.rule, platform, parse_qualifier(platform, qualifier)):
        case Line(value):
            verdict, line, detail = "MARKET", value, None
        case OtherMarket():
            verdict, line, detail = "OTHER_MARKET", None, "the qualifier names another market"
        case UnreadableLine(reason):
            verdict, line, detail = "UNREADABLE", None, reason
    return Candidate(
        canonical_id=mapping.canonical_id,
        mapping_id=mapping.id,
        priority=mapping.priority,
        kind=claim.rule.kind,
        fixed=dict(claim.rule.fixed_on(platform)),
        verdict=verdict,
        line=line,
        detail=detail,
    )


def _label(selection: Selection, meaning: Meaning, names: Teams | None) -> ExplainedLabel:
    verdict, canonical_id, line, outcome = _match(selection, meaning, names)
    odds = parse_odds(selection.odds)
    accepted = meaning.accepted if isinstance(meaning, Market | PlayerMarket) else ()
    participant = None
    if isinstance(meaning, PlayerMarket):
        found = meaning.slot(selection, names)
        if isinstance(found, PlayerSlot):
            participant = participant_document(found.participant)
    texts = _texts(selection.label, names)
    readings = [
        reading.words for text in texts for claim, _ in accepted for reading in claim.readings(text)
    ]
    return ExplainedLabel(
        label=selection.label,
        shown_line=selection.shown_line,
        read_as=tuple(dict.fromkeys(readings)),
        verdict=verdict,
        canonical_id=canonical_id,
        line=line,
        outcome=outcome,
        raw_odds=abbreviate(selection.odds),
        odds=odds,
        active=selection.active,
        odds_verdict=_judge(odds, active=selection.active),
        participant=participant,
    )


def _judge(odds: Odds | None, *, active: bool) -> OddsVerdict:
    if odds is not None:
        return "USABLE"
    return "INVALID_ODDS" if active else "NO_PRICE"


_Match = tuple[LabelVerdict, str | None, str | None, str | None]


def _match(selection: Selection, meaning: Meaning, names: Teams | None) -> _Match:
    """The label's verdict, and the canonical market, line and outcome that it stands for or contradicts."""
    if isinstance(meaning, PlayerMarket):
        slot = meaning.slot(selection, names)
    elif isinstance(meaning, Market):
        slot = meaning.slot(selection.label, selection.shown_line, names, selection.id)
    else:
        return "NOT_ASKED", None, None, None
    if isinstance(slot, PlayerDoubt):
        return "PARTICIPANTS_DIFFER", slot.claim.canonical_id, slot.line, None
    if isinstance(slot, PlayerSlot):
        return "MATCHED", slot.claim.canonical_id, slot.line, slot.outcome
    if slot is not None:
        verdict: LabelVerdict = "MATCHED" if slot.against is None else "LABEL_ID_DISAGREE"
        return verdict, slot.claim.canonical_id, slot.line, slot.outcome
    for text in _texts(selection.label, names):
        for claim, line in meaning.accepted:
            read = claim.read(text, selection.shown_line, line)
            if isinstance(read, Contradiction):
                return "CONTRADICTS_LINE", claim.canonical_id, line, read.outcome
    return "UNKNOWN_LABEL", None, None, None


def _texts(label: str, names: Teams | None) -> list[str]:
    """The label unchanged, and with the event's names taken for home and away."""
    roles = None if names is None else name_roles(label, names)
    return [label] if roles is None else [label, roles]
