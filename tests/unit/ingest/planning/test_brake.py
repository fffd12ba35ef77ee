from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from schemas import DeadReason
from tests.support.laws import LAWS
from tests.support.records import place
from worker.ingest.planning.brake import Brake, Limits, RecordOutcome, Tripped

OFF = Limits(consecutive=0, ratio=0, window=1)
REASONS: st.SearchStrategy[DeadReason | None] = st.sampled_from(
    [None, None, "EMPTY", "INVALID_JSON"]
)
LIMITS = st.builds(
    Limits,
    st.integers(0, 6),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.integers(min_value=1, max_value=8),
)


def verdicts(
    *reasons: DeadReason | None, first: int = 0, partition: int = 0
) -> list[RecordOutcome]:
    return [RecordOutcome(place(partition), first + n, reason) for n, reason in enumerate(reasons)]


def tripped_by(brake: Brake, given_verdicts: Sequence[RecordOutcome]) -> Tripped | None:
    return next(iter(brake.trial().add(given_verdicts)), None)


@st.composite
def streams(draw: st.DrawFn) -> list[RecordOutcome]:
    """Verdicts on records of two partitions, offsets ascending within each."""
    drawn = draw(st.lists(st.tuples(st.integers(0, 1), REASONS), max_size=30))
    return [
        RecordOutcome(place(partition), offset, reason)
        for offset, (partition, reason) in enumerate(drawn)
    ]


def naive(limits: Limits, stream: Sequence[RecordOutcome]) -> bool:
    """Whether any prefix of any partition is at a limit, read off the definition."""
    for partition in {verdict.at for verdict in stream}:
        dead = [verdict.dead is not None for verdict in stream if verdict.at == partition]
        for end in range(1, len(dead) + 1):
            if not dead[end - 1]:
                continue
            run, last = (
                dead[max(0, end - limits.consecutive) : end],
                dead[max(0, end - limits.window) : end],
            )
            if limits.consecutive and len(run) == limits.consecutive and all(run):
                return True
            if (
                limits.ratio
                and len(last) == limits.window
                and sum(last) >= limits.ratio * limits.window
            ):
                return True
    return False


@LAWS
@given(LIMITS, streams())
def test_it_trips_where_the_definition_says(limits: Limits, stream: list[RecordOutcome]) -> None:
    assert (tripped_by(Brake(limits), stream) is not None) == naive(limits, stream)


@LAWS
@given(LIMITS, streams(), st.integers(0, 30))
def test_what_is_settled_and_what_is_checked_are_judged_as_one_stream(
    limits: Limits, stream: list[RecordOutcome], cut: int
) -> None:
    whole, brake = tripped_by(Brake(limits), stream), Brake(limits)
    first = tripped_by(brake, stream[:cut])
    if first is None:
        brake.settle(stream[:cut])
        first = tripped_by(brake, stream[cut:])
    assert first == whole


@LAWS
@given(LIMITS, streams())
def test_a_check_settles_nothing(limits: Limits, stream: list[RecordOutcome]) -> None:
    brake = Brake(limits)
    assert tripped_by(brake, stream) == tripped_by(brake, stream)


@LAWS
@given(LIMITS, streams())
def test_a_partition_is_judged_by_its_own_records_alone(
    limits: Limits, stream: list[RecordOutcome]
) -> None:
    alone = [
        tripped_by(Brake(limits), [verdict for verdict in stream if verdict.at == at])
        for at in (place(0), place(1))
    ]
    assert (tripped_by(Brake(limits), stream) is not None) == any(alone)


@LAWS
@given(streams())
def test_switched_off_it_never_trips(stream: list[RecordOutcome]) -> None:
    assert tripped_by(Brake(OFF), stream) is None


def test_a_run_tells_its_first_offset_and_its_reasons() -> None:
    stream = verdicts("EMPTY", None, "EMPTY", "INVALID_JSON", "EMPTY", first=40)
    tripped = tripped_by(Brake(Limits(3, 0, 1)), stream)
    assert tripped == Tripped(
        place(), "consecutive", 42, 3, Counter({"EMPTY": 2, "INVALID_JSON": 1})
    )


def test_a_share_tells_the_first_dead_letter_of_the_window() -> None:
    stream = verdicts("EMPTY", None, None, None, "INVALID_JSON", None, "EMPTY")
    tripped = tripped_by(Brake(Limits(0, 0.5, 4)), stream)
    assert tripped == Tripped(place(), "ratio", 4, 2, Counter({"INVALID_JSON": 1, "EMPTY": 1}))


def test_a_share_is_not_judged_before_the_window_is_full() -> None:
    assert tripped_by(Brake(Limits(0, 0.5, 4)), verdicts("EMPTY", "EMPTY", "EMPTY")) is None


def test_records_that_are_read_again_are_not_remembered_twice() -> None:
    brake = Brake(Limits(4, 0, 1))
    brake.settle(verdicts("EMPTY", "EMPTY"))
    assert tripped_by(brake, verdicts("EMPTY", "EMPTY", "EMPTY")) is None
    assert tripped_by(brake, verdicts("EMPTY", "EMPTY", first=2)) is not None


def test_the_sentence_names_partition_offset_reasons_and_the_setting() -> None:
    tripped = tripped_by(
        Brake(Limits(2, 0, 1)), verdicts("EMPTY", "INVALID_JSON", first=7, partition=3)
    )
    assert tripped is not None
    for expected in ("/3 is stopped", "offset 7", "EMPTY 1", "INVALID_JSON 1", "BRAKE_CONSECUTIVE"):
        assert expected in tripped.sentence


def test_one_partition_that_trips_hides_no_other() -> None:
    stream = [
        *verdicts("EMPTY", "EMPTY", "EMPTY"),
        *verdicts(None, "EMPTY", "EMPTY", partition=1),
        *verdicts(None, partition=2),
    ]
    assert [tripped.at for tripped in Brake(Limits(2, 0, 1)).trial().add(stream)] == [
        place(0),
        place(1),
    ]


@LAWS
@given(LIMITS, streams(), st.integers(0, 30))
def test_parts_of_a_trial_are_judged_as_one_stream(
    limits: Limits, stream: list[RecordOutcome], cut: int
) -> None:
    trial = Brake(limits).trial()
    parts = [*trial.add(stream[:cut]), *trial.add(stream[cut:])]
    assert {each.at for each in parts} == {each.at for each in Brake(limits).trial().add(stream)}


@LAWS
@given(LIMITS, st.lists(REASONS, max_size=20), st.lists(REASONS, max_size=12))
def test_after_a_restart_a_run_goes_on_where_it_was(
    limits: Limits, before: list[DeadReason | None], after: list[DeadReason | None]
) -> None:
    first, second = Brake(limits._replace(ratio=0)), Brake(limits._replace(ratio=0))
    first.settle(verdicts(*before))
    second.restore(place(), first.state(place()), len(before))
    rest = verdicts(*after, first=len(before))
    ours, theirs = tripped_by(first, rest), tripped_by(second, rest)
    assert (ours and ours[:4]) == (theirs and theirs[:4])


def test_after_a_restart_a_share_comes_to_the_same_verdict() -> None:
    limits = Limits(0, 0.5, 4)
    first, second = Brake(limits), Brake(limits)
    first.settle(verdicts("EMPTY", None, None, None))
    second.restore(place(), first.state(place()), 4)
    rest = verdicts("EMPTY", "EMPTY", first=4)
    assert tripped_by(first, rest) is not None
    assert tripped_by(second, rest) is not None


def test_after_a_restart_one_record_that_can_be_read_releases_a_run() -> None:
    first, second = Brake(Limits(3, 0, 1)), Brake(Limits(3, 0, 1))
    first.settle(verdicts("EMPTY", "EMPTY"))
    second.restore(place(), first.state(place()), 2)
    assert tripped_by(second, verdicts(None, "EMPTY", "EMPTY", first=2)) is None
