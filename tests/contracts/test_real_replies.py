"""Real replies make the observations that were put together by hand, and what they resolve to is the same."""

import copy
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas import Observation
from schemas.raw_reply import observation_from_reply, platform_of
from tests.support.markets import FOOTBALL, said
from tests.support.payloads import MISSING, PAYLOADS
from worker.domain import resolve as resolver
from worker.domain.books.platforms import Platform, is_platform
from worker.ingest.reading.field_samples import sample_of
from worker.ingest.reading.read import Readable, read

FILES = sorted(PAYLOADS.glob("*.*.json"))
CUTS = 12
NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FILES, reason=MISSING)


def observed(path: Path) -> Observation:
    return observation_from_reply(json.loads(path.read_text(encoding="utf-8")), NOW)


def by_event(name: str) -> dict[str, Observation]:
    return {path.name.split(".")[1]: observed(path) for path in PAYLOADS.glob(f"{name}.*.json")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_reply_is_recognised_by_its_form(path: Path) -> None:
    assert platform_of(json.loads(path.read_text(encoding="utf-8"))) == path.name.split(".")[1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_observation_survives_being_written_and_read(path: Path) -> None:
    observation = observed(path)
    assert Observation.model_validate_json(observation.model_dump_json()) == observation


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_resolves_as_one_made_by_hand(path: Path) -> None:
    reply = json.loads(path.read_text(encoding="utf-8"))
    platform = path.name.split(".")[1]
    markets = {
        "sportybet": lambda: reply["data"]["markets"],
        "betpawa": lambda: reply["markets"],
        "bet9ja": lambda: reply["D"]["O"],
    }[platform]()
    made = observed(path)
    teams = (made.event.home, made.event.away)
    by_hand = resolver.Observation(platform, markets, *teams)  # type: ignore[arg-type]
    ours = resolver.Observation(made.platform, made.markets, *teams)
    assert said(resolver.resolve(ours, FOOTBALL)) == said(resolver.resolve(by_hand, FOOTBALL))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_has_no_field_that_nobody_knows(path: Path) -> None:
    sample = sample_of(observed(path).model_dump_json().encode())
    assert sample is not None
    assert sample.unread == {}


def markets_of(reply: Any, platform: Platform) -> Any:
    """Where a person finds them."""
    match platform:
        case "sportybet":
            return reply["data"]["markets"]
        case "betpawa":
            return reply["markets"]
        case "bet9ja":
            return reply["D"]["O"]


def cut(reply: Any, platform: Platform, draw: random.Random) -> Any:
    """A part of its markets, and its envelope without some of what may be absent."""
    smaller = copy.deepcopy(reply)
    markets = markets_of(smaller, platform)
    kept = draw.sample(list(markets), draw.randint(0, len(markets)))
    if isinstance(markets, dict):
        for key in markets.keys() - kept:
            del markets[key]
    else:
        markets[:] = kept
    envelope = {"sportybet": ["data"], "betpawa": [], "bet9ja": ["D"]}[platform]
    holder = smaller
    for name in envelope:
        holder = holder[name]
    for name in ("estimateStartTime", "startTime", "STARTDATE", "competition", "GN", "MK"):
        if draw.random() < 0.5:
            holder.pop(name, None)
    return smaller


def answer(value: bytes) -> Any:
    """What a worker makes of a record: from its bytes, in its sport and phase."""
    seen = read(value, max_bytes=len(value))
    assert isinstance(seen, Readable), seen
    return said(resolver.resolve_rows(seen.rows, seen.platform, seen.names, FOOTBALL, seen.scope))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_cut_from_it_makes_the_round_trip_to_the_same_answer(path: Path) -> None:
    """Wrapped, written, read and resolved, it is what an observation of a person resolves to."""
    reply = json.loads(path.read_text(encoding="utf-8"))
    name, platform, _ = path.name.split(".")
    assert is_platform(platform)
    draw = random.Random(path.name)
    for _ in range(CUTS):
        smaller = cut(reply, platform, draw)
        wrapped = observation_from_reply(smaller, NOW)
        by_hand = {
            "platform": platform,
            "observed_at": "2026-05-05T12:00:00Z",
            "event": {
                "id": "by hand",
                "home": wrapped.event.home,
                "away": wrapped.event.away,
                "sport": name if name in {"basketball", "tennis"} else "football",
                "live": wrapped.event.live,
            },
            "markets": markets_of(smaller, platform),
        }
        if platform == "bet9ja":
            named = {one["ID"]: one["DS"] for one in smaller["D"].get("MK") or []}
            by_hand["market_names"] = named or None
        made = wrapped.model_dump_json(exclude_none=True).encode()
        assert answer(made) == answer(json.dumps(by_hand).encode())


def test_bet9ja_s_times_are_those_of_the_other_bookmakers() -> None:
    """Each event that it shares with another one starts when that one says; a live reply says no time."""
    starts: dict[str | None, dict[str, datetime]] = {}
    for observation in map(observed, FILES):
        event = observation.event
        if event.starts_at is not None:
            starts.setdefault(event.sportradar_id, {})[observation.platform] = event.starts_at
    shared = [books for books in starts.values() if "bet9ja" in books and len(books) > 1]
    assert shared
    assert [books for books in shared if len(set(books.values())) > 1] == []
    assert all(books["bet9ja"].utcoffset() == timedelta(0) for books in shared)


def test_the_bookmakers_name_one_sportradar_event() -> None:
    for name in ("wuhan_qingdao", "live_tokyo_chiba"):
        assert len({one.event.sportradar_id for one in by_event(name).values()}) == 1


def test_sports_have_one_name_over_the_bookmakers() -> None:
    assert {one.event.sport for one in by_event("basketball").values()} == {"basketball"}
    assert {one.event.sport for one in by_event("tennis").values()} == {"tennis"}
    assert {one.event.sport for one in by_event("wuhan_qingdao").values()} <= {"football", None}


def test_what_is_in_play_says_so() -> None:
    assert {one.event.live for one in by_event("live_tokyo_chiba").values()} == {True}
    assert {one.event.live for one in by_event("tennis").values()} == {False}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_list_that_is_sold_with_its_rest_is_whole(path: Path) -> None:
    """Closed scores stay in the list: one that is not there is not closed, but covered by the rest."""
    seen = observed(path)
    teams = (seen.event.home, seen.event.away)
    found = resolver.resolve(resolver.Observation(seen.platform, seen.markets, *teams), FOOTBALL)
    assert "RESIDUAL_DIFFERS" not in {rejection.cause for rejection in found.rejected}
    for layout, _ in found.markets:
        for residual in layout.claim.residuals & set(layout.outcomes):
            assert not layout.claim.unlisted(residual, layout.outcomes)
