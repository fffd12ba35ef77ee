from typing import Any

import pytest
from pydantic import ValidationError

from schemas import Observation
from schemas.examples import EVENT, OBSERVATIONS

SPORTYBET = OBSERVATIONS["sportybet"]
BET9JA = OBSERVATIONS["bet9ja"]


def accepts(document: dict[str, Any]) -> bool:
    try:
        Observation.model_validate(document)
    except ValidationError:
        return False
    return True


def with_event(**fields: Any) -> dict[str, Any]:
    return {**SPORTYBET, "event": {**EVENT, **fields}}


@pytest.mark.parametrize("platform", OBSERVATIONS)
def test_the_market_entries_are_neither_copied_nor_visited(platform: str) -> None:
    document = OBSERVATIONS[platform]
    assert Observation.model_validate(document).markets is document["markets"]


def test_a_hostile_market_entry_costs_no_neighbour() -> None:
    hostile = [None, 1, "x", {"id": float("nan")}, {"id": "\x00"}, *SPORTYBET["markets"]]
    assert Observation.model_validate({**SPORTYBET, "markets": hostile}).markets == hostile


@pytest.mark.parametrize("field", ["platform", "event", "observed_at", "markets"])
def test_a_required_field_may_not_be_absent(field: str) -> None:
    assert not accepts({name: value for name, value in SPORTYBET.items() if name != field})


def test_only_the_required_fields_are_needed() -> None:
    observation = Observation.model_validate(
        {
            "platform": "betpawa",
            "event": {"id": "1"},
            "observed_at": "2026-11-22T12:00:00Z",
            "markets": [],
        }
    )
    assert observation.schema_version == 1
    assert observation.scrape_id is None
    assert observation.event.live is None


def test_unknown_fields_are_ignored() -> None:
    document = {**SPORTYBET, "proxy": 7, "event": {**EVENT, "venue": []}}
    assert Observation.model_validate(document) == Observation.model_validate(SPORTYBET)


@pytest.mark.parametrize("version", [2, 0, -1, "1", True, 1.0, None])
def test_only_the_integer_one_is_a_known_version(version: object) -> None:
    assert not accepts({**SPORTYBET, "schema_version": version})


@pytest.mark.parametrize("platform", ["bet365", "SPORTYBET", "", 1, None, ["sportybet"], {}])
def test_a_platform_that_is_none_of_the_three_is_refused(platform: object) -> None:
    assert not accepts({**SPORTYBET, "platform": platform})


@pytest.mark.parametrize(
    "event_id", ["", "x" * 101, "a\n", "a\x00", "\x7f", "\x85", "\ud800", 7, None]
)
def test_an_event_id_that_cannot_be_a_key_is_refused(event_id: object) -> None:
    assert not accepts(with_event(id=event_id))


@pytest.mark.parametrize("event_id", ["1", "x" * 100, "sr:match:68995116", "Zürich – 2"])
def test_a_printable_event_id_up_to_100_characters_is_accepted(event_id: str) -> None:
    assert accepts(with_event(id=event_id))


@pytest.mark.parametrize("number", ["", "68x", "1" * 21, "1\n", "-1", "١", 68995116])
def test_a_sportradar_id_is_a_string_of_up_to_20_ascii_digits(number: object) -> None:
    assert not accepts(with_event(sportradar_id=number))


@pytest.mark.parametrize(
    "field",
    ["sportradar_id", "home", "away", "starts_at", "sport", "competition", "live", "status"],
)
def test_null_means_the_same_as_absent(field: str) -> None:
    absent = {name: value for name, value in EVENT.items() if name != field}
    assert Observation.model_validate(with_event(**{field: None})) == Observation.model_validate(
        {**SPORTYBET, "event": absent}
    )


@pytest.mark.parametrize(
    ("field", "longest"), [("home", 255), ("away", 255), ("competition", 255), ("sport", 100)]
)
def test_names_are_bounded_in_characters(field: str, longest: int) -> None:
    assert accepts(with_event(**{field: "é" * longest}))
    assert not accepts(with_event(**{field: "é" * (longest + 1)}))


@pytest.mark.parametrize("field", ["home", "away", "competition", "sport", "id"])
def test_a_nul_character_is_refused_wherever_it_stands(field: str) -> None:
    assert not accepts(with_event(**{field: "a\x00b"}))


@pytest.mark.parametrize("live", [0, 1, "true", "no"])
def test_live_is_a_boolean_and_nothing_like_one(live: object) -> None:
    assert not accepts(with_event(live=live))


@pytest.mark.parametrize(
    "status", ["scheduled", "live", "suspended", "finished", "cancelled", None]
)
def test_an_event_has_a_status_of_the_list_or_none(status: str | None) -> None:
    assert accepts(with_event(status=status))


@pytest.mark.parametrize("status", ["ended", "Live", "", 1, True, ["live"]])
def test_a_status_that_is_not_in_the_list_is_refused(status: object) -> None:
    assert not accepts(with_event(status=status))


@pytest.mark.parametrize(("number", "of"), [(1, 1), (1, 2), (2, 2), (1000, 1000)])
def test_a_part_is_one_of_those_that_there_are(number: int, of: int) -> None:
    assert accepts({**SPORTYBET, "part": {"number": number, "of": of}})


@pytest.mark.parametrize(
    "part",
    [
        {"number": 3, "of": 2},
        {"number": 0, "of": 2},
        {"number": 1, "of": 1001},
        {"number": True, "of": 2},
        {"number": 1.0, "of": 2},
        {"number": "1", "of": 2},
        {"number": 1},
        {},
        [1, 2],
        1,
    ],
    ids=str,
)
def test_a_part_that_is_none_of_them_is_refused(part: object) -> None:
    assert not accepts({**SPORTYBET, "part": part})


def test_the_fault_of_a_part_is_said_with_its_numbers() -> None:
    with pytest.raises(ValidationError, match="part 3 of 2"):
        Observation.model_validate({**SPORTYBET, "part": {"number": 3, "of": 2}})


@pytest.mark.parametrize("markets", [{}, None, "x", 1, True])
@pytest.mark.parametrize("platform", ["sportybet", "betpawa"])
def test_two_platforms_send_an_array_of_markets(platform: str, markets: object) -> None:
    assert not accepts({**OBSERVATIONS[platform], "markets": markets})


@pytest.mark.parametrize("markets", [[], None, "x", 1])
def test_bet9ja_sends_an_object_of_markets(markets: object) -> None:
    assert not accepts({**BET9JA, "markets": markets})


@pytest.mark.parametrize("platform", OBSERVATIONS)
def test_an_event_may_have_no_markets_left(platform: str) -> None:
    empty: object = {} if platform == "bet9ja" else []
    assert accepts({**OBSERVATIONS[platform], "markets": empty})


@pytest.mark.parametrize(
    "names", [{"S_OU": None}, {"S_OU": 1}, [], "x", {"S_OU": "a\x00"}, {"S\x00": "a"}]
)
def test_market_names_are_strings_without_nul(names: object) -> None:
    assert not accepts({**BET9JA, "market_names": names})


def test_market_names_belong_to_bet9ja_alone() -> None:
    assert not accepts({**SPORTYBET, "market_names": {"18": "Over/Under"}})
    assert accepts({**SPORTYBET, "market_names": None})


@pytest.mark.parametrize("document", [None, [], "x", 1, [SPORTYBET]])
def test_a_document_that_is_no_object_is_refused(document: Any) -> None:
    assert not accepts(document)
