"""Forms of a market that came later than others: the typed reader and recall read them as `books` does."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest

from tests.support.markets import CATALOGUE
from tests.support.records import FakeRecord, place
from worker.domain.index import MappingIndex
from worker.domain.resolve import Observation, market_document, resolve
from worker.ingest.planning.encode import Encoder
from worker.ingest.planning.plan import Planner
from worker.ingest.planning.recall import make_planner

MOST: Final = 1_000_000
ENCODER: Final = Encoder(
    resolved_topic="r", dead_topic="d", group="g", max_bytes=MOST, max_dead_bytes=MOST
)
INDEX: Final = MappingIndex(CATALOGUE, 1)
EVENT: Final = {"id": "1", "home": "Lagos Stars", "away": "Kano City"}


def betpawa(row: dict[str, Any], **market: Any) -> list[Any]:
    prices = [{"name": name, "odds": odds} for name, odds in (("1", 2.5), ("X", 3.1), ("2", 2.9))]
    return [{"marketType": {"id": "3743"}, "row": [{"prices": prices} | row]} | market]


def total(row: dict[str, Any], **price: Any) -> list[Any]:
    prices = [{"name": name, "odds": 1.9} | price for name in ("Over", "Under")]
    return [{"marketType": {"id": "5000"}, "row": [{"prices": prices} | row]}]


def sportybet(*states: tuple[int, str], odds: str = "1.9") -> list[Any]:
    return [
        {
            "id": "18",
            "product": product,
            "specifier": "total=2.5",
            "status": status,
            "outcomes": [
                {"desc": "Over 2.5", "odds": price, "isActive": 1},
                {"desc": "Under 2.5", "odds": odds, "isActive": 1},
            ],
        }
        for product, (status, price) in enumerate(states)
    ]


FORMS: Final[dict[str, tuple[str, Any]]] = {
    "open": ("betpawa", betpawa({})),
    "market suspended": ("betpawa", betpawa({}, suspended=True)),
    "row suspended": ("betpawa", betpawa({"suspended": True})),
    "market open": ("betpawa", betpawa({"suspended": False}, suspended=False)),
    "no price, a number": ("betpawa", betpawa({"prices": [{"name": "1", "odds": 1.0}]})),
    "no price, null": ("betpawa", betpawa({"prices": [{"name": "1", "price": None}]})),
    "no price, zero": ("betpawa", betpawa({"prices": [{"name": "1", "price": 0}]})),
    "two prices": ("betpawa", betpawa({"prices": [{"name": "1", "price": 2, "odds": 3}]})),
    "specifier": ("betpawa", total({"specifier": {"total": "2.5"}})),
    "specifier in quarters": (
        "betpawa",
        total({"handicap": 10, "specifier": {"total": 10, "hcp": 0}}),
    ),
    "specifier with nulls": ("betpawa", total({"handicap": 10, "specifier": {"total": None}})),
    "specifier of another kind": ("betpawa", total({"specifier": {"hcp": "2.5"}})),
    "formatted": ("betpawa", total({"formattedHandicap": "2.5"})),
    "formatted otherwise": ("betpawa", total({"handicap": 10, "formattedHandicap": "3.5"})),
    "shown alone": ("betpawa", total({}, handicap="2.5")),
    "shown otherwise": ("betpawa", total({"handicap": 10}, handicap="3.5")),
    "price specifier": (
        "betpawa",
        total({"handicap": 10}, handicap="2.5", specifier={"total": "2.5"}),
    ),
    "price specifier alone": ("betpawa", total({"handicap": 10}, specifier={"total": "2.5"})),
    "price specifier otherwise": (
        "betpawa",
        total({"handicap": 10}, handicap="2.5", specifier={"total": "3.5"}),
    ),
    "price specifier of two": (
        "betpawa",
        total({"handicap": 10}, specifier={"a": "2.5", "b": None}),
    ),
    "nothing shown": ("betpawa", total({"handicap": 10}, handicap="", specifier={"total": ""})),
    "zero": ("betpawa", betpawa({"handicap": 0, "specifier": {"hcp": 0}})),
    "closed copy": ("sportybet", sportybet((1, "1.5"), (0, "1.6"))),
    "closed copies": ("sportybet", sportybet((1, "1.5"), (2, "1.6"))),
    "open copies": ("sportybet", sportybet((0, "1.5"), (0, "1.6"))),
    "no price, 1.00": ("sportybet", sportybet((0, "1.00"))),
    "no price, empty": ("sportybet", sportybet((0, ""), odds="0.00")),
    "a dash": ("bet9ja", {"S_1X2_1": "-", "S_1X2_X": "", "S_1X2_2": None}),
    "live": ("bet9ja", {"LIVES_1X2_1": {"v": 1}, "S_1X2_X": {"v": 3.1}, "S_1X2_2": {"v": "-"}}),
    "another sport": ("bet9ja", {"LIVEB_12_1": {"v": 1.5}, "LIVETT_OU@74.5_O": {"v": 1.85}}),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_gives_the_same_when_it_is_read_by_types_recalled_and_read_whole(name: str) -> None:
    platform, markets = FORMS[name]
    document = {
        "platform": platform,
        "observed_at": "2026-11-22T12:00:00Z",
        "event": EVENT,
        "markets": markets,
    }
    record = FakeRecord(value=orjson.dumps(document))
    # A field that is not known makes the whole record be read in the ordinary way.
    whole = FakeRecord(value=orjson.dumps(document | {"unknown_field": 1}))
    recalling = make_planner(ENCODER, max_message_bytes=MOST)
    planned = [
        Planner(ENCODER, max_message_bytes=MOST).plan(one, place(), INDEX)
        for one in (record, whole)
    ]
    planned += [one for _ in range(3) for one in recalling.plan_all([(record, place())], INDEX)]
    outputs = [one.output.value for one in planned]
    assert all(output == outputs[0] for output in outputs), outputs
    said = orjson.loads(outputs[0] or b"")
    expected = resolve(
        Observation(platform, markets, EVENT["home"], EVENT["away"]),  # type: ignore[arg-type]
        INDEX,
    )
    assert said["markets"] == [market_document(market) for market in expected.markets]
