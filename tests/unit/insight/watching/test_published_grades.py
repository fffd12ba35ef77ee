"""The topic of grades comes to what the table says, whatever it said before and wherever a process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import EvidenceGrade, MappingGraded
from tests.support.laws import LAWS
from worker.insight.graded import GradedEvidence
from worker.insight.watching import published_grades as subject
from worker.insight.watching.published_grades import (
    GradePublisher,
    PublishedGrade,
    changed_grades,
    published_grades,
)
from worker.kafka.record import Outgoing
from worker.storage.insight.evidence import StoredEvidence

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
GRADES: list[EvidenceGrade] = ["verified", "modelled", "label", "contradicted"]
KEYS = [(name, platform) for name in ("a", "b", "c") for platform in ("betpawa", "bet9ja")]
Table = dict[tuple[str, str], tuple[EvidenceGrade, int]]
TABLE = st.dictionaries(
    st.sampled_from(KEYS), st.tuples(st.sampled_from(GRADES), st.integers(0, 2)), max_size=6
)


def graded(table: Table) -> list[GradedEvidence]:
    return [
        GradedEvidence(name, platform, grade, [evidence(name, platform, version)])
        for (name, platform), (grade, version) in table.items()
    ]


def evidence(name: str, platform: str, version: int) -> StoredEvidence:
    return StoredEvidence(name, platform, "model", version, 1, 1, 1, 0.1, 0.1, {}, None, NOON)


class Record:
    """What is read of a record of the topic."""

    def __init__(self, output: Outgoing) -> None:
        self.key, self.value = output.key, output.value


class Topic:
    """A topic in memory. It ends a process once this number of batches is sent."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.sends_left = 1_000_000

    async def send(self, outputs: Sequence[Outgoing]) -> None:
        if not self.sends_left:
            raise InterruptedError
        self.sends_left -= 1
        self.records += outputs

    @property
    def said(self) -> Any:
        return published_grades([Record(one) for one in self.records])  # type: ignore[misc]  # as much as is read


def wanted(table: Table) -> dict[bytes, PublishedGrade]:
    return {
        f"{platform}:{name}".encode(): PublishedGrade(grade, version)
        for (name, platform), (grade, version) in table.items()
    }


@LAWS
@given(st.lists(st.tuples(TABLE, st.integers(0, 4)), min_size=1, max_size=5))
def test_killed_anywhere_the_topic_comes_to_the_table(steps: list[tuple[Table, int]]) -> None:
    topic = Topic()

    async def run() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(subject, "_AT_ONCE", 1)
            for table, sends in [*steps, (steps[-1][0], 1_000_000)]:

                async def read(_: Any, table: Table = table) -> list[GradedEvidence]:
                    return graded(table)

                patch.setattr(subject, "read_graded", read)
                topic.sends_left = sends
                connection: Any = None
                publisher = GradePublisher("t", topic, topic.said)
                try:
                    await publisher.publish(connection, NOON)
                except InterruptedError:
                    continue
                assert topic.said == wanted(table)
                assert await publisher.publish(connection, NOON) == 0

    asyncio.run(run())
    assert topic.said == wanted(steps[-1][0])


def test_what_is_published_has_the_form_of_the_message() -> None:
    (output,) = changed_grades("t", graded({("a", "betpawa"): ("verified", 7)}), {}, NOON)
    message = MappingGraded.model_validate_json(output.value or b"")
    assert (message.canonical_id, message.platform, message.grade) == ("a", "betpawa", "verified")
    assert (message.mapping_version, message.graded_at) == (7, NOON)
    assert output.key == b"betpawa:a"


def test_the_same_grade_of_another_version_is_published_and_an_unknown_one_is_removed() -> None:
    known = {b"betpawa:a": PublishedGrade("verified", 6), b"betpawa:old": None}
    one, gone = changed_grades("t", graded({("a", "betpawa"): ("verified", 7)}), known, NOON)
    assert one.key == b"betpawa:a"
    assert (gone.key, gone.value) == (b"betpawa:old", None)


def test_a_value_that_cannot_be_read_is_replaced() -> None:
    records: Any = [
        Record(Outgoing("t", b"betpawa:a", value, [])) for value in (b"[]", b"{", b"{}")
    ]
    for record in records:
        assert published_grades([record]) == {b"betpawa:a": None}
