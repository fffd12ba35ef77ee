"""The names that partners rely on, written down a second time so that a rename fails here."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel

import schemas
from schemas.asyncapi import CHANNELS
from schemas.resolved import MISS_REASONS, REJECTED_CODES
from worker.domain.books import platforms
from worker.settings.settings import Settings

FIELDS: dict[type[BaseModel], str] = {
    schemas.Observation: "schema_version platform observed_at scrape_id event part markets market_names",
    schemas.Event: "id sportradar_id home away starts_at sport competition live status",
    schemas.Part: "number of",
    schemas.ResolvedEvent: (
        "schema_version platform observed_at scrape_id event part mapping_version markets misses rejected "
        "omitted participant_markets"
    ),
    schemas.ParticipantMarket: "canonical_id line participant external_market_id outcomes complete",
    schemas.Participant: "feed_id id name side key",
    schemas.ResolvedMarket: "canonical_id line external_market_id outcomes complete",
    schemas.ResolvedOutcome: "outcome odds active",
    schemas.MissEntry: "external_market_id market_name reason outcome",
    schemas.RejectedEntry: "external_market_id line code detail cause",
    schemas.Omitted: "misses rejected participant_markets",
    schemas.MappingChanged: (
        "schema_version action mapping_version canonical_id old new reason created_by created_at"
        " login"
    ),
    schemas.UnmappedMarket: (
        "schema_version source external_market_id market_name reason sample_outcomes first_seen_at "
        "mapping_version"
    ),
    schemas.SampleOutcome: "label odds qualifier",
    schemas.OutcomeMapping: (
        "canonical_id betpawa_name sportybet_desc bet9ja_suffix betpawa_type_ids sportybet_outcome_ids "
        "position"
    ),
}

CODES: dict[Any, str] = {
    schemas.Platform: "betpawa sportybet bet9ja",
    schemas.EventStatus: "scheduled live suspended finished cancelled",
    schemas.MissReason: "UNKNOWN_MARKET UNKNOWN_PARAM_MARKET NO_MATCHING_OUTCOMES",
    schemas.RejectedCode: "INVALID_SPECIFIER INVALID_ODDS INVALID_KEY_FORMAT",
    schemas.MappingAction: "CREATE UPDATE DELETE ACTIVATE DEACTIVATE",
    schemas.DeadReason: (
        "TOMBSTONE EMPTY TOO_LARGE INVALID_UTF8 INVALID_JSON NUL_CHARACTER NOT_AN_OBJECT INVALID_FIELD "
        "UNSUPPORTED_VERSION UNSUPPORTED_PLATFORM OBSERVED_IN_FUTURE WRONG_SHAPE RESULT_TOO_LARGE "
        "DATABASE_REFUSED"
    ),
}


@pytest.mark.parametrize("model", FIELDS, ids=lambda model: model.__name__)
def test_a_message_has_its_fields_by_name(model: type[BaseModel]) -> None:
    assert list(model.model_fields) == FIELDS[model].split()


@pytest.mark.parametrize("codes", CODES, ids=lambda codes: codes.__args__[0])
def test_codes_have_their_names(codes: Any) -> None:
    assert list(get_args(codes)) == CODES[codes].split()


def test_every_code_has_a_sentence() -> None:
    assert tuple(MISS_REASONS) == get_args(schemas.MissReason)
    assert tuple(REJECTED_CODES) == get_args(schemas.RejectedCode)


def test_only_four_fields_of_an_observation_are_required() -> None:
    required = {
        name
        for model in (schemas.Observation, schemas.Event)
        for name, field in model.model_fields.items()
        if field.is_required()
    }
    assert required == {"platform", "event", "id", "observed_at", "markets"}


def test_the_platforms_are_those_of_the_domain() -> None:
    assert schemas.PLATFORMS == platforms.PLATFORMS


def test_the_documented_topics_are_the_default_ones() -> None:
    defaults = {
        field.default for name, field in Settings.model_fields.items() if name.startswith("topic_")
    } - {""}
    assert {channel.topic for channel in CHANNELS} == defaults
