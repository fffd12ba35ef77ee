"""The product with one of its safeguards taken out, to see that the suite would notice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from worker.ingest.partitions.claim import PartitionClaim
from worker.insight.watching.reading import ObservationReader
from worker.kafka.producer import Outputs
from worker.kafka.record import Outgoing
from worker.runtime.snapshot import partition
from worker.storage import ledger
from worker.storage.insight import evidence
from worker.storage.ledger import Counted, Ledger, MissRow
from worker.storage.watermarks import WatermarkConflict, WatermarkMove, Watermarks

WEAKNESS_VARIABLE = "FAULT_WEAKNESS"


def count_before_publishing() -> None:
    """D, P, K in place of P, D, K: what is counted may never be published."""
    send, commit = Outputs.send, PartitionClaim.commit
    held: list[tuple[Outputs, Sequence[Outgoing]]] = []

    async def hold(self: Outputs, outputs: Sequence[Outgoing]) -> None:
        held.append((self, outputs))

    async def send_and_commit(self: PartitionClaim, *arguments: Any) -> None:
        while held:
            await send(*held.pop(0))
        await commit(self, *arguments)

    Outputs.send = hold  # type: ignore[method-assign]  # it is meant
    PartitionClaim.commit = send_and_commit  # type: ignore[method-assign, assignment]  # it is meant


def move_watermarks_blindly() -> None:
    """No compare-and-set: whoever comes counts, wherever the watermarks are by then."""
    commit = Ledger.commit

    async def blind(
        self: Ledger, moves: Sequence[WatermarkMove], misses: Sequence[MissRow]
    ) -> Counted:
        while True:
            try:
                return await commit(self, moves, misses)
            except WatermarkConflict as conflict:
                moves = [_as_it_is(move, conflict.current) for move in moves]

    Ledger.commit = blind  # type: ignore[method-assign]  # it is meant
    ledger._check = lambda *_: None  # it would refuse misses without a move


def take_over_unread() -> None:
    """A partition of the newest odds is opened without reading what is there."""

    async def nothing(*_: Any) -> None:
        return None

    partition._read_back = nothing  # type: ignore[assignment]  # it is meant


def commit_unstored() -> None:
    """Offsets of observations are committed before the events that they stand for are stored."""
    readers: list[ObservationReader] = []
    done, save = ObservationReader.done, evidence.save_event

    def remembered(self: ObservationReader) -> Any:
        readers[:] = [self]
        return done(self)

    async def commit_and_save(*arguments: Any) -> None:
        await readers[0].commit(done(readers[0]))
        await save(*arguments)

    ObservationReader.done = remembered  # type: ignore[method-assign]  # it is meant
    evidence.save_event = commit_and_save  # type: ignore[assignment]  # it is meant


def _as_it_is(move: WatermarkMove, current: Watermarks) -> WatermarkMove:
    found = current[move.topic_id, move.partition]
    return move._replace(expected=found, next_offset=max(found, move.next_offset))


WEAKNESSES: Final[dict[str, Callable[[], None]]] = {
    function.__name__: function
    for function in (
        count_before_publishing,
        move_watermarks_blindly,
        take_over_unread,
        commit_unstored,
    )
}
