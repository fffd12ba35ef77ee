"""A demo run that went wrong ends with exit code 1, whatever it was that went wrong."""

import asyncio
import copy
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import orjson
import pytest
from typer.testing import CliRunner

from schemas import DeadLetter
from tests.support.markets import FOOTBALL
from worker.cli.main import app
from worker.domain.resolve import resolve
from worker.ingest.planning.encode import resolved_event
from worker.ingest.reading.decode import Decoded, decode
from worker.lab.demo import commands as demo
from worker.lab.demo.odds import SuggestedMarket, ThirdAct
from worker.lab.demo.pictures import Dead, DemoMiss, ResolvedJson
from worker.lab.demo.verdict import DEFAULT_EVENTS, Seen, exit_code, judge, judge_odds
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.scrape import generate_scrape

EVENTS = 2
LETTER = DeadLetter(
    id="1",
    topic="observations.sportybet",
    partition=0,
    offset=7,
    timestamp=0,
    reason="INVALID_JSON",
    detail="",
    worker_version="1",
)


def resolved(generated: Generated) -> ResolvedJson:
    value = orjson.dumps(generated.observation)
    decoded = decode(value, max_bytes=len(value))
    assert isinstance(decoded, Decoded)
    event: ResolvedJson = orjson.loads(
        resolved_event(decoded.envelope, resolve(decoded.observation, FOOTBALL), 1)
    )
    return event


def counted(events: list[ResolvedJson]) -> list[DemoMiss]:
    """The queue as a worker fills it: one occurrence for each event that missed the market."""
    counts = Counter(
        (event["platform"], market_id)
        for event in events
        for market_id in {miss["external_market_id"] for miss in event["misses"]}
    )
    return [DemoMiss(*key, None, None, count) for key, count in sorted(counts.items())]


@cache
def truth() -> list[Generated]:
    started = datetime(2026, 11, 22, 12, tzinfo=UTC)
    return list(generate_scrape(seed=1, events=EVENTS, started_at=started))


@pytest.fixture(scope="module")
def right() -> list[ResolvedJson]:
    return [resolved(generated) for generated in truth()]


@pytest.fixture
def seen(right: list[ResolvedJson]) -> Seen:
    return Seen(copy.deepcopy(right), [Dead(LETTER, b"{")], counted(right), 1.0)


def code_of(seen: Seen, events: int = EVENTS) -> int:
    return exit_code(judge(truth(), seen, None, events=events))


def over_under(seen: Seen) -> list[ResolvedJson]:
    """The two outcomes of one over/under whose prices differ."""
    pairs = (
        market["outcomes"]
        for event in seen.events
        for market in event["markets"]
        if market["canonical_id"] == "over_under_ft"
    )
    return next(pair for pair in pairs if len(pair) == 2 and pair[0]["odds"] != pair[1]["odds"])


def swap_over_and_under(seen: Seen) -> Seen:
    first, second = over_under(seen)
    first["outcome"], second["outcome"] = second["outcome"], first["outcome"]
    return seen


def change_a_price(seen: Seen) -> Seen:
    over_under(seen)[0]["odds"] += 0.01
    return seen


def count_a_miss_twice(seen: Seen) -> Seen:
    first, *rest = seen.misses
    return seen._replace(misses=[first._replace(occurrences=first.occurrences + 1), *rest])


def lose_a_counted_miss(seen: Seen) -> Seen:
    return seen._replace(misses=seen.misses[1:])


def lose_an_event(seen: Seen) -> Seen:
    return seen._replace(events=seen.events[1:])


def publish_an_event_twice(seen: Seen) -> Seen:
    return seen._replace(events=[*seen.events, seen.events[0]])


def lose_the_dead_letter(seen: Seen) -> Seen:
    return seen._replace(dead=[])


def test_what_is_all_right_is_exit_code_0(seen: Seen) -> None:
    assert seen.misses
    assert code_of(seen) == 0


@pytest.mark.parametrize(
    "tamper",
    [
        swap_over_and_under,
        change_a_price,
        count_a_miss_twice,
        lose_a_counted_miss,
        lose_an_event,
        publish_an_event_twice,
        lose_the_dead_letter,
    ],
)
def test_one_thing_that_went_wrong_is_exit_code_1(
    seen: Seen, tamper: Callable[[Seen], Seen]
) -> None:
    assert code_of(tamper(seen)) == 1


def test_swapped_labels_are_told_as_wrong_labels(seen: Seen) -> None:
    differences = judge(truth(), swap_over_and_under(seen), None, events=EVENTS)
    assert {difference.kind for difference in differences} == {"WRONG_LABEL"}


def test_a_missing_second_act_is_a_failure_at_the_default_size_only(seen: Seen) -> None:
    assert code_of(seen, DEFAULT_EVENTS - 1) == 0
    assert code_of(seen, DEFAULT_EVENTS) == 1


def test_odds_that_say_nothing_are_a_failure_at_the_default_size_only() -> None:
    nothing = ThirdAct(None, None)
    assert list(judge_odds(nothing, None, events=DEFAULT_EVENTS - 1)) == []
    found = list(judge_odds(nothing, None, events=DEFAULT_EVENTS))
    assert [(one.where, one.expected) for one in found] == [
        ("bet9ja S_DC1T", "a suggestion"),
        ("btts_ft sportybet", "an alarm"),
    ]
    assert list(judge_odds(nothing, "not installed", events=DEFAULT_EVENTS)) == []


def test_a_suggestion_of_another_mapping_is_a_wrong_label(suggested: SuggestedMarket) -> None:
    wrong = suggested._replace(suggestion=suggested.suggestion._replace(canonical_id="1x2_1h"))
    assert list(judge_odds(ThirdAct(suggested, None), None, events=EVENTS)) == []
    (found,) = judge_odds(ThirdAct(wrong, None), None, events=EVENTS)
    assert (found.kind, found.expected, found.got) == ("WRONG_LABEL", "double_chance_1h", "1x2_1h")


@pytest.mark.parametrize("code", [0, 1])
def test_the_command_ends_with_the_code_of_the_run(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(*_: object, **__: object) -> int:
        return code

    monkeypatch.setattr(demo, "_run", run)
    # That the servers answer is asked before anything is run.
    monkeypatch.setattr(demo, "run_on_kafka", lambda _settings, running: asyncio.run(running))
    monkeypatch.setenv("MARKETMAP_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setenv("MARKETMAP_DATABASE_URL", "postgresql://127.0.0.1:9/none")
    assert CliRunner().invoke(app, ["demo"]).exit_code == code
