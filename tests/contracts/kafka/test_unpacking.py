"""Who unpacks, and what the broker makes of packed batches.

Both readers of aiokafka would unpack a batch whole. They get it unpacked, and up to a bound.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import MessageSizeTooLargeError, UnsupportedCodecError
from aiokafka.record import default_records, legacy_records
from aiokafka.record._crecords import default_records as default_records_in_c

from tests.support.hostile.bombs import CODECS, LZ4, MIB, batch_of, bomb, pack, send_batch, varint
from worker.domain.errors import FatalError
from worker.kafka.client import batches, unpacking
from worker.kafka.client.batches import Batches, read_any_batch
from worker.kafka.cluster.admin import KafkaAdmin
from worker.kafka.cluster.topics import TopicSpec

BOUND = 16 * MIB
PLACE = TopicPartition("observations.bet9ja", 3)
READERS = {
    "C": default_records_in_c.DefaultRecordBatch,
    "Python": default_records._DefaultRecordBatchPy,
}
# Unpacks a file up to a bound, and says by how much that raised the most memory ever held, in MiB.
UNPACKS = """
import sys
from pathlib import Path
from worker.kafka.client.unpacking import UnpacksTooLargeError, unpacked
def peak():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")]
    return int(line.split()[1])
content = memoryview(Path(sys.argv[1]).read_bytes())
before = peak()
try:
    unpacked(content, int(sys.argv[2]))
except UnpacksTooLargeError:
    print((peak() - before) // 1024)
"""


class UnpackedByTheClientError(Exception):
    pass


@pytest.fixture
def no_decoders(monkeypatch: pytest.MonkeyPatch) -> None:
    """The readers of aiokafka can unpack nothing."""

    def refuse(_: Any) -> bytes:
        raise UnpackedByTheClientError

    for module in (default_records_in_c, default_records):
        for name in CODECS:
            monkeypatch.setattr(module, f"{name}_decode", refuse)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", CODECS)
def test_neither_reader_of_the_client_unpacks_what_it_is_given(
    name: str, reader: str, no_decoders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bomb(1000, name)
    with pytest.raises(UnpackedByTheClientError):
        list(READERS[reader](content))
    monkeypatch.setattr(batches, "DefaultRecordBatch", READERS[reader])
    (record,) = Batches(content, unpacked_bytes=BOUND).next_batch()
    assert record.value == b" " * 1000


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", CODECS)
def test_through_either_reader_a_batch_beyond_the_bound_is_named_by_its_place(
    name: str, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "DefaultRecordBatch", READERS[reader])
    with pytest.raises(
        FatalError, match=r"bet9ja/3 from offset 0 on.*offsets 0 to 0 unpacks to more than 16777216"
    ):
        list(fetched(bomb(BOUND, name)))


def test_a_reader_is_given_no_batch_of_the_old_formats_that_is_packed() -> None:
    for number in (0, 1):
        old = legacy_records.LegacyRecordBatchBuilder(number, 1, 1 << 20)
        old.append(0, timestamp=1, key=b"k", value=b"v")
        with pytest.raises(UnsupportedCodecError):
            Batches(bytes(old.build()), unpacked_bytes=BOUND).next_batch()
        plain = legacy_records.LegacyRecordBatchBuilder(number, 0, 1 << 20)
        plain.append(0, timestamp=1, key=b"k", value=b"v")
        (record,) = Batches(bytes(plain.build()), unpacked_bytes=BOUND).next_batch()
        assert record.value == b"v"


def test_what_stands_before_a_batch_that_cannot_be_read_is_given_first() -> None:
    good, bad = bomb(10), bytearray(bomb(BOUND))
    bad[:8] = (1).to_bytes(8, "big")
    (record,) = fetched(good + bytes(bad))
    assert (record.offset, record.value) == (0, b" " * 10)
    with pytest.raises(FatalError, match=r"from offset 1 on.*offsets 1 to 1"):
        list(fetched(good + bytes(bad), offset=1))


@pytest.mark.parametrize("name", ["gzip", "lz4", "zstd"])
def test_memory_is_taken_up_to_the_bound_and_not_for_what_a_batch_would_become(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "batch").write_bytes(bomb(1024 * MIB, name))
    bound_mib = 64
    ran = subprocess.run(
        [sys.executable, "-c", UNPACKS, str(tmp_path / "batch"), str(bound_mib * MIB)],
        capture_output=True,
        check=True,
    )
    # What was unpacked, and the codec's own window, which may be as large.
    assert 0 < int(ran.stdout) < 2 * bound_mib + 32


def test_a_large_batch_is_read_as_a_small_one_is_but_for_records_of_very_many_headers() -> None:
    large = unpacking.ORDINARY_BYTES + MIB
    (record,) = fetched(bomb(large))
    assert (len(record.value), list(record.headers)) == (large, [])
    with pytest.raises(FatalError, match="headers"):
        list(fetched(full_of_headers(large)))
    (record,) = fetched(full_of_headers(MIB))
    assert len(record.headers) == MIB // 2


def full_of_headers(size: int) -> bytes:
    """A batch of one record with nothing but headers without a name or content, two bytes each."""
    count = size // 2
    before = b"\0" + varint(0) + varint(0) + varint(-1) + varint(-1) + varint(count)
    headers = (varint(0) + varint(-1)) * count
    return batch_of(pack("lz4", iter([varint(len(before) + len(headers)) + before, headers])), LZ4)


def fetched(content: bytes, offset: int = 0) -> Any:
    """What the fetcher makes of an answer."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MemoryRecords", "PartitionRecords"):
            patch.setattr(fetcher, name, getattr(fetcher, name))
        patch.setattr(fetcher, "FetchResult", fetcher.FetchResult)
        read_any_batch(unpacked_bytes=BOUND, poll_bytes=BOUND)
        untyped: Any = fetcher
        return untyped.PartitionRecords(
            PLACE, untyped.MemoryRecords(content), [], offset, None, None, True, 1
        )


@pytest.mark.services
@pytest.mark.parametrize("name", CODECS)
async def test_the_broker_measures_a_batch_packed_unless_the_topic_is_told_to_unpack(
    name: str, admin: KafkaAdmin, producer: AIOKafkaProducer, topic_prefix: str
) -> None:
    given, unpacking_topic = f"{topic_prefix}given", f"{topic_prefix}unpacking"
    largest = {"max.message.bytes": str(MIB)}
    await admin.topics.create([TopicSpec(given, 1, largest)])
    await admin.topics.create(
        [TopicSpec(unpacking_topic, 1, largest | {"compression.type": "uncompressed"})]
    )
    assert await send_batch(producer, given, bomb(2 * MIB, name)) == 0
    with pytest.raises(MessageSizeTooLargeError):
        await send_batch(producer, unpacking_topic, bomb(2 * MIB, name))
    assert await send_batch(producer, unpacking_topic, bomb(MIB // 2, name)) == 0
