"""Ids and messages hold what was sent, as JSON: never a value in the form that Python prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.hostile.fields import VALUES, spoilt_markets
from tests.support.markets import FOOTBALL
from worker.domain.books.platforms import PLATFORMS
from worker.domain.resolve import Observation, Resolution, resolve

DOMAIN: Final = Path(__file__).parents[3] / "worker" / "domain"
PRINTED: Final = re.compile(r"\b(?:None|True|False)\b|\{'|\['|\('|': |object at 0x|<class")


def said(found: Resolution) -> Iterator[str | None]:
    for miss in found.misses:
        yield from (miss.external_market_id, miss.market_name, miss.outcome)
    for entry in found.rejected:
        yield from (entry.external_market_id, entry.line, entry.detail)


def printed(platform: Any, markets: Any) -> list[str]:
    texts = said(resolve(Observation(platform, markets), FOOTBALL))
    return [text for text in texts if text is not None and PRINTED.search(text)]


def test_what_is_of_a_wrong_type_is_never_named_as_python_prints_it() -> None:
    messages = [json.loads(spoilt.value) for spoilt in spoilt_markets()]
    assert len(messages) > 100
    for message in messages:
        assert printed(message["platform"], message["markets"]) == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_nor_is_a_market_that_is_none(platform: str) -> None:
    for value in VALUES:
        assert printed(platform, value) == []
        assert printed(platform, [value]) == []
        assert printed(platform, {"S_1X2_1": value, "other": value}) == []


def test_the_domain_prints_no_value_for_people() -> None:
    """``!r`` and ``repr`` have no place where ids and messages are made."""
    sources = {path: path.read_text(encoding="utf-8") for path in DOMAIN.rglob("*.py")}
    assert [path.name for path, text in sources.items() if re.search(r"!r\}|\brepr\(", text)] == []
