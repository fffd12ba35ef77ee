import itertools

from clients.python.market_mapping_client.keys import observation_key
from clients.python.market_mapping_client.latest import Latest
from clients.python.market_mapping_client.messages import Observation, ResolvedEvent, examples
from worker.domain.events import event_key

EVENT = ResolvedEvent.model_validate_json(
    ResolvedEvent.model_validate(examples.RESOLVED_EVENT, strict=False).model_dump_json()
)


def at(second: int, version: int) -> ResolvedEvent:
    observed_at = EVENT.observed_at.replace(second=second)
    return EVENT.model_copy(update={"observed_at": observed_at, "mapping_version": version})


def test_a_repetition_is_not_newer() -> None:
    latest = Latest()
    assert [latest.take(EVENT), latest.take(EVENT)] == [True, False]


def test_a_replay_corrects_what_is_shown_and_never_sets_it_back() -> None:
    latest = Latest()
    states = [at(2, version=5), at(1, version=9), at(2, version=4), at(2, version=6)]
    assert [latest.take(state) for state in states] == [True, False, False, True]


def test_in_whatever_order_they_come_the_same_state_is_taken_last() -> None:
    states = [at(1, version=9), at(2, version=5), at(2, version=6)]
    for order in itertools.permutations(states):
        latest = Latest()
        assert [state for state in order if latest.take(state)][-1] == at(2, version=6)


def test_other_events_and_platforms_are_apart() -> None:
    latest = Latest()
    other_event = EVENT.model_copy(
        update={"event": EVENT.event.model_copy(update={"id": "another"})}
    )
    other_book = EVENT.model_copy(update={"platform": "betpawa"})
    assert all([latest.take(EVENT), latest.take(other_event), latest.take(other_book)])


def test_the_key_of_an_observation_is_that_of_what_is_made_of_it() -> None:
    for example in examples.OBSERVATIONS.values():
        observation = Observation.model_validate(example)
        assert (
            observation_key(observation) == event_key(observation.model_dump(mode="json")).encode()
        )
    alone = example | {"event": {"id": "7"}}
    assert observation_key(Observation.model_validate(alone)) == f"{alone['platform']}:7".encode()
