"""What the doctor looks at, part by part."""

from __future__ import annotations

from collections import Counter

import pytest

from worker.domain.errors import FatalError, TransientError
from worker.operations.doctor import (
    console_checks,
    database_checks,
    kafka_checks,
    shape_checks,
)
from worker.operations.doctor.findings import Finding
from worker.operations.doctor.parts import PARTS, part_of
from worker.settings.settings import Settings

SETTINGS = Settings()


@pytest.mark.parametrize("name", PARTS)
def test_no_two_checks_of_a_part_have_one_name(name: str) -> None:
    """A line of the doctor's is looked up by its name in the runbook."""
    part = part_of(SETTINGS, name)
    checks = [
        *kafka_checks.checks_of(part, SETTINGS),
        *database_checks.checks_of(part),
        *shape_checks.checks_of(part, SETTINGS),
        *console_checks.checks_of(part),
    ]
    times = Counter(check.subject for check in checks)
    assert [subject for subject, number in times.items() if number > 1] == []


def test_a_worker_s_clock_and_the_times_of_records_are_two_lines() -> None:
    part = part_of(SETTINGS, "worker")
    on_kafka = {check.subject for check in kafka_checks.checks_of(part, SETTINGS)}
    on_database = {check.subject for check in database_checks.checks_of(part)}
    assert ("timestamps" in on_kafka, "clock" in on_database) == (True, True)
    assert on_kafka & on_database == set()


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (TransientError("Kafka does not describe the group: no answer in time"), "is the broker"),
        (FatalError("Kafka refuses to describe the group"), "topics grants"),
    ],
)
async def test_only_who_is_refused_is_sent_for_grants(error: Exception, remedy: str) -> None:
    async def look(_: Settings) -> list[Finding]:
        raise error

    settings = SETTINGS.model_copy(update={"admin_timeout_s": 0.0})
    (check,) = [
        check
        for check in kafka_checks.checks_of(part_of(SETTINGS, "worker"), SETTINGS)
        if check.subject == "group"
    ]
    (found,) = await check._replace(look=look).run(settings, 5)
    assert remedy in (found.remedy or "")
