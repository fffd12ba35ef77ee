"""Counts that Postgres refuses: the records at fault become dead letters, every other count is exact."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from schemas import DeadLetter
from tests.support.services.installation import Installation, execute
from tests.support.stream import expected_counts, numbers, resolved, stream
from worker.kafka.record import RawRecord

pytestmark = pytest.mark.services

TOTAL = 140
LARGEST = 2**31 - 1
FULL = ("sportybet", "seventh 3")
BANNED = ("sportybet", "seventh 5")


@dataclass
class Refused:
    letters: list[RawRecord]
    outputs: list[RawRecord]
    counts: Counter[tuple[str, str]]
    metrics: str
    log: str
    exit_code: int


async def refusing(installation: Installation) -> Refused:
    await installation.query(
        """INSERT INTO unmapped_market_log (source, external_market_id, first_seen_at, last_seen_at,
           occurrence_count, reason, mapping_version)
           VALUES (:source, :market, now(), now(), :count, 'UNKNOWN_MARKET', 0) RETURNING id""",
        source=FULL[0],
        market=FULL[1],
        count=LARGEST,
    )
    await execute(
        installation.settings.database_url,
        "ALTER TABLE unmapped_market_log ADD CONSTRAINT banned CHECK (external_market_id <> 'seventh 5')",
    )
    await installation.publish(stream(TOTAL))
    installation.start_worker()
    await installation.caught_up()
    _, metrics = await installation.ask("/metrics")
    return Refused(
        exit_code=await installation.stop_worker(),
        letters=await installation.consume("observations.dead"),
        outputs=await resolved(installation),
        counts=await installation.counts(),
        metrics=metrics,
        log=(installation.folder / "worker-0.log").read_text(),
    )


@pytest.fixture(scope="module")
def refused(in_installation: Any) -> Refused:
    outcome: Refused = in_installation(refusing)
    return outcome


def test_counts_of_all_other_records_are_exact(refused: Refused) -> None:
    expected = expected_counts(TOTAL) - Counter({FULL: TOTAL, BANNED: TOTAL})
    expected[FULL] = LARGEST
    expected["sportybet", "900001"] = TOTAL - 2 * TOTAL // 7
    assert refused.counts == expected


def test_each_refused_record_has_one_dead_letter_with_the_sqlstate(refused: Refused) -> None:
    told: Counter[tuple[str, str]] = Counter()
    for letter in refused.letters:
        headers = DeadLetter.from_headers(letter.headers)
        told[headers.reason, (headers.detail or "").partition(":")[0]] += 1
    assert told == {
        ("DATABASE_REFUSED", "22003"): TOTAL // 7,
        ("DATABASE_REFUSED", "23514"): TOTAL // 7,
    }


def test_its_bytes_are_kept(refused: Refused) -> None:
    sent = {value for _, _, value, _ in stream(TOTAL)}
    assert {letter.value for letter in refused.letters} <= sent


def test_every_record_is_resolved_all_the_same(refused: Refused) -> None:
    assert sorted(numbers(refused.outputs)) == list(range(TOTAL))


def test_the_metrics_count_the_refused_records(refused: Refused) -> None:
    line = f'marketmap_dead_letters_total{{reason="DATABASE_REFUSED"}} {2 * TOTAL // 7}.0'
    assert line in refused.metrics


def test_the_log_names_what_is_refused_and_does_not_show_it(refused: Refused) -> None:
    assert '"event": "counts_refused"' in refused.log
    assert "Failing row" not in refused.log
    assert BANNED[1] not in refused.log


def test_the_worker_goes_on_and_stops_in_good_order(refused: Refused) -> None:
    assert refused.exit_code == 0
