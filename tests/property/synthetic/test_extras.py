"""Whatever the seed: the worker says of every generated observation what the generator knows to be true."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support.markets import CATALOGUE
from tests.support.verdicts import plain_faults, planned_faults
from worker.domain.index import MappingIndex
from worker.lab.bench.peers.memory import planner_of
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.extras import EXTRAS, Extra
from worker.lab.synthetic.scrape import generate_scrape
from worker.settings.settings import Settings

STARTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
INDEX = MappingIndex(CATALOGUE)
# Of football before the match; the other kinds have one event then.
EVENTS: dict[Extra, int] = {"players": 3, "shapes": 5, "catalogue": 1}
# A seed does not get simpler by being smaller.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


def made(extra: Extra, seed: int, scrape: int = 0) -> list[Generated]:
    return list(
        generate_scrape(
            seed=seed,
            events=EVENTS.get(extra, 0),
            scrape=scrape,
            started_at=STARTED_AT,
            size="slim",
            extras=(extra,),
        )
    )


@pytest.mark.parametrize("extra", EXTRAS)
@settings(max_examples=4, deadline=None, phases=PHASES)
@given(seed=st.integers(0, 10**6), scrape=st.integers(0, 3))
def test_every_record_is_resolved_as_the_oracle_says(extra: Extra, seed: int, scrape: int) -> None:
    assert plain_faults(made(extra, seed, scrape), INDEX) == []


def test_labels_in_french_that_say_nothing_have_no_price_to_refuse() -> None:
    assert plain_faults(made("shapes", seed=302), INDEX) == []


@pytest.mark.parametrize("extra", EXTRAS)
@settings(max_examples=2, deadline=None, phases=PHASES)
@given(seed=st.integers(0, 10**6))
def test_rows_that_were_seen_before_are_resolved_as_the_oracle_says(
    extra: Extra, seed: int
) -> None:
    """The planner as a worker has it, which recalls rows; each scrape after the first finds known ones."""
    planner = planner_of(Settings())

    for scrape in range(3):
        assert planned_faults(made(extra, seed, scrape), planner, INDEX) == []


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_seed_gives_the_same_observations_each_time(extra: Extra) -> None:
    assert made(extra, 3) == made(extra, 3)
