"""Whether mappings that are about to be saved would conflict with others over a label."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple

from worker.domain.books.platforms import Platform
from worker.domain.books.rows import abbreviate
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping

MOST_RIVALRIES: Final = 100


class Rivalry(NamedTuple):
    """A label that ``canonical_id`` is about to claim and ``rival`` claims already, at equal priority."""

    canonical_id: str
    rival: str
    platform: Platform
    market_id: str
    label: str

    def __str__(self) -> str:
        where = f"{self.platform} market {self.market_id}, label {abbreviate(self.label)}"
        return f"{self.canonical_id} conflicts with {self.rival}: both claim {where}, at equal priority"


def rivalries(saved: Iterable[Mapping], others: Iterable[Mapping]) -> list[Rivalry]:
    """Labels that one of ``saved`` and another mapping claim in one platform market at equal priority.

    At most MOST_RIVALRIES of them: a copy of a mapping has one for each of its labels.

    ``others`` are the active mappings; those that are saved now are left out of them by canonical id. What
    conflicts among the others is not the editor's fault and is left out.
    """
    new = {mapping.canonical_id: mapping for mapping in saved}
    index = MappingIndex([*new.values(), *(one for one in others if one.canonical_id not in new)])
    found = []
    conflicts = islice(index.conflicts(new.values()), MOST_RIVALRIES)
    for platform, market_id, label, winner, loser in conflicts:
        mine, rival = (winner, loser) if winner in new else (loser, winner)
        found.append(Rivalry(mine, rival, platform, market_id, label))
    return found
