"""Counting again on purpose: only when asked for by name, only while nobody counts, and then exactly."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.support.people.commands import SIGNED, command
from tests.support.services.installation import Installation
from tests.support.stream import expected_counts, ids, numbers, resolved, stream

pytestmark = pytest.mark.services

TOTAL = 40
RECOUNT = ("replay", "recount", "--topic", "observations.sportybet", "--json", *SIGNED)


async def audited(installation: Installation) -> list[Any]:
    return list(
        await installation.query(
            "SELECT partition, old_offset, new_offset, actor, reason FROM watermark_change ORDER BY partition"
        )
    )


async def test_a_range_is_published_and_counted_once_more(installation: Installation) -> None:
    await installation.publish(stream(TOTAL))
    installation.start_worker()
    await installation.caught_up()
    refused = await command(installation, *RECOUNT, "--from", "1h", "--yes")
    assert (refused.code, "has members" in refused.stderr) == (1, True)
    assert await installation.stop_worker() == 0

    unsure = await command(installation, *RECOUNT, "--from", "1h")
    assert (unsure.code, "Counts will rise" in unsure.stderr) == (2, True)
    dry = (await command(installation, *RECOUNT, "--from", "1h", "--dry-run")).json
    assert (dry["done"], sum(each["records"] for each in dry["partitions"])) == (False, TOTAL)
    assert await audited(installation) == []

    again = ("--partition", "1", "--from", "3", "--yes")
    (set_back,) = (await command(installation, *RECOUNT, *again)).json["partitions"]
    (change,) = await audited(installation)
    assert tuple(change) == (1, set_back["watermark"], 3, "ada", "because")

    before = await resolved(installation)
    sources = [source.decode().split("/")[1:] for source in ids(before)]
    repeated = [
        number
        for number, (partition, offset) in zip(numbers(before), sources, strict=True)
        if partition == "1" and int(offset) >= 3
    ]
    assert len(repeated) == set_back["records"] > 0
    installation.start_worker()
    await installation.resolved_from(TOTAL + len(repeated))
    await installation.publish(stream(12, TOTAL))
    await installation.caught_up()
    assert await installation.stop_worker(1) == 0
    expected = Counter(range(TOTAL + 12)) + Counter(repeated)
    assert Counter(numbers(await resolved(installation))) == expected
    twice = Counter(("sportybet", f"seventh {number % 7}") for number in repeated)
    more = twice + Counter({("sportybet", "900001"): len(repeated)})
    assert await installation.counts() == expected_counts(TOTAL + 12) + more


async def test_an_offset_needs_its_partition(installation: Installation) -> None:
    answer = await command(installation, *RECOUNT, "--from", "3", "--yes")
    assert (answer.code, "--partition" in answer.stderr) == (2, True)
