"""What a fault did, judged against the oracle. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from tests.faults.stage.oracle import Counts, is_unreadable
from tests.faults.stage.tape import Output


@dataclass
class Seen:
    """All outputs so far: the ids under each number, and each key's newest number."""

    ids: dict[int, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    newest: dict[tuple[bytes, bool], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Faults by kind; ``repeated`` are copies of outputs that had been there already."""

    lost: list[int]
    alien: list[int]
    miscounted: dict[tuple[str, str], tuple[int, int]]
    repeated: list[int]
    renamed: list[int]
    out_of_order: list[int]
    not_announced: list[str]

    def faults(self, repeats_allowed: int) -> list[str]:
        """One line for each promise that was broken."""
        excess = len(self.repeated) - repeats_allowed
        lines = [
            _line("lost", self.lost),
            _line("outputs of records that were never sent", self.alien),
            _line("counts (market: table, oracle)", list(self.miscounted.items())),
            _line(f"{excess} outputs too many, of", self.repeated if excess > 0 else []),
            _line("outputs of one record under several ids", self.renamed),
            _line("outputs before older ones of their key", self.out_of_order),
            _line("markets whose first sighting was not told", self.not_announced),
        ]
        return [line for line in lines if line]


def judge(
    seen: Seen,
    new: Iterable[Output],
    expected: AbstractSet[int],
    table: Counts,
    oracle: Counts,
    announced: AbstractSet[str],
) -> Verdict:
    """Take the new outputs into ``seen``, and judge everything up to now."""
    repeated, out_of_order = _take(seen, new)
    return Verdict(
        lost=sorted(expected - seen.ids.keys()),
        alien=sorted(seen.ids.keys() - expected),
        miscounted=_differences(table, oracle),
        repeated=repeated,
        renamed=sorted(number for number, ids in seen.ids.items() if len(ids) > 1),
        out_of_order=out_of_order,
        not_announced=sorted({market for _, market in oracle} - announced),
    )


def _take(seen: Seen, new: Iterable[Output]) -> tuple[list[int], list[int]]:
    """The numbers that came again, and those whose first copy came behind a newer record of their key.

    Resolved events and dead letters are on different topics: each has an order of its own.
    """
    repeated, out_of_order = [], []
    for output in new:
        lane = output.key, is_unreadable(output.number)
        if output.number in seen.ids:
            repeated.append(output.number)
        elif output.number < seen.newest.get(lane, -1):
            out_of_order.append(output.number)
        else:
            seen.newest[lane] = output.number
        seen.ids[output.number].add(output.source_id)
    return repeated, out_of_order


def _differences(table: Counts, oracle: Counts) -> dict[tuple[str, str], tuple[int, int]]:
    return {
        market: (table[market], oracle[market])
        for market in sorted(table.keys() | oracle.keys())
        if table[market] != oracle[market]
    }


def _line(what: str, cases: Collection[object]) -> str:
    more = f" and {len(cases) - 12} more" if len(cases) > 12 else ""
    return f"{what}: {', '.join(map(str, list(cases)[:12]))}{more}" if cases else ""
