"""Real replies make the observations that were put together by hand, and what they resolve to is the same."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas import Observation
from schemas.raw_reply import observation_from_reply, platform_of
from tests.support.markets import FOOTBALL, said
from tests.support.payloads import MISSING, PAYLOADS
from worker.domain import resolve as resolver
from worker.ingest.reading.field_samples import sample_of

FILES = sorted(PAYLOADS.glob("*.*.json"))
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


def test_bet9ja_s_times_are_those_of_the_other_bookmakers() -> None:
    """Its prematch event here that others sell too starts when they say; a live reply says no time."""
    books = by_event("wuhan_qingdao")
    starts = {name: observation.event.starts_at for name, observation in books.items()}
    assert len(set(starts.values())) == 1
    assert starts["bet9ja"] is not None
    assert starts["bet9ja"].utcoffset() == timedelta(0)


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
