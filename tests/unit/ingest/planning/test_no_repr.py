"""What is published never shows a value as Python writes it: ids and messages are plain text or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

import pytest

from tests.support.markets import FOOTBALL, betpawa, observation, sportybet
from worker.domain.books.platforms import Platform
from worker.domain.resolve import resolve
from worker.ingest.planning.encode import resolved_event
from worker.ingest.reading.decode import Decoded, UnreadableRecord, decode

# As Python shows them: None, truths, lists and objects of texts, bytes, classes, escapes of its own.
OF_PYTHON: Final = re.compile(
    r"\bNone\b|\bTrue\b|\bFalse\b|NoneType|\['|\{'|'\]|'\}|\bb'|<class|\bobject at 0x"
)
ODD: Final[list[Any]] = [
    *(None, True, False, 0, -1, 2.5, 1e300, "", "é\x01", [], {}, ["a"], {"a": "b"}, [None]),
    *({"a": None}, [[True]], "x" * 2000),
]
PRICE: Final = {
    "name": "Over",
    "typeId": "5001",
    "price": 1.9,
    "handicap": "2.5",
    "suspended": False,
}
ROW: Final = {
    "handicap": 10,
    "specifier": {"total": "2.5"},
    "formattedHandicap": "2.5",
    "prices": [PRICE | {"specifier": {"total": "2.5"}}, PRICE | {"name": "Under"}],
}
MARKETS: Final[dict[Platform, Any]] = {
    "sportybet": [
        sportybet("18", "total=2.5", name="Goals", product=3, prices={"Over 2.5": "1.9"}),
        sportybet("8", "goalnr=1", prices={"Home": "1.9", "Away": "2"}),
        sportybet("900100", "a=1", prices={"Yes": "2"}),
    ],
    "betpawa": [betpawa("5000", ROW, name="Goals"), betpawa("28000224", ROW), betpawa("1", ROW)],
    "bet9ja": {"S_OU@2.5_O": "1.9", "S_1X2_1": {"v": 2}, "S_1X2_X": "3", "X_Y_1": "2"},
}


def replaced(document: Any, value: Any) -> Iterator[Any]:
    """The document with each part of it, in turn, replaced by the value."""
    places = document.items() if isinstance(document, dict) else enumerate(document)
    for place, part in list(places):
        copy = deepcopy(document)
        copy[place] = value
        yield copy
        if isinstance(part, dict | list):
            for changed in replaced(part, value):
                copy = deepcopy(document)
                copy[place] = changed
                yield copy


def published(value: bytes) -> str:
    seen = decode(value, max_bytes=1_000_000)
    if isinstance(seen, UnreadableRecord):
        return seen.detail
    assert isinstance(seen, Decoded)
    resolution = resolve(seen.observation, FOOTBALL)
    document = json.loads(resolved_event(seen.envelope, resolution, 1))
    for entry in document["misses"]:
        entry.pop("outcome", None)  # a label as it was sent
    return json.dumps([document["markets"], document["misses"], document["rejected"]])


@pytest.mark.parametrize("platform", MARKETS)
@pytest.mark.parametrize("odd", ODD, ids=map(str, range(len(ODD))))
def test_no_id_and_no_message_shows_a_value_as_python_writes_it(
    platform: Platform, odd: Any
) -> None:
    for markets in replaced(MARKETS[platform], odd):
        said = published(observation(platform, markets))
        assert OF_PYTHON.search(said) is None, said
