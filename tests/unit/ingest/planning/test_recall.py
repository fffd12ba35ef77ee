"""What is recalled, what is resolved in the ordinary way, and what happens where nothing can be recalled."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.support.markets import FOOTBALL, betpawa, betpawa_row, mapping, observation, sportybet
from tests.support.records import FakeRecord, partition_of
from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.domain.resolve import resolve_rows
from worker.ingest.planning import recall as recalling
from worker.ingest.planning.encode import Encoder
from worker.ingest.planning.plan import Planned, Planner, combine, joined
from worker.ingest.planning.recall import RecalledRows, RecallingPlanner, make_planner
from worker.ingest.reading.clock import ClockGuard
from worker.ingest.reading.read import read_typed
from worker.kafka.record import Outgoing, Partition, Record
from worker.runtime.counting import miss_rows

pytest.importorskip("market_mapping_recall", reason="the compiled part is not installed")

MOST_BYTES: Final = 10_000


def encoder(most_bytes: int) -> Encoder:
    return Encoder(
        resolved_topic="resolved",
        dead_topic="dead",
        group="g",
        max_bytes=most_bytes,
        max_dead_bytes=most_bytes,
    )


ENCODER: Final = encoder(MOST_BYTES)
RESULT: Final = sportybet("1", prices={"Home": "2.1", "Draw": "3.2", "Away": "3.6"})
UNKNOWN: Final = sportybet("900001", name="Which?", prices={"Yes": "2.0"})


class Watched(RecallingPlanner[Outgoing]):
    """Knows of which records nothing was recalled at all."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        super().__init__(encoder(most_bytes), max_message_bytes=most_bytes)
        self.resolved: list[int] = []

    def plan(self, record: Record, at: Partition, index: MappingIndex) -> Planned[Outgoing]:
        self.resolved.append(record.offset)
        return super().plan(record, at, index)

    def all(self, *values: bytes, index: MappingIndex = FOOTBALL) -> list[Planned[Outgoing]]:
        records = [FakeRecord(value=value, offset=offset) for offset, value in enumerate(values)]
        return list(self.plan_all([(record, partition_of(record)) for record in records], index))


@pytest.fixture
def planner() -> Watched:
    return Watched()


@pytest.fixture
def rows_resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the markets of which rows are resolved next to what is recalled."""
    ids: list[str] = []
    ordinary = resolve_rows

    def watched(rows: Sequence[Any], *rest: Any) -> Any:
        ids.extend(row.market_id for row in rows)
        return ordinary(rows, *rest)

    monkeypatch.setattr(recalling, "resolve_rows", watched)
    return ids


def observed(*markets: Any, platform: Platform = "sportybet", **event: Any) -> bytes:
    return observation(platform, list(markets), **event)


def published(planned: Planned[Outgoing]) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(planned.output.value or b"")
    return document


def prices(planned: Planned[Outgoing]) -> list[tuple[str, str, float]]:
    return [
        (market["canonical_id"], price["outcome"], price["odds"])
        for market in published(planned)["markets"]
        for price in market["outcomes"]
    ]


def test_a_row_that_was_met_before_is_not_resolved_again(
    planner: Watched, rows_resolved: list[str]
) -> None:
    planner.all(observed(RESULT, UNKNOWN))
    assert rows_resolved == ["1", "900001"]
    dearer = sportybet("1", prices={"Away": "9.6", "Home": "1.10", "Draw": "8"})
    (planned,) = planner.all(observed(dearer, UNKNOWN, id="e2"))
    assert rows_resolved == ["1", "900001"]
    assert planner.resolved == []
    assert [price[1:] for price in prices(planned)] == [("home", 1.1), ("draw", 8), ("away", 9.6)]
    assert [miss["external_market_id"] for miss in published(planned)["misses"]] == ["900001"]


def test_part_and_status_are_passed_on_of_what_is_recalled(planner: Watched) -> None:
    planner.all(observed(RESULT))
    document = orjson.loads(observed(RESULT, status="live")) | {"part": {"number": 1, "of": 2}}
    (planned,) = planner.all(orjson.dumps(document))
    assert planner.resolved == []
    assert published(planned)["part"] == {"number": 1, "of": 2}
    assert published(planned)["event"]["status"] == "live"


def test_an_envelope_is_read_once_for_all_parts_of_an_observation(
    planner: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner.all(observed(RESULT, UNKNOWN, id="learnt"))
    envelopes: list[bytes] = []

    def watched(value: bytes) -> Any:
        envelopes.append(value)
        return read_typed(value)

    monkeypatch.setattr(recalling, "read_typed", watched)
    values = [observed(RESULT), observed(UNKNOWN), observed(RESULT, id="e2"), observed(UNKNOWN)]
    found = planner.all(*values)
    assert planner.resolved == []
    assert len(envelopes) == 2
    assert [published(each)["event"]["id"] for each in found] == ["e1", "e1", "e2", "e1"]
    assert [len(published(each)["markets"]) for each in found] == [1, 0, 1, 0]


@pytest.mark.parametrize("large", [False, True], ids=["many", "large"])
def test_what_is_kept_of_envelopes_is_bounded(
    planner: Watched, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    monkeypatch.setattr(recalling, "_MOST_ENVELOPES", 4)
    monkeypatch.setattr(recalling, "_LONGEST_ENVELOPE", 0 if large else 4096)
    found = planner.all(*[observed(RESULT, id=f"e{number % 7}") for number in range(30)])
    assert [published(each)["event"]["id"] for each in found] == [f"e{n % 7}" for n in range(30)]
    memory = planner._memory
    assert memory is not None
    assert len(memory._envelopes) <= (0 if large else 4)


def test_what_is_recalled_is_counted_among_the_markets(planner: Watched) -> None:
    total = sportybet("18", "total=2.5", prices={"Over 2.5": "1.98", "Under 2.5": "1.8"})
    values = (
        observed(RESULT, UNKNOWN),
        observed(RESULT, UNKNOWN, total),
        observed(RESULT, total),
    )
    new, some, every = [planned for value in values for planned in planner.all(value)]
    assert [new.recalled, some.recalled, every.recalled] == [0, 2, 2]
    assert [sum(one.outcomes.values()) for one in (new, some, every)] == [2, 3, 2]
    plan = combine([new, some, every])
    assert plan.recalled == {"sportybet": 4}
    assert joined([plan, plan]).recalled == {"sportybet": 8}


def test_only_the_row_that_is_new_is_resolved(planner: Watched, rows_resolved: list[str]) -> None:
    planner.all(observed(RESULT))
    rows_resolved.clear()
    total = sportybet("18", "total=2.5", prices={"Over 2.5": "1.98", "Under 2.5": "1.8"})
    (planned,) = planner.all(observed(RESULT, total))
    assert rows_resolved == ["18"]
    assert len(prices(planned)) == 5


def test_labels_with_the_names_of_the_teams_are_known_with_other_teams(
    planner: Watched, rows_resolved: list[str]
) -> None:
    def event(home: str, away: str) -> bytes:
        market = sportybet("1", prices={home: "2.1", "draw": "3.2", away: "3.6"})
        return observed(market, home=home, away=away)

    planner.all(event("Wuhan Three Towns FC", "Qingdao Hainiu FC"))
    rows_resolved.clear()
    (planned,) = planner.all(event("Bătrâna Rovers", "Brack SK"))
    assert rows_resolved == []
    assert [price[1:] for price in prices(planned)] == [("home", 2.1), ("draw", 3.2), ("away", 3.6)]


def test_the_names_of_other_teams_name_nobody(planner: Watched) -> None:
    market = sportybet("1", prices={"Wuhan": "2.1", "Draw": "3.2", "Qingdao": "3.6"})
    planner.all(observed(market, home="Wuhan", away="Qingdao"))
    swapped, others = planner.all(
        observed(market, home="Qingdao", away="Wuhan"),
        observed(market, home="Brack SK", away="Rovers"),
    )
    assert [price[1:] for price in prices(swapped)] == [("home", 3.6), ("draw", 3.2), ("away", 2.1)]
    assert [price[1:] for price in prices(others)] == [("draw", 3.2)]


def test_a_team_that_is_called_like_an_outcome_is_not_taken_for_it(planner: Watched) -> None:
    outcomes = ["Home", "Away", "Home & Yes"]
    index = MappingIndex([mapping("m", outcomes, id=1, sportybet_id="1")], 7)

    def event(home: str, *labels: str) -> bytes:
        market = sportybet(
            "1", prices={label: f"{number}.5" for number, label in enumerate(labels, start=1)}
        )
        return observed(market, home=home, away="Qingdao")

    planner.all(event("Wuhan", "Wuhan", "Qingdao"), event("Wuhan", *outcomes), index=index)
    (planned,) = planner.all(event("Home & Yes", "Home & Yes", "Qingdao"), index=index)
    assert [price[1:] for price in prices(planned)] == [("Away", 2.5), ("Home & Yes", 1.5)]


def test_rows_of_one_market_are_resolved_together_and_the_others_are_recalled(
    planner: Watched, rows_resolved: list[str]
) -> None:
    cheaper = sportybet("1", prices={"Home": "2.0", "Draw": "3.2", "Away": "3.6"})
    total = sportybet("18", "total=2.5", prices={"Over 2.5": "1.98", "Under 2.5": "1.8"})
    planner.all(observed(RESULT, total))
    rows_resolved.clear()
    (planned,) = planner.all(observed(RESULT, total, cheaper))
    assert (planner.resolved, rows_resolved) == ([], ["1", "1"])
    assert [market["canonical_id"] for market in published(planned)["markets"]] == ["over_under_ft"]
    assert [each["code"] for each in published(planned)["rejected"]] == ["INVALID_ODDS"]


def test_rows_that_have_parts_of_one_market_are_joined_where_they_are_recalled(
    planner: Watched,
) -> None:
    # Two ids of one market, each with some of its outcomes; the least id is published.
    ranges = {"S_1X2MULTI1-3_1": "4", "S_1X2MULTI1-2_X": "3", "S_1X2MULTI1-2_1": "2"}
    value = observation("bet9ja", ranges)
    (resolved,) = planner.all(value)
    assert planner.resolved == []
    (recalled,) = planner.all(value)
    assert planner.resolved == []
    assert recalled.recalled == 1
    assert recalled.output == resolved.output
    (market,) = published(recalled)["markets"]
    assert market["external_market_id"] == "S_1X2MULTI1-2"
    assert [price["odds"] for price in market["outcomes"]] == [2, 3, 4]


@pytest.mark.parametrize(
    ("mixed", "refused"), [("2.1", []), ("9", [("S_CHANCEMIXN", "INVALID_ODDS", "PRICES_DIFFER")])]
)
def test_two_ids_of_one_market_cost_no_other_row_whether_their_prices_agree_or_not(
    planner: Watched, rows_resolved: list[str], mixed: str, refused: list[Any]
) -> None:
    """Which of two prices holds is never guessed: then the market is refused."""
    result = {"S_1X2_1": "2.1", "S_1X2_X": "3.2", "S_1X2_2": "4"}
    keys = {"S_HTU_11": "2.1", "S_HTU_XX": "3", "S_HTU_22": "4"}
    second = {"S_CHANCEMIXN_1H1FT": mixed, "S_CHANCEMIXN_XHXFT": "3", "S_CHANCEMIXN_2H2FT": "4"}
    value = observation("bet9ja", result | keys | second)
    planner.all(value)
    rows_resolved.clear()
    (planned,) = planner.all(value)
    assert (planner.resolved, sorted(rows_resolved)) == ([], ["S_CHANCEMIXN", "S_HTU"])
    assert planned.recalled == 1
    markets = {market["canonical_id"] for market in published(planned)["markets"]}
    assert markets == {"1x2_ft"} | (set() if refused else {"1x2_1h_or_ft"})
    assert [
        (each["external_market_id"], each["code"], each["cause"])
        for each in published(planned)["rejected"]
    ] == refused


def test_a_new_label_of_a_market_is_resolved_with_the_rows_of_that_market(
    planner: Watched, rows_resolved: list[str]
) -> None:
    planner.all(observed(RESULT, UNKNOWN))
    rows_resolved.clear()
    strange = sportybet("1", prices={"Abandoned": "50"})
    (planned,) = planner.all(observed(RESULT, UNKNOWN, strange))
    # The new row is resolved alone first, and then with the other one of its market.
    assert (planner.resolved, rows_resolved) == ([], ["1", "1", "1"])
    (market,) = published(planned)["markets"]
    assert market["complete"] is False
    assert [miss.get("outcome") for miss in published(planned)["misses"]] == ["Abandoned", None]


def test_rows_of_betpawa_are_recalled_by_the_line_that_they_write(
    planner: Watched, rows_resolved: list[str]
) -> None:
    def lines(*quarters: int) -> bytes:
        rows = [betpawa_row(each, Over=1.98, Under=1.8) for each in quarters]
        return observed(betpawa("5000", *rows), platform="betpawa")

    planner.all(lines(10, 14))
    rows_resolved.clear()
    (planned,) = planner.all(lines(14, 10))
    assert (rows_resolved, planner.resolved) == ([], [])
    assert [market["line"] for market in published(planned)["markets"]] == ["2.5", "3.5"]


@pytest.mark.parametrize(("players", "is_recalled"), [(68, True), (256, True), (257, False)])
def test_a_market_of_players_has_a_row_for_each_of_them(
    rows_resolved: list[str], players: int, *, is_recalled: bool
) -> None:
    numbers = range(players)
    rows = [betpawa_row(None, **{f"Adeyemi, {_letters(number)}": 3.5}) for number in numbers]
    for number, row in enumerate(rows):
        row["prices"][0] |= {"typeId": str(30_100_000 + number), "team": 1 + number % 2}
    market = betpawa("129108", *rows)
    planner = Watched(20 * MOST_BYTES)
    first, again = planner.all(*[observed(market, platform="betpawa")] * 2)
    assert first.output.value == again.output.value
    assert len(published(again)["participant_markets"]) == players
    assert rows_resolved
    del rows_resolved[:]
    planner.all(observed(market, platform="betpawa"))
    assert bool(rows_resolved) is not is_recalled


def _letters(number: int) -> str:
    """A name that has no digit."""
    return "Ade" + "".join(chr(ord("a") + int(digit)) for digit in str(number))


def test_another_index_is_another_memory(planner: Watched) -> None:
    value = observed(RESULT)
    known, unknown = planner.all(value)[0], planner.all(value, index=MappingIndex([], 8))[0]
    assert len(prices(known)) == 3
    assert [miss["external_market_id"] for miss in published(unknown)["misses"]] == ["1"]
    assert published(unknown)["mapping_version"] == 8


def test_a_value_above_the_limit_is_a_dead_letter_as_ever(planner: Watched) -> None:
    just = observed(RESULT) + b" " * (MOST_BYTES - len(observed(RESULT)))
    planned = planner.all(just, just + b" ", b"\x00\x00\x00\x00\x2a" + just)
    assert [each.dead for each in planned] == [None, "TOO_LARGE", None]
    assert planner.resolved == [1]


def test_markets_of_which_none_can_be_read_are_a_dead_letter_as_ever(planner: Watched) -> None:
    unreadable = sportybet("1", outcomes="none")
    planner.all(observed(RESULT))
    planned = planner.all(
        observed(unreadable), observed(unreadable, UNKNOWN), observed(unreadable, RESULT)
    )
    assert [each.dead for each in planned] == ["WRONG_SHAPE", None, None]


def test_a_result_that_is_too_large_is_a_dead_letter_as_ever(planner: Watched) -> None:
    many = [sportybet(str(900_000 + number)) for number in range(150)]
    for _ in range(2):
        (planned,) = planner.all(observed(*many))
        assert planned.dead == "RESULT_TOO_LARGE"
        assert planned.sightings == ()


def test_what_is_missed_is_sampled_when_it_is_counted(planner: Watched) -> None:
    planner.all(observed(UNKNOWN))
    (planned,) = planner.all(observed(UNKNOWN))
    (sighting,) = planned.sightings
    (missed,) = sighting.missed
    assert isinstance(missed.rows, RecalledRows)
    assert [row.market_id for row in missed.rows] == ["900001"]
    (row,) = miss_rows(planner.tally(planned.sightings))
    assert (row.external_market_id, row.market_name, row.occurrence_count) == (
        "900001",
        "Which?",
        1,
    )
    assert row.sample_outcomes == '[{"label":"Yes","odds":2,"qualifier":null}]'


def test_what_is_recalled_and_what_is_resolved_are_missed_alike(planner: Watched) -> None:
    planner.all(observed(UNKNOWN))
    (planned,) = planner.all(observed(sportybet("900002"), UNKNOWN))
    (sighting,) = planned.sightings
    missed = sighting.missed
    assert {miss.external_market_id for miss in missed} == {"900001", "900002"}
    ids = [miss.external_market_id for miss in missed]
    assert [missed[number].external_market_id for number in (-2, -1)] == ids
    assert [miss.external_market_id for miss in missed[:]] == ids


def test_without_the_compiled_part_every_row_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(make_planner(ENCODER, max_message_bytes=MOST_BYTES)) is RecallingPlanner
    monkeypatch.setattr(recalling, "IS_COMPILED", False)
    assert type(make_planner(ENCODER, max_message_bytes=MOST_BYTES)) is Planner


@pytest.mark.parametrize("number", ["", "INTERFACE = 1"])
def test_a_compiled_part_of_another_release_is_not_used(tmp_path: Path, number: str) -> None:
    other = f"Recall = Recalled = object\n{number}\n"
    (tmp_path / "market_mapping_recall.py").write_text(other, encoding="utf-8")
    ask = "from worker.ingest.planning.recall import IS_COMPILED; print(IS_COMPILED)"
    answer = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {ask}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "False\n"


@pytest.mark.parametrize("kind", [Planner, RecallingPlanner])
@pytest.mark.parametrize("extra", [{}, {"unknown_field": 1}], ids=["typed", "decoded"])
def test_an_observation_from_the_future_is_dead_in_every_way_of_reading_and_counts_nothing(
    kind: type[RecallingPlanner[Outgoing]], extra: dict[str, Any]
) -> None:
    guard = ClockGuard(300, lambda: FakeRecord().timestamp / 1000)
    planner = kind(ENCODER, max_message_bytes=MOST_BYTES, guard=guard)
    usual = orjson.loads(observed(RESULT, UNKNOWN)) | extra
    future = usual | {"observed_at": "2099-01-01T00:00:00Z"}
    values = [orjson.dumps(value) for value in (usual, usual, future, usual)]
    records = [FakeRecord(value=value, offset=offset) for offset, value in enumerate(values)]
    planned = list(
        planner.plan_all([(record, partition_of(record)) for record in records], FOOTBALL)
    )
    assert [one.dead for one in planned] == [None, None, "OBSERVED_IN_FUTURE", None]
    assert planned[2].sightings == ()
    ages = [one.age.seconds for one in planned if one.age is not None]
    assert len(ages) == 4
    assert ages[2] < -300
    assert {age for number, age in enumerate(ages) if number != 2} == {ages[0]}
    assert combine(planned).ages == {"sportybet": ages}


def test_labels_with_lines_of_their_own_are_recalled(
    planner: Watched, rows_resolved: list[str]
) -> None:
    rungs = {
        "platform": "sportybet",
        "id": "7",
        "line": {"kind": "at_least", "from": "label"},
        "labels": {"over": ["N+"]},
    }
    index = MappingIndex([mapping("cards", ["over"], also=[rungs])])
    seen = [
        observed(sportybet("7", prices={f"{n}+": "1.5" for n in numbers}))
        for numbers in ((1, 2), (2, 3, 4), (1, 4))
    ]
    planned = [each for value in seen for each in planner.all(value, index=index)]
    assert [[one["line"] for one in published(each)["markets"]] for each in planned] == [
        ["0.5", "1.5"],
        ["1.5", "2.5", "3.5"],
        ["0.5", "3.5"],
    ]
    assert planner.resolved == []
    assert rows_resolved == ["7", "7"]  # the third has labels of the first two
