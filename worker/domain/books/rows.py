"""A platform's own form, read into rows: one market as the platform sells it, with a price for each label.

Reading a row interprets nothing: no mapping is known here. What cannot even be read as a row is a Rejection,
and costs none of its neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, Literal, NamedTuple, Protocol

from worker.domain.books.odds import Price, read_price

MissReason = Literal["UNKNOWN_MARKET", "UNKNOWN_PARAM_MARKET", "NO_MATCHING_OUTCOMES"]
RejectCode = Literal["INVALID_SPECIFIER", "INVALID_ODDS", "INVALID_KEY_FORMAT"]
# What more there is to say than the code does.
RejectCause = Literal[
    "LABEL_ID_DISAGREE",
    "LINE_KIND_DIFFERS",
    "PARTICIPANTS_DIFFER",
    "PRICES_DIFFER",
    "PRODUCTS_DIFFER",
    "RESIDUAL_DIFFERS",
    "SIDE_NOT_KNOWN",
    "UNITS_DISAGREE",
    "UNIT_NOT_KNOWN",
    "VARIANTS_DIFFER",
]

LONGEST_ID: Final = 100
Side = Literal["home", "away"]
_SHOWN: Final = 80
_HIGHEST_ID: Final = 2**53


class Selection(NamedTuple):
    """One price: its label, the line next to it (BetPawa only), the raw odds, whether it can be bet on.

    ``id`` is the platform's own id of the outcome, where it gave one; ``side`` that of the team that the
    outcome's player is said to be of.
    """

    label: str
    shown_line: str | None
    odds: object
    active: bool
    id: str | None = None
    side: Side | None = None


class ParticipantIds(NamedTuple):
    """What a selection says of its participant apart from the label.

    ``feed_id`` is the player's number in the feed that several bookmakers share, ``id`` the bookmaker's own.
    ``number`` is the one of the outcome ("2+") where the id states it. ``is_sure`` is false where an outcome
    that is no player may look the same.
    """

    feed_id: str | None
    id: str | None
    side: Side | None
    number: str | None = None
    is_sure: bool = True


# What a selection is known by: its label, with the line next to it where there is one.
Label = str | tuple[str, str]
# The platform's ids of a row's outcomes, in the order of its labels; none where the platform has no ids.
OutcomeIds = tuple[str | None, ...]
NO_IDS: Final[OutcomeIds] = ()

# The label and the price of each selection, and its id; no prices when an active one has no usable odds, or
# when there is more in the row than can be read.
RowReading = tuple[tuple[Label, ...], list[Price] | None, OutcomeIds]


class Row(Protocol):
    """One market of one event as the platform sells it.

    ``qualifier`` is everything that tells this row from the others of its market, verbatim: SportyBet's
    specifier, Bet9ja's param, BetPawa's handicap. Its selections are read when they are asked for: those of a
    market that nobody maps need not be.
    """

    @property
    def market_id(self) -> str: ...
    @property
    def qualifier(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def selections(self) -> Sequence[Selection]: ...
    @property
    def is_partial(self) -> bool:
        """Whether there is something in it that cannot be read as a selection."""

    @property
    def sides(self) -> tuple[Side | None, ...]:
        """The side of each selection; none where the platform says no sides."""

    @property
    def product(self) -> str | None:
        """Which of a bookmaker's products the row is a copy of, where it has several."""

    def read(self, rejected: set[Rejection]) -> RowReading | None:
        """The labels and prices of the selections, in their order; what cannot be read goes to ``rejected``.

        None when there are selections, but none that can be read.
        """


class ParsedRow(NamedTuple):
    """A row whose selections are read, but for ``faults``."""

    market_id: str
    qualifier: str | None
    name: str | None
    selections: Sequence[Selection]
    faults: Sequence[Rejection] = ()
    product: str | None = None

    @property
    def is_partial(self) -> bool:
        return bool(self.faults)

    @property
    def sides(self) -> tuple[Side | None, ...]:
        return tuple(each.side for each in self.selections)

    def read(self, rejected: set[Rejection]) -> RowReading | None:
        rejected.update(self.faults)
        if not self.faults:
            return reading_of(self.selections)
        labels, _, ids = reading_of(self.selections)
        return (labels, None, ids) if labels else None


def reading_of(selections: Sequence[Selection]) -> RowReading:
    """As ``Row.read``, for any odds."""
    labels = tuple(known_by(each.label, each.shown_line) for each in selections)
    read = [read_price(each.odds, active=each.active) for each in selections]
    prices = [price for price in read if price is not None]
    ids = tuple(each.id for each in selections)
    return labels, prices if len(prices) == len(read) else None, ids


class Rejection(NamedTuple):
    """Data at fault: nothing that an editor of mappings can fix."""

    external_market_id: str
    line: str | None
    code: RejectCode
    detail: str
    cause: RejectCause | None = None


Rows = Iterable[Row | Rejection]
MarketNames = Mapping[str, str]


def known_by(label: str, shown_line: str | None) -> Label:
    return label if shown_line is None else (label, shown_line)


def label_parts(label: Label) -> tuple[str, str | None]:
    """The label and the line next to it, as ``known_by`` took them."""
    return label if isinstance(label, tuple) else (label, None)


def clipped_id(external_id: str) -> str:
    """An id that fits its column: a longer one keeps its head and a digest, so that it stays distinct."""
    if len(external_id) <= LONGEST_ID:
        return external_id
    digest = blake2b(external_id.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{external_id[: LONGEST_ID - 17]}~{digest}"


def abbreviate(value: object) -> str:
    """A value as an error message may show it, as JSON has it: bounded, control characters escaped."""
    if isinstance(value, dict):
        return f"an object with {len(value)} field{'' if len(value) == 1 else 's'}"
    if isinstance(value, list):
        return f"an array of {len(value)} {'entry' if len(value) == 1 else 'entries'}"
    head = value[:_SHOWN] if isinstance(value, str) else value
    text = json.dumps(head, ensure_ascii=False, default=str)
    shown = "".join(
        character if character.isprintable() else _escaped(character) for character in text
    )
    return shown if len(shown) <= _SHOWN + 2 else f"{shown[:_SHOWN]}…"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def id_or_none(value: object) -> str | None:
    """A market's id, which some sources send as a number; None for what is neither that nor a text."""
    if type(value) is int and 0 <= value <= _HIGHEST_ID:
        return str(value)
    return value if isinstance(value, str) and value else None


def unreadable(reason: str, value: object, market_id: str = "?") -> Rejection:
    return Rejection(
        market_id[:LONGEST_ID] or "?", None, "INVALID_KEY_FORMAT", f"{reason}: {abbreviate(value)}"
    )


def text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
