"""What a bookmaker's own prices say against one mapping, on a few events. Pure.

One event is enough, so a mapping is contradicted where no comparison with other bookmakers is possible yet.
Where there are more, most of `MOST_BOARDS` must show the same kind of proof: one strange board is no fault of
a mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final, NamedTuple

from worker.cli.words import number_of
from worker.domain.index import MappingIndex

from .boards import Board, MarketLine, Quoted
from .judging import Judge
from .proofs import Proof, ProofKind, proofs_about

MOST_BOARDS: Final = 3


class QuotedBoard(NamedTuple):
    """A board, and what its prices are under an index."""

    board: Board
    quoted: Mapping[MarketLine, Quoted]


class AgreedProof(NamedTuple):
    """The kind of the proofs, the events that show it, and the first proof in words."""

    kind: ProofKind
    events: tuple[str, ...]
    words: str

    @property
    def reason(self) -> str:
        """What is said of the mapping: it *is* this."""
        on = number_of(len(self.events), "event")
        return f"contradicted by the bookmaker's own prices on {on} ({self.kind}): {self.words}"


def agreed_proofs(
    canonical_id: str, boards: Iterable[QuotedBoard], index: MappingIndex, judge: Judge
) -> list[AgreedProof]:
    """What most of the first boards say against a mapping, one of each kind, the surest first.

    All boards are of one bookmaker and sell it.
    """
    found: dict[ProofKind, dict[str, Proof]] = {}
    looked_at = 0
    for board, quoted in islice(boards, MOST_BOARDS):
        looked_at += 1
        for proof in proofs_about(canonical_id, board, quoted, index, judge):
            found.setdefault(proof.kind, {}).setdefault(board.event, proof)
        most = max(map(len, found.values()), default=0)
        if 2 * max(most, looked_at - most) > MOST_BOARDS:
            break  # the others make no difference
    return [
        AgreedProof(kind, tuple(by_event), next(iter(by_event.values())).reason)
        for kind, by_event in sorted(found.items(), key=lambda each: -len(each[1]))
        if 2 * len(by_event) > looked_at
    ]
