from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import orjson
import pytest

from worker.lab.synthetic.expected import Generated, expected_miss_counts
from worker.lab.synthetic.offers import PLATFORMS, offers
from worker.lab.synthetic.scrape import generate_scrape

STARTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
OnBook = Callable[[str], list[Generated]]
DIGEST = """
import hashlib
from datetime import datetime, UTC
from worker.lab.synthetic.scrape import generate_scrape
made = generate_scrape(seed=4, events=3, started_at=datetime(2026, 11, 22, 12, tzinfo=UTC))
print(hashlib.sha256(repr(list(made)).encode()).hexdigest())
"""


def made(events: int = 3, seed: int = 4, scrape: int = 0) -> list[Generated]:
    return list(
        generate_scrape(seed=seed, events=events, scrape=scrape, started_at=STARTED_AT, size="slim")
    )


def groups(item: Generated) -> int:
    """What the book calls a market: SportyBet's rows, Bet9ja's keys without their outcome."""
    markets = item.observation["markets"]
    if item.platform == "bet9ja":
        return len({key.rpartition("_")[0] for key in markets})
    return len(markets)


def hit_share(items: list[Generated]) -> float:
    hits = sum(
        len({(m.external_market_id, m.line) for m in item.expected.markets}) for item in items
    )
    return hits / sum(map(groups, items))


def quantile(values: list[int], share: float) -> int:
    return sorted(values)[int(len(values) * share)]


def test_a_seed_gives_the_same_bytes_whatever_the_hash_seed_of_the_process() -> None:
    digests = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        ran = subprocess.run(
            [sys.executable, "-c", DIGEST],
            env=environment,
            capture_output=True,
            check=True,
            text=True,
        )
        digests.add(ran.stdout)

    assert len(digests) == 1


def test_another_seed_gives_other_prices() -> None:
    digests = {
        hashlib.sha256(orjson.dumps(made(1, seed)[0].observation)).digest() for seed in (1, 2)
    }

    assert len(digests) == 2


def test_more_events_leave_the_first_ones_as_they_are() -> None:
    few, many = made(2), made(5)

    assert many[: len(few)] == few


def test_size_changes_fields_but_never_the_truth() -> None:
    full = list(generate_scrape(seed=4, events=2, started_at=STARTED_AT, size="full"))

    assert [(item.key, item.expected) for item in full] == [
        (item.key, item.expected) for item in made(2)
    ]
    assert [len(item.observation["markets"]) for item in full] == [
        len(item.observation["markets"]) for item in made(2)
    ]


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        next(generate_scrape(seed=1, events=1, started_at=datetime(2026, 11, 22)))  # noqa: DTZ001 - the fault itself


def test_a_later_scrape_sees_the_same_events_at_a_later_time() -> None:
    first, second = made(4), made(4, scrape=1)

    assert [item.key for item in second] == [item.key for item in first]
    for before, after in zip(first, second, strict=True):
        assert after.observation["event"] == before.observation["event"]
        assert after.observation["observed_at"] > before.observation["observed_at"]
        assert after.observation["scrape_id"] != before.observation["scrape_id"]


def test_a_later_scrape_finds_some_prices_moved_and_most_as_they_were() -> None:
    first, second = made(4), made(4, scrape=1)
    pairs = [
        (one, other)
        for before, after in zip(first, second, strict=True)
        for one, other in zip(before.expected.markets, after.expected.markets, strict=True)
    ]

    assert 0.01 < sum(one != other for one, other in pairs) / len(pairs) < 0.2


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_book_is_read_event_after_event(on_book: OnBook, platform: str) -> None:
    times = [item.observation["observed_at"] for item in on_book(platform)]

    assert all(one < other for one, other in pairwise(times))


def test_the_key_is_the_sportradar_id_or_the_platforms_own(slim_scrape: list[Generated]) -> None:
    own = [item for item in slim_scrape if ":" in item.key]

    for item in slim_scrape:
        event = item.observation["event"]
        assert item.key == (event["sportradar_id"] or f"{item.platform}:{event['id']}")
    assert 0 < len(own) < len(slim_scrape) * 0.05


def test_the_books_have_most_events_but_not_all(on_book: OnBook) -> None:
    shares = {platform: len(on_book(platform)) / 64 for platform in PLATFORMS}

    assert shares["sportybet"] >= shares["bet9ja"] >= shares["betpawa"] > 0.75
    assert shares["betpawa"] < 1


def test_the_first_event_has_every_mapping_on_every_platform_that_sells_it() -> None:
    for item in made(1):
        sold = {offer.market.canonical_id for offer in offers(item.platform)}
        broken = {r.external_market_id for r in item.expected.rejected}
        ids = {o.market.canonical_id for o in offers(item.platform) if o.external_id in broken}
        assert {market.canonical_id for market in item.expected.markets} | ids == sold


@pytest.mark.parametrize(
    ("platform", "lowest", "highest"), [("sportybet", 0.58, 0.68), ("bet9ja", 0.55, 0.65)]
)
def test_about_six_tenths_of_what_the_competitors_sell_is_mapped(
    on_book: OnBook, platform: str, lowest: float, highest: float
) -> None:
    assert lowest < hit_share(on_book(platform)) < highest


def test_betpawa_has_about_fifty_types_and_most_are_mapped(on_book: OnBook) -> None:
    items = on_book("betpawa")
    types = [len(item.observation["markets"]) for item in items]
    missed = sum(len(item.expected.misses) for item in items)

    assert 45 < sum(types) / len(types) < 70
    assert missed < sum(types) * 0.06


@pytest.mark.parametrize(
    ("platform", "external_id", "share"),
    [
        ("bet9ja", "Z_DCMULTI4-5", 1.0),
        ("bet9ja", "Z_3CM", 193 / 197),
        ("bet9ja", "Z_LEASTX", 159 / 197),
        ("bet9ja", "Z_MCS3", 135 / 197),
        ("sportybet", "efaaab", 182 / 198),
        ("sportybet", "gaaba", 158 / 198),
        ("sportybet", "ibj", 405 / 198 / 3),
        ("sportybet", "iaabbh", 952 / 198 / 50),
    ],
)
def test_a_market_is_missed_as_often_as_it_was_counted(
    slim_scrape: list[Generated], on_book: OnBook, platform: str, external_id: str, share: float
) -> None:
    counts = expected_miss_counts(slim_scrape)

    assert counts[platform, external_id] / len(on_book(platform)) == pytest.approx(share, abs=0.07)


def test_a_miss_counts_once_for_a_message_however_many_lines_it_had(
    slim_scrape: list[Generated],
) -> None:
    counts = expected_miss_counts(slim_scrape)
    messages = Counter(item.platform for item in slim_scrape)

    assert counts
    assert all(count <= messages[platform] for (platform, _external_id), count in counts.items())


@pytest.mark.parametrize(
    "external_id", ["8?goalnr=2", "105?from=11|to=20", "854?total=3.5", "900069?minute=16"]
)
def test_a_specifier_of_another_market_is_part_of_the_missed_id(
    slim_scrape: list[Generated], external_id: str
) -> None:
    assert expected_miss_counts(slim_scrape)["sportybet", external_id] > 0


def test_every_reason_to_miss_and_the_broken_price_occur(slim_scrape: list[Generated]) -> None:
    reasons = {miss.reason for item in slim_scrape for miss in item.expected.misses}
    codes = {rejection.code for item in slim_scrape for rejection in item.expected.rejected}

    assert reasons == {"UNKNOWN_MARKET", "UNKNOWN_PARAM_MARKET", "NO_MATCHING_OUTCOMES"}
    assert codes == {"INVALID_ODDS"}


@pytest.mark.parametrize(
    ("platform", "lowest", "highest"),
    [("sportybet", 0.005, 0.02), ("betpawa", 0.005, 0.02), ("bet9ja", 0.01, 0.05)],
)
def test_few_prices_are_closed(
    on_book: OnBook, platform: str, lowest: float, highest: float
) -> None:
    outcomes = [
        o for item in on_book(platform) for market in item.expected.markets for o in market.outcomes
    ]

    assert lowest < sum(not outcome.active for outcome in outcomes) / len(outcomes) < highest


@pytest.mark.parametrize(
    ("platform", "ordinary", "largest"),
    [
        ("sportybet", (150_000, 400_000), (900_000, 1_400_000)),
        ("betpawa", (60_000, 400_000), (180_000, 700_000)),
        ("bet9ja", (12_000, 32_000), (30_000, 45_000)),
    ],
)
def test_messages_have_the_size_of_the_real_ones(
    full_scrape: list[Generated], platform: str, ordinary: tuple[int, int], largest: tuple[int, int]
) -> None:
    sizes = [
        len(orjson.dumps(i.observation["markets"])) for i in full_scrape if i.platform == platform
    ]

    assert ordinary[0] < quantile(sizes, 0.5) < ordinary[1]
    assert largest[0] < max(sizes) < largest[1]
