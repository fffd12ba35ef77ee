"""What the prices of one bookmaker on one watched event prove about the mappings that read them.

It takes a second a bookmaker: the goals of each event are fitted without the market that is looked at. So it
is worked out when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.operations.evidence.event_prices import SoldEvent


class BookProof(NamedTuple):
    """A contradiction inside one bookmaker's prices. ``line`` is None where the whole market is meant.

    ``kind`` is one of those of `worker.insight.proofs`; ``reason`` says what contradicts what.
    """

    platform: Platform
    canonical_id: str
    line: str | None
    kind: str
    reason: str


def proofs_on(sold: SoldEvent, *, proceed: Callable[[], None] = lambda: None) -> list[BookProof]:
    """Return every contradiction, by bookmaker; ``proceed`` is called before each, and may raise."""
    from worker.insight.proofs import proofs  # noqa: PLC0415
    from worker.insight.shipped import shipped_judge  # noqa: PLC0415
    from worker.insight.watching.judgement import is_comparable  # noqa: PLC0415

    index = MappingIndex([one for one in sold.active if is_comparable(one)])
    listed: list[BookProof] = []
    for _, board in sold.boards:
        proceed()
        listed += [
            BookProof(board.platform, one.canonical_id, one.line, one.kind, one.reason)
            for one in proofs(board, index, shipped_judge())
        ]
    return listed
