"""Recalling gives what resolving gives of an event that is scraped again and again, its players included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.ingest.test_recalling import (
    USUAL_NAMES,
    Feed,
    Raw,
    Style,
    check,
    in_event,
    recalling,
)
from tests.support.laws import LAWS
from worker.domain.books.platforms import Platform
from worker.ingest.planning import recall as planning

pytest.importorskip("market_mapping_recall", reason="the compiled part is not installed")

OF_PLAYERS: Final = "PPPSSSNNRAX"
BOOKMAKERS: Final[Sequence[Platform]] = ("sportybet", "betpawa")
PLACES: Final = ("scorers\0", *(f"shots\0{number}.5" for number in range(99)))
PRICES: Final = ("1.98", "2", "2.00", "7.5", "1", "")


class Scrapes(Feed):
    """Draws scrapes of two events with the same markets, of which some come, in any order."""

    def scrapes(self, most: int = 6) -> list[bytes]:
        pool = [market for _ in range(3) for market in self._markets()]
        teams = [self.draw.sample(USUAL_NAMES, 2) for _ in range(2)]
        return [self._scrape(pool, *self.draw.choice(teams)) for _ in range(most)]

    def _scrape(self, pool: list[Any], home: str, away: str) -> bytes:
        document = self.fields(
            platform=self.platform,
            observed_at="2026-11-22T12:00:00Z",
            event=self.fields(id="e1", home=home, away=away),
            markets=[self._again(market) for market in self.some(pool)],
        )
        return Style("none", "").written(in_event(document, home, away)).encode()

    def _again(self, node: Any) -> Any:
        """The same with other prices, and without some of its rows and outcomes."""
        draw = self.draw
        if isinstance(node, list):
            kept = [self._again(each) for each in node if draw.random() < 0.8]
            return draw.sample(kept, len(kept))
        if isinstance(node, tuple):
            return tuple((name, self._field(name, value)) for name, value in node)
        return node

    def _field(self, name: str, value: Any) -> Any:
        is_price = name in {"odds", "price"} and isinstance(value, str)
        if is_price and self.draw.random() < 0.5:
            text = self.draw.choice(PRICES)
            return Raw(text or "null") if isinstance(value, Raw) else text
        return self._again(value)


SCRAPES: Final = st.builds(
    lambda seed, strange, platform: Scrapes(seed, strange, platform, OF_PLAYERS).scrapes(),
    st.integers(0, 2**64),
    st.sampled_from([0, 0.005, 0.02]),
    st.sampled_from(BOOKMAKERS),
)


@LAWS
@given(SCRAPES)
def test_every_scrape_of_an_event_gives_what_resolving_gives(values: list[bytes]) -> None:
    planner = recalling()
    for _ in range(2):
        for value in values:
            check(planner, [value])
    check(planner, values)


@LAWS
@given(SCRAPES, st.sampled_from([0, 4_000, 40_000]))
def test_so_does_a_memory_that_is_full(values: list[bytes], most_bytes: int) -> None:
    limits = planning._LIMITS | {"most_bytes_of_players": most_bytes}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "_LIMITS", limits)
        planner = recalling()
        for _ in range(2):
            check(planner, values)
    assert planner._memory is not None
    assert planner._memory._recall.bytes_of_players <= most_bytes * 2 * len(BOOKMAKERS)


@pytest.mark.parametrize("platform", BOOKMAKERS)
def test_players_that_come_again_are_recalled(platform: Platform) -> None:
    feeds = [Scrapes(seed, 0, platform, OF_PLAYERS).scrapes() for seed in range(60)]
    assert of_players_recalled(feeds, 0) == 0
    assert of_players_recalled(feeds, 1_000_000) > 30


def of_players_recalled(feeds: Sequence[Sequence[bytes]], most_bytes: int) -> int:
    """In how many observations markets of players are recalled when they come for the third time."""
    limits = planning._LIMITS | {"most_bytes_of_players": most_bytes}
    times = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "_LIMITS", limits)
        for values in feeds:
            planner = recalling()
            for _ in range(2):
                check(planner, values)
            assert planner._memory is not None
            found = planner._memory.read(values)
            times += sum(each is not None and each.shared(PLACES) > 0 for each in found)
    return times
