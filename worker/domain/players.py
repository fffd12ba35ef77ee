"""Rows that name players, as they were read before: the same row comes back in every scrape of its event.

A row of players cannot be remembered as the rows of other markets are, for all events alike: its labels are
of one event. But that event is scraped every few minutes. So a bounded number of rows is remembered with
the names of their teams, and the next time only their prices are taken. What is remembered is only what
``PlayerMarket`` says of each label anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from json import dumps
from typing import TYPE_CHECKING, Final, NamedTuple

from worker.domain.books.odds import Price
from worker.domain.books.rows import Label, OutcomeIds, Side
from worker.domain.labels import Teams
from worker.domain.participants import Participant

if TYPE_CHECKING:
    from worker.domain.markets import Claim, Market, Slot

# A scrape of 200 events holds about 40,000 selections of players. Each takes about a kilobyte.
_MOST_SELECTIONS: Final = 50_000
_LONGEST_ROW: Final = 1000
_LONGEST_TEXT: Final = 300

# A canonical market, its line, and whom it is about.
PlayerKey = tuple[str, str | None, tuple[str, ...]]


class PlayerLayout:
    """What is said of one participant in one canonical market at one line: the outcomes, in their order.

    ``positions`` are those of their prices in a row. ``begins`` are the market's JSON before each price.
    ``order`` is how the entries of an event are sorted.
    """

    __slots__ = (
        "begins",
        "claim",
        "external_id",
        "line",
        "order",
        "outcomes",
        "participant",
        "place",
        "positions",
    )

    def __init__(
        self,
        claim: Claim,
        line: str | None,
        participant: Participant,
        outcomes: Sequence[str],
        *,
        external_id: str,
        positions: Sequence[int] = (),
    ) -> None:
        self.claim = claim
        self.line = line
        self.external_id = external_id
        self.participant = participant
        self.outcomes = outcomes
        self.positions = positions
        self.place: PlayerKey = (claim.canonical_id, line, participant.identity)
        feed_id, id_, name, side, key = participant
        self.order = (
            *(claim.canonical_id, line or "", key, feed_id or "", id_ or "", side or "", name),
        )
        said = {name: value for name, value in participant._asdict().items() if value is not None}
        head = {
            "canonical_id": claim.canonical_id,
            "line": line,
            "participant": said,
            "external_market_id": external_id,
        }
        before = f'{_json(head)[:-1]},"outcomes":['
        begins = []
        for outcome in outcomes:
            begins.append(f'{before}{{"outcome":{_json(outcome)},')
            before = "},"
        self.begins = begins

    @property
    def canonical_id(self) -> str:
        return self.claim.canonical_id

    def text(self, prices: Sequence[Price], *, is_complete: bool) -> str:
        """The market as JSON, with a comma."""
        end = "}]}," if is_complete else '}],"complete":false},'
        if len(prices) == 1:
            return f"{self.begins[0]}{prices[0]}{end}"
        priced = [text for pair in zip(self.begins, prices, strict=True) for text in pair]
        return f"{''.join(priced)}{end}"


def _json(value: object) -> str:
    return dumps(value, ensure_ascii=False, separators=(",", ":"))


class PlayerRow(NamedTuple):
    """A row of which everything is known: the players' markets, and where its other prices belong."""

    layouts: Sequence[PlayerLayout]
    others: Sequence[tuple[Slot, int]]


class _RowKey(NamedTuple):
    market: Market
    feed_id: str | None
    labels: tuple[Label, ...]
    ids: OutcomeIds
    sides: tuple[Side | None, ...]
    names: Teams | None


class _Rows(dict[_RowKey, PlayerRow]):
    """The rows that are remembered, up to a number of selections; then it begins anew."""

    def __init__(self) -> None:
        super().__init__()
        self.selections = 0

    def keep(self, key: _RowKey, row: PlayerRow) -> None:
        texts = [each if isinstance(each, str) else "".join(each) for each in key.labels]
        texts += [each for each in key.ids if each is not None]
        if len(key.labels) > _LONGEST_ROW or max(map(len, texts), default=0) > _LONGEST_TEXT:
            return
        self.selections += len(key.labels)
        if self.selections > _MOST_SELECTIONS:
            self.clear()
            self.selections = len(key.labels)
        self[key] = row


remembered: Final = _Rows()
row_key: Final = _RowKey
