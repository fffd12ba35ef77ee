"""One visit of a scraper: what the observations of one scrape have in common, and their envelope."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from worker.lab.synthetic import pricing
from worker.lab.synthetic.books.at_event import BookAtEvent
from worker.lab.synthetic.expected import AnswerSheet, Generated
from worker.lab.synthetic.fixtures import Fixture, seeded

if TYPE_CHECKING:
    import random

    from worker.lab.synthetic.extras import Extra
    from worker.lab.synthetic.question import FairChances

_HABITS = {"betpawa": pricing.BETPAWA, "sportybet": pricing.SPORTYBET, "bet9ja": pricing.BET9JA}
_NARROWEST = {"betpawa": 0.06, "sportybet": 0.05, "bet9ja": 0.1}
_BETWEEN_EVENTS_MS = 390
_SPREAD_MS = 300


class Visit(NamedTuple):
    """``has_grade_c``: the truth is that of a catalogue whose ids of grade C are switched on."""

    seed: int
    scrape: int
    begun: datetime
    full: bool
    noise: float
    extras: frozenset[Extra]
    has_grade_c: bool


def make_book(visit: Visit, platform: str, fixture: Fixture, fair: FairChances) -> BookAtEvent:
    """What a bookmaker sells on an event, still empty. In play no price is broken."""
    opening = seeded(visit.seed, fixture.serial, platform)
    observed_at = _seen_at(visit.begun, fixture.ordinal, opening.randrange(_SPREAD_MS))
    pricer = make_pricer(visit, platform, fixture, opening)
    if fixture.is_live:
        pricer = replace(pricer, habits=replace(pricer.habits, invalid=0.0))
    return BookAtEvent(
        fixture=fixture,
        fair=fair,
        pricer=pricer,
        answers=AnswerSheet(),
        narrowest=_NARROWEST[platform],
        observed_at=observed_at,
        full=visit.full,
        has_grade_c=visit.has_grade_c,
    )


def make_pricer(
    visit: Visit, platform: str, fixture: Fixture, opening: random.Random, *more: str
) -> pricing.Pricer:
    moves = seeded(visit.seed, fixture.serial, platform, *more, visit.scrape)
    return pricing.Pricer(_HABITS[platform], opening, moves if visit.scrape else None, visit.noise)


def generated(
    visit: Visit, platform: str, book: BookAtEvent, markets: dict[str, Any], **event: Any
) -> Generated:
    """The observation of what a bookmaker has written, with its truth; ``event`` is added to the event."""
    fixture = book.fixture
    observation = _envelope(platform, fixture, visit.begun, book.observed_at) | markets
    observation["event"] |= event
    return Generated(platform, _key(platform, fixture), observation, book.answers.finished())


def _seen_at(begun: datetime, ordinal: int, delay_ms: int) -> datetime:
    """Events are read one after the other, 2.6 a second."""
    return begun + timedelta(milliseconds=_BETWEEN_EVENTS_MS * ordinal + 120 + delay_ms)


def _envelope(
    platform: str, fixture: Fixture, begun: datetime, observed_at: datetime
) -> dict[str, Any]:
    known = platform in fixture.known_to_sportradar
    return {
        "schema_version": 1,
        "platform": platform,
        "observed_at": _text(observed_at),
        "scrape_id": begun.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "event": {
            "id": fixture.event_ids[platform],
            "sportradar_id": fixture.sportradar_id if known else None,
            "home": fixture.home,
            "away": fixture.away,
            "starts_at": _text(fixture.starts_at),
            "sport": fixture.sport,
            "competition": fixture.competition,
            "live": fixture.is_live,
        },
    }


def _key(platform: str, fixture: Fixture) -> str:
    known = platform in fixture.known_to_sportradar
    return fixture.sportradar_id if known else f"{platform}:{fixture.event_ids[platform]}"


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
