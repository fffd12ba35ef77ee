from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import REDRIVEN_HEADER, REDRIVES_HEADER, DeadReason
from tests.support.laws import LAWS
from tests.support.records import TOPIC_ID, FakeRecord
from worker.ingest.planning.encode import Encoder
from worker.ingest.reading.record_ids import NO_IDS, RecordIds
from worker.kafka.record import Headers, Outgoing
from worker.operations.dead_letters.letters import (
    Ids,
    Letter,
    LetterCounts,
    LetterFilter,
    LetterPosition,
    RedriveMark,
    Stranger,
    line,
    read,
)
from worker.operations.dead_letters.redrive_rules import (
    RedriveReport,
    Rules,
    Signature,
    back,
    refusal,
)

TOPIC = "observations.sportybet"
RULES = Rules({TOPIC: 6}, "observations.dead", max_times=3, max_bytes=10_000)
ADA = Signature("ada", "mended")
ENCODER = Encoder(
    resolved_topic="r", dead_topic="d", group="g", max_bytes=1000, max_dead_bytes=20_000
)
OUR_HEADERS = st.sampled_from(
    [
        ("marketmap-id", b"x"),
        ("marketmap.dead.reason", b"EMPTY"),
        ("marketmap.dead.topic", b"odds.resolved"),
        (REDRIVEN_HEADER, b"1"),
        (f"{REDRIVEN_HEADER}.by", None),
        (REDRIVES_HEADER, b"2"),
    ]
)
THEIR_HEADERS = st.tuples(
    st.sampled_from(["trace", "", "content-type", "marketmap"]), st.none() | st.binary(max_size=4)
)


def on_topic(out: Outgoing) -> FakeRecord:
    """A record that was sent, as it stands on the dead letters' topic."""
    return FakeRecord("observations.dead", 0, 9, 1795348800120, out.key, out.value, out.headers)


def dead(reason: DeadReason = "INVALID_JSON", ids: RecordIds = NO_IDS, **fields: Any) -> FakeRecord:
    """A dead letter as a worker writes it."""
    given: dict[str, Any] = {"topic": TOPIC, "partition": 3, "offset": 1042, "value": b"{"}
    source = FakeRecord(**(given | fields))
    source_id = f"{TOPIC_ID}/{source.partition}/{source.offset}"
    return on_topic(ENCODER.dead(source_id, source, reason, "why", ids))


def letter(reason: DeadReason = "INVALID_JSON", **fields: Any) -> Letter:
    found = read(dead(reason, **fields))
    assert isinstance(found, Letter)
    return found


def without(record: FakeRecord, name: str) -> FakeRecord:
    return record._replace(headers=[header for header in record.headers if header[0] != name])


def test_a_dead_letter_is_read_with_its_place_and_what_it_tells() -> None:
    found = letter()
    assert (found.place, found.details.id) == (LetterPosition(0, 9), f"{TOPIC_ID}/3/1042")
    assert (found.details.reason, found.details.topic, found.redrives) == ("INVALID_JSON", TOPIC, 0)


@pytest.mark.parametrize("name", ["marketmap-id", "marketmap.dead.reason", "marketmap.dead.offset"])
def test_a_record_without_our_headers_is_a_stranger(name: str) -> None:
    assert isinstance(read(without(dead(), name)), Stranger)


def test_an_id_that_is_not_that_of_the_record_it_names_makes_a_stranger() -> None:
    other = without(dead(), "marketmap-id")
    ours: Headers = [("marketmap-id", f"{TOPIC_ID}/3/7".encode())]
    assert isinstance(read(other._replace(headers=[*other.headers, *ours])), Stranger)


def test_the_mark_of_a_letter_is_read_as_one_and_names_who_and_why() -> None:
    _, mark = back(letter(), RULES, ADA)
    found = read(on_topic(mark))
    assert isinstance(found, RedriveMark)
    assert (found.redriven.id, found.redriven.times) == (f"{TOPIC_ID}/3/1042", 1)
    assert (found.redriven.by, found.redriven.reason) == ("ada", "mended")


def test_a_sender_cannot_pass_a_dead_letter_off_as_a_mark() -> None:
    forged = back(letter(), RULES, ADA)[1].headers
    assert isinstance(read(dead("EMPTY", value=b"", headers=forged)), Letter)


@LAWS
@given(
    st.lists(THEIR_HEADERS | OUR_HEADERS, max_size=6),
    st.none() | st.binary(max_size=4),
    st.binary(),
)
def test_a_record_goes_back_with_its_own_headers_in_their_order_and_none_of_ours(
    headers: Headers, key: bytes | None, value: bytes
) -> None:
    found = letter(headers=headers, key=key, value=value)
    record, _ = back(found, RULES, ADA)
    own = [header for header in headers if header[0] in {"trace", "", "content-type", "marketmap"}]
    assert record == Outgoing(
        TOPIC, key, value, [*own, (REDRIVES_HEADER, b"%d" % (found.redrives + 1))], partition=3
    )


def test_the_count_of_redrives_goes_on_from_death_to_death() -> None:
    once, _ = back(letter(), RULES, ADA)
    again = letter(headers=once.headers)
    assert again.redrives == 1
    assert back(again, RULES, ADA)[0].headers[-1] == (REDRIVES_HEADER, b"2")


@pytest.mark.parametrize("forged", [b"", b"-1", b"many", b"9" * 30, None])
def test_a_count_that_is_none_counts_as_never(forged: bytes | None) -> None:
    assert letter(headers=[(REDRIVES_HEADER, forged)]).redrives == 0


def test_a_partition_that_the_topic_does_not_have_is_left_to_the_key() -> None:
    assert back(letter(partition=6), RULES, ADA)[0].partition is None


def test_a_tombstone_without_a_key_goes_back_with_an_empty_value() -> None:
    assert back(letter("TOMBSTONE", key=None, value=None), RULES, ADA)[0].value == b""


def test_the_mark_stands_in_the_partition_of_its_letter() -> None:
    _, mark = back(letter()._replace(place=LetterPosition(4, 9)), RULES, ADA)
    assert (mark.topic, mark.partition, mark.key) == (
        "observations.dead",
        4,
        f"{TOPIC_ID}/3/1042".encode(),
    )


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (letter(), None),
        (letter(headers=[(REDRIVES_HEADER, b"2")]), None),
        (letter(headers=[(REDRIVES_HEADER, b"3")]), "REDRIVEN_TOO_OFTEN"),
        (letter(topic="odds.resolved"), "FOREIGN_TOPIC"),
        (letter(topic="observations.dead"), "FOREIGN_TOPIC"),
        (letter(value=b"x" * 15_000), "TOO_LARGE"),
        (letter(value=b"x" * 25_000), "TRUNCATED"),
        (letter(headers=[("heavy", b"x" * 15_000)]), "TRUNCATED"),
    ],
)
def test_what_must_not_go_back_is_refused_by_a_code(found: Letter, code: str | None) -> None:
    assert refusal(found, RULES) == code


@LAWS
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3000))),
    st.integers(0, 2),
    st.integers(0, 3000),
)
def test_ids_are_a_set(added: list[tuple[int, int]], partition: int, offset: int) -> None:
    ids = Ids()
    for one in added:
        ids.add(f"{TOPIC_ID}/{one[0]}/{one[1]}")
    assert (f"{TOPIC_ID}/{partition}/{offset}" in ids) == ((partition, offset) in added)


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (LetterFilter(), True),
        (LetterFilter(reasons=frozenset({"INVALID_JSON", "EMPTY"})), True),
        (LetterFilter(reasons=frozenset({"EMPTY"})), False),
        (LetterFilter(topics=frozenset({TOPIC})), True),
        (LetterFilter(topics=frozenset({"observations.bet9ja"})), False),
        (LetterFilter(since_ms=1795348800120), True),
        (LetterFilter(since_ms=1795348800121), False),
        (LetterFilter(until_ms=1795348800121), True),
        (LetterFilter(until_ms=1795348800120), False),
        (LetterFilter(redriven=False), True),
        (LetterFilter(redriven=True), False),
        (LetterFilter(places=frozenset({LetterPosition(0, 9)})), True),
        (LetterFilter(ids=frozenset({f"{TOPIC_ID}/3/1042"})), True),
        (
            LetterFilter(
                places=frozenset({LetterPosition(0, 8)}), ids=frozenset({f"{TOPIC_ID}/3/1"})
            ),
            False,
        ),
        (
            LetterFilter(places=frozenset({LetterPosition(0, 9)}), reasons=frozenset({"EMPTY"})),
            False,
        ),
    ],
)
def test_a_letter_is_chosen_when_every_condition_holds(choice: LetterFilter, taken: bool) -> None:
    assert choice.takes(letter(), is_redriven=False) == taken


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (LetterFilter(scrapes=frozenset({"noon"})), [True, True, False]),
        (LetterFilter(events=frozenset({"e1", "e3"})), [True, False, False]),
        (LetterFilter(scrapes=frozenset({"noon"}), events=frozenset({"e2"})), [False, True, False]),
    ],
)
def test_letters_are_chosen_by_their_scrape_and_event(
    choice: LetterFilter, taken: list[bool]
) -> None:
    letters = [letter(ids=RecordIds("noon", "e1")), letter(ids=RecordIds("noon", "e2")), letter()]
    assert [choice.takes(one, is_redriven=False) for one in letters] == taken
    assert not choice.is_everything


def test_a_letter_in_a_list_names_its_scrape_and_event() -> None:
    listed = line(letter(ids=RecordIds("noon", "e1")), is_redriven=False)
    assert (listed.scrape_id, listed.event_id) == ("noon", "e1")


def test_only_a_choice_without_a_condition_is_everything() -> None:
    assert LetterFilter().is_everything
    assert LetterFilter(redriven=False).is_everything
    assert not LetterFilter(until_ms=1).is_everything


def test_letters_are_counted_by_reason_and_topic_with_the_first_and_the_last() -> None:
    counted = LetterCounts()
    for died_at_ms in (30, 10, 20):
        counted.add(line(letter()._replace(died_at_ms=died_at_ms), is_redriven=False))
    (bar,) = counted.bars.values()
    assert (list(counted.bars), bar.letters, bar.first_ms, bar.last_ms) == (
        [("INVALID_JSON", TOPIC)],
        3,
        10,
        30,
    )


def test_of_very_many_kinds_the_rest_is_counted_together() -> None:
    counted = LetterCounts(most=2)
    for number in range(9):
        counted.add(line(letter(topic=f"topic {number}"), is_redriven=False))
    assert [bar.letters for bar in counted.bars.values()] == [1, 1, 7]


def test_an_outcome_names_the_first_refusals_and_counts_all() -> None:
    outcome = RedriveReport()
    for offset in range(50):
        outcome.refuse(LetterPosition(0, offset), "TOO_LARGE")
    assert (outcome.refused, len(outcome.refusals)) == (Counter(TOO_LARGE=50), 20)
