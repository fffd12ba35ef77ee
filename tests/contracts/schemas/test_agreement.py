"""Model and exported JSON Schema accept the same, as far as JSON Schema can say it.

It cannot say that a day exists in its month, and it takes 1.0 for the integer 1.
"""

import re
from collections.abc import Iterator
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError as SchemaError
from pydantic import ValidationError

from schemas import Observation, ResolvedEvent
from schemas.examples import EVENT, OBSERVATIONS, RESOLVED_EVENT
from schemas.json_schema import MESSAGES, message_schema
from tests.support.laws import LAWS


def ecma_pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[SchemaError]:
    """JSON Schema's patterns are ECMA-262, where `$` is the end; Python's also matches before a line feed."""
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield SchemaError(f"{value!r} does not match {pattern!r}")


Validator = validators.extend(  # type: ignore[no-untyped-call]  # its stub has no types
    Draft202012Validator, {"pattern": ecma_pattern}
)
OBSERVATION = Validator(message_schema(MESSAGES[0]))
RESOLVED = Validator(message_schema(MESSAGES[1]))

ABSENT = object()
texts = st.sampled_from(
    ["x", "é", "a b", "1", "x" * 100, "", "a\x00", "a\n", "\x85", "x" * 101, "x" * 255, "x" * 256]
)
scalars = st.none() | st.booleans() | st.integers(-1, 2) | st.just(1.5) | texts
anything = scalars | st.lists(scalars, max_size=2) | st.dictionaries(texts, scalars, max_size=2)
timestamps = st.sampled_from(
    [
        "2026-11-22T12:00:00Z",
        "2026-11-22t12:00:00.123456789+01:00",
        "2024-02-29T23:59:59.9z",
        "2099-12-31T00:00:00-23:59",
        "2026-11-22T12:00:00",
        "2026-11-22 12:00:00Z",
        "2026-11-22T12:00:00Z\n",
        "2026-13-22T12:00:00Z",
        "1999-11-22T12:00:00Z",
        "2026-11-22T25:00:00Z",
        "2026-11-22T12:00:00+24:00",
        "",
    ]
)
digits = st.sampled_from(["1", "1" * 20, "1" * 21, "", "1a", "1\n", "١"])


def disturbed(
    valid: dict[str, Any], **fields: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    """A valid document in which up to two of the fields are replaced, by anything or nothing."""
    changes = st.lists(st.sampled_from(sorted(fields)), max_size=2, unique=True).flatmap(
        lambda names: st.fixed_dictionaries(
            {name: st.one_of([fields[name]] * 6 + [anything, st.just(ABSENT)]) for name in names}
        )
    )
    return changes.map(
        lambda change: {
            name: value for name, value in {**valid, **change}.items() if value is not ABSENT
        }
    )


events = disturbed(
    EVENT,
    id=texts,
    sportradar_id=digits,
    home=texts,
    away=texts,
    starts_at=timestamps,
    sport=texts,
    competition=texts,
    live=st.booleans(),
    venue=texts,
)
market_forms = st.sampled_from([[], {}, [None, 1, "\x00"], {"S_1X2_1": "2"}, {"S_1X2_1": None}])
names: st.SearchStrategy[Any] = st.sampled_from(
    [None, {}, {"S_1X2": "1X2"}, {"S_1X2": None}, {"S_1X2": "\x00"}, {"\x00": "1X2"}, []]
)
observations = st.sampled_from(list(OBSERVATIONS.values())).flatmap(
    lambda valid: disturbed(
        valid,
        schema_version=st.sampled_from([0, 1, 2, "1", True]),
        platform=st.sampled_from(["betpawa", "sportybet", "bet9ja", "bet365", "", None, []]),
        observed_at=timestamps,
        scrape_id=texts,
        event=events,
        markets=market_forms,
        market_names=names,
    )
)


def model_accepts(model: type[Observation | ResolvedEvent], document: Any) -> bool:
    try:
        model.model_validate(document)
    except ValidationError:
        return False
    return True


@settings(LAWS, max_examples=300)
@given(observations)
@example({**OBSERVATIONS["sportybet"], "market_names": {}})
@example({**OBSERVATIONS["sportybet"], "markets": {}})
@example({**OBSERVATIONS["bet9ja"], "markets": []})
@example({**OBSERVATIONS["betpawa"], "event": {**EVENT, "id": "a\n"}})
def test_model_and_schema_agree_on_observations(document: dict[str, Any]) -> None:
    assert model_accepts(Observation, document) == OBSERVATION.is_valid(document)


@LAWS
@given(anything)
def test_model_and_schema_agree_on_what_is_no_message(document: Any) -> None:
    assert model_accepts(Observation, document) == OBSERVATION.is_valid(document)


lines = st.sampled_from([None, "0", "2.5", "-0.25", "-0", "2.50", "+1", "1e1", "", "2.5\n", 2.5])
prices = st.sampled_from([None, 1, 1.0, 1.01, 2, -1, "1.98"])
outcomes = disturbed(
    {"outcome": "over", "odds": 1.98, "active": True},
    outcome=texts,
    odds=prices,
    active=st.booleans(),
)
markets = disturbed(
    RESOLVED_EVENT["markets"][0],
    canonical_id=texts,
    line=lines,
    external_market_id=texts,
    outcomes=st.lists(outcomes, max_size=2),
)
misses = disturbed(
    RESOLVED_EVENT["misses"][1],
    external_market_id=texts,
    market_name=texts,
    reason=st.sampled_from(["UNKNOWN_MARKET", "INVALID_ODDS"]),
    outcome=texts,
)
rejections = disturbed(
    RESOLVED_EVENT["rejected"][0],
    external_market_id=texts,
    line=lines,
    code=st.sampled_from(["INVALID_SPECIFIER", "UNKNOWN_MARKET"]),
    detail=texts,
)
resolved_events = disturbed(
    RESOLVED_EVENT,
    schema_version=st.integers(0, 2),
    platform=texts,
    observed_at=timestamps,
    mapping_version=st.integers(-1, 1),
    markets=st.lists(markets, max_size=2),
    misses=st.lists(misses, max_size=2),
    rejected=st.lists(rejections, max_size=2),
    omitted=disturbed({"misses": 1, "rejected": 0}, misses=st.integers(-1, 1), rejected=st.none()),
)


@settings(LAWS, max_examples=300)
@given(resolved_events)
@example(RESOLVED_EVENT)
def test_model_and_schema_agree_on_resolved_events(document: dict[str, Any]) -> None:
    assert model_accepts(ResolvedEvent, document) == RESOLVED.is_valid(document)
