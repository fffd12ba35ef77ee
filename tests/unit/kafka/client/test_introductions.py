"""What a member says of itself comes back; what anybody else says harms nothing."""

from datetime import UTC, datetime

import pytest
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata

from worker.kafka.client.introductions import (
    UNKNOWN,
    Introduction,
    introducing,
    introduction_in,
)

SINCE = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


def joined(said: bytes) -> bytes:
    """The metadata of a member that says this."""
    encoded = ConsumerProtocolMemberMetadata(0, ["observations.betpawa"], said).encode()
    assert isinstance(encoded, bytes)
    return encoded


@pytest.mark.parametrize(
    "said",
    [Introduction("1.2.3", SINCE), Introduction("1.2.3"), Introduction(None, SINCE), UNKNOWN],
)
def test_what_a_member_says_of_itself_comes_back(said: Introduction) -> None:
    metadata = introducing(said).metadata(["observations.betpawa"])
    assert metadata.subscription == ["observations.betpawa"]
    assert introduction_in(metadata.encode()) == said


def test_members_that_introduce_themselves_and_others_agree_on_the_assignment() -> None:
    ours = introducing(Introduction("1.2.3", SINCE))
    assert ours.name == RoundRobinPartitionAssignor.name
    assert ours.version == RoundRobinPartitionAssignor.version
    assert "assign" not in vars(ours)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b"[" * 900,
        b'{"version": 3, "since": 4}',
        b'{"version": "", "since": "yesterday"}',
        b'{"since": "2026-11-22T12:30:00"}',
        b'{"since": "0001-01-01T00:00:00+14:00"}',
        b'{"version": "' + b"x" * 2000 + b'"}',
    ],
)
def test_what_another_program_says_is_unknown(said: bytes) -> None:
    assert introduction_in(joined(said)) == UNKNOWN


@pytest.mark.parametrize(
    "metadata", [b"", b"\x00", b"\x00\x00\xff\xff\xff\xff", b"no protocol of ours"]
)
def test_metadata_of_another_protocol_is_unknown(metadata: bytes) -> None:
    assert introduction_in(metadata) == UNKNOWN


def test_a_version_is_bounded() -> None:
    found = introduction_in(joined(b'{"version": "' + b"x" * 500 + b'"}'))
    assert found.version is not None
    assert len(found.version) <= 60
