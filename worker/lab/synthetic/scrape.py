"""A whole scrape of three books, in their own forms, with the true answer of everything written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from worker.lab.synthetic import pricing
from worker.lab.synthetic.books import bet9ja, betpawa, sportybet
from worker.lab.synthetic.books.stall import Stall
from worker.lab.synthetic.expected import AnswerSheet, Generated
from worker.lab.synthetic.fixtures import Fixture, draw_fixture, seeded
from worker.lab.synthetic.markets import FairPrices
from worker.lab.synthetic.offers import PLATFORMS

if TYPE_CHECKING:
    from collections.abc import Iterator

Size = Literal["full", "slim"]
_HOUSES = {"betpawa": pricing.BETPAWA, "sportybet": pricing.SPORTYBET, "bet9ja": pricing.BET9JA}
_NARROWEST = {"betpawa": 0.06, "sportybet": 0.05, "bet9ja": 0.1}
_NAMED_SHARE = 0.3
_BETWEEN_EVENTS_MS = 390
_SPREAD_MS = 300


def generate_scrape(
    *,
    seed: int,
    events: int,
    scrape: int = 0,
    started_at: datetime,
    interval_s: float = 300.0,
    size: Size = "full",
    noise: float = pricing.NOISE_LOGIT,
) -> Iterator[Generated]:
    """Observations of ``events`` events in the order in which they were scraped.

    The same arguments give the same observations in every process. ``started_at`` (aware) is when scrape 0
    began; scrape n begins n * ``interval_s`` later, sees the same events and ids, and finds one market in ten
    at another price than at first. ``size`` "slim" leaves out decorative fields, never a market.
    ``noise`` is the standard deviation of a book's opening price from the fair one, in logits.

    Raises ValueError when ``started_at`` is naive.
    """
    if started_at.tzinfo is None:
        raise ValueError("started_at must be aware")
    begun = started_at + timedelta(seconds=interval_s * scrape)
    visit = _Visit(seed, scrape, begun, full=size == "full", noise=noise)
    for index in range(events):
        fixture = draw_fixture(seed, index, started_at)
        fair = FairPrices(fixture.model)
        for platform in PLATFORMS:
            if platform in fixture.event_ids:
                yield _observe(visit, platform, fixture, fair)


class _Visit(NamedTuple):
    seed: int
    scrape: int
    begun: datetime
    full: bool
    noise: float


def _observe(visit: _Visit, platform: str, fixture: Fixture, fair: FairPrices) -> Generated:
    place = (visit.seed, fixture.ordinal, platform)
    opening = seeded(*place)
    observed_at = _seen_at(visit.begun, fixture.ordinal, opening.randrange(_SPREAD_MS))
    stall = Stall(
        fixture=fixture,
        fair=fair,
        desk=pricing.Desk(
            _HOUSES[platform],
            opening,
            seeded(*place, visit.scrape) if visit.scrape else None,
            visit.noise,
        ),
        answers=AnswerSheet(),
        narrowest=_NARROWEST[platform],
        observed_ms=int(observed_at.timestamp() * 1000),
        full=visit.full,
    )
    observation = _envelope(platform, fixture, visit.begun, observed_at) | _markets(platform, stall)
    return Generated(platform, _key(platform, fixture), observation, stall.answers.finished())


def _seen_at(begun: datetime, ordinal: int, delay_ms: int) -> datetime:
    """Events are read one after the other, 2.6 a second."""
    return begun + timedelta(milliseconds=_BETWEEN_EVENTS_MS * ordinal + 120 + delay_ms)


def _markets(platform: str, stall: Stall) -> dict[str, Any]:
    if platform == "betpawa":
        return {"markets": betpawa.write(stall)}
    if platform == "sportybet":
        return {"markets": sportybet.write(stall)}
    odds, names = bet9ja.write(stall)
    named = stall.desk.opening.random() < _NAMED_SHARE
    return {"markets": odds} | ({"market_names": names} if named else {})


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
            "sport": "football",
            "competition": fixture.competition,
            "live": False,
        },
    }


def _key(platform: str, fixture: Fixture) -> str:
    known = platform in fixture.known_to_sportradar
    return fixture.sportradar_id if known else f"{platform}:{fixture.event_ids[platform]}"


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
