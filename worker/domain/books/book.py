"""What differs from bookmaker to bookmaker, as one value each.

Each of the modules next to this one ends with its ``BOOK``; ``registry`` lists them. Code that needs to know
how a bookmaker writes something asks the value. It never compares a platform's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from worker.domain.books.lines import LineKind
from worker.domain.books.platforms import Platform
from worker.domain.books.rows import (
    MarketNames,
    ParticipantIds,
    RejectCause,
    Rows,
    Selection,
)
from worker.domain.books.shape import Shape

Params = tuple[tuple[str, str], ...]
# The key of the pair that says under which key a bookmaker wrote the line, where it has several.
WRITTEN_AS: Final = ""


@dataclass(frozen=True, slots=True)
class Book:
    """One bookmaker.

    ``id_column``      the column of a mapping that holds the bookmaker's id of the market.
    ``label_column``   the key of an outcome that holds the bookmaker's label.
    ``outcome_ids_column``  the key of an outcome that holds the bookmaker's ids of it, where it has some that
                       are the same in every event.
    ``line_keys``      for each kind of line, the key of the qualifier that carries it.
    ``written_as``     for each kind of market, the key that the bookmaker may write its line under.
    ``zero_is_no_line``  a line of 0 says nothing where the market has no line.
    ``container``      the JSON type of ``markets``: a list of objects, or a flat object.
    ``read_rows``      the rows of such a container, with the names of its markets where they come separately.
    ``parse_qualifier``  a row's qualifier as pairs of key and value; None when it cannot be read.
    ``cause_of``       what more there is to say of a qualifier that cannot be read.
    ``shape``          the fields that its markets are known to have.
    ``is_no_price``    whether this stands for odds when an outcome has no price, so that it is not on offer.
    ``folds_labels``   labels are compared with case and blanks folded; otherwise exactly.
    ``shows_lines``    labels carry the line of their market ("Over 2.5"), and mappings leave it out.
    ``has_named_keys``  a qualifier names its keys, so that it may name another market by one of them.
    ``has_start_scores``  a European handicap may be given as start scores (``0:1``).
    ``participant_ids``  what a selection says of its player apart from the label, which may have a number
                       ("2+") or none; None where nothing shows that it names one. Without it the bookmaker
                       has no markets of players that can be read.
    ``participant_in``  the number of the player that a qualifier names.
    ``player_qualifier``  a qualifier that names nothing but a player, as one for any player and the number.
    """

    platform: Platform
    id_column: str
    label_column: str
    line_keys: Mapping[LineKind, str]
    container: type[list[Any] | dict[str, Any]]
    read_rows: Callable[[Any, MarketNames | None], Rows]
    parse_qualifier: Callable[[str | None], Params | None]
    is_no_price: Callable[[object], bool]
    shape: Shape
    cause_of: Callable[[str | None], RejectCause | None] = lambda _: None
    outcome_ids_column: str | None = None
    written_as: Mapping[LineKind, str] = field(default_factory=dict)
    zero_is_no_line: bool = False
    folds_labels: bool = True
    shows_lines: bool = False
    has_named_keys: bool = False
    has_start_scores: bool = False
    participant_ids: Callable[[Selection, bool], ParticipantIds | None] | None = None
    participant_in: Callable[[Params], str | None] = field(default=lambda _: None)
    player_qualifier: Callable[[str], tuple[str, str] | None] = field(default=lambda _: None)

    def line_key(self, kind: LineKind) -> str | None:
        """The qualifier's key that carries the line of a market of this kind; None when it has no line."""
        return self.line_keys.get(kind)

    def rows(self, markets: Any, names: MarketNames | None) -> Rows:
        """The rows of an observation's markets; of a value that is not the bookmaker's container, none."""
        is_container = type(markets) is self.container
        return self.read_rows(markets if is_container else self.container(), names)
