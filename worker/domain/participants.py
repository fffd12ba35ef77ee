"""Participants: the players that a price is about, where a market is sold for each of them.

A label such as ``Antuna, Uriel (Pumas UNAM) 2+`` names a player whom no mapping can list. A mapping with a
participant has ``{player}`` in its labels where the bookmaker writes the name. A price of such a market
belongs to a canonical market, a line, and a participant.

How it works. Three things say who the participant is, and all that are there must agree:

- The bookmaker's ids (``ParticipantIds``), which each book reads from its own form. A label alone never makes
  a participant: "No Goal" in another language would become a player.
- The name in the label (``read_name``). What cannot be a name (it has a number, or a word such as "over") is
  not read at all.
- The side: the team in brackets after the name, or what the ids say.

Nothing is joined here. Readers may join the participants of two bookmakers by ``feed_id``, or by ``key`` and
``side``, where that is unique on both sides. The key does not depend on the order of a name's parts, on
accents or on case.

A row of players cannot be remembered as the rows of other markets are, for all events alike: its labels are
of one event. But that event is scraped every few minutes. So a bounded number of rows is remembered with
the names of their teams, and the next time only their prices are taken. What is remembered is only what
``markets.PlayerMarket`` says of each label anyway.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from json import dumps
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

from worker.domain.books.odds import Price
from worker.domain.books.rows import Label, OutcomeIds, ParticipantIds, Side
from worker.domain.labels import NOT_NAMES, Teams, fold

if TYPE_CHECKING:
    from worker.domain.markets import Claim, Market, Slot

PLAYER: Final = "{player}"
ParticipantKind = Literal["player"]
PARTICIPANT_KINDS: Final[tuple[ParticipantKind, ...]] = get_args(ParticipantKind)
LONGEST_KEY: Final = 100
LONGEST_NAME: Final = 200
_LONGEST_ID: Final = 100
ANY_NUMBER: Final = "n+"
_NUMBER: Final = re.compile(r"\d{1,2}\+", re.ASCII)
_COUNTED: Final = re.compile(r"(.+) (\d{1,2}\+)", re.ASCII)
_BRACKETED: Final = re.compile(r"(.*?) ?\(([^()]*)\)")
_WORD: Final = re.compile(r"[^\W_]+")
# What no player is called, in labels that are no names: "No Goal", "Any Other Player", "Over".
_NO_NAMES: Final = NOT_NAMES | {
    "goal",
    "goals",
    "goalscorer",
    "scorer",
    "player",
    "last",
    "first",
    "any",
}
_NEVER_IN_NAMES: Final = frozenset({"over", "under", "yes"})


class Participant(NamedTuple):
    """Whom a price is about, as one bookmaker says it.

    ``feed_id``  the player's number in the feed that several bookmakers share; None where there is none.
    ``id``       the bookmaker's own id of the player.
    ``name``     as shown, without what the label says of the bet.
    ``key``      the name in a form that two bookmakers share.
    """

    feed_id: str | None
    id: str | None
    name: str
    side: Side | None
    key: str

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells it from the other participants of a market at one bookmaker."""
        if self.feed_id is not None:
            return "feed", self.feed_id
        return ("id", self.id) if self.id is not None else ("key", self.key, self.side or "")


class NamePattern(NamedTuple):
    """A label of a mapping that has ``{player}`` in it, folded, and the outcome that it names."""

    label: str
    outcome: str
    expression: re.Pattern[str]


class ShownName(NamedTuple):
    """A name as a label shows it: its key, and the words of the team in brackets, if there is one."""

    key: str
    team: frozenset[str]


def name_pattern(label: str, outcome: str) -> NamePattern:
    """The pattern of a mapping's label: what is around the name, in any case, and ``N+`` for a number."""
    before, _, after = " ".join(label.split()).partition(PLAYER)
    expression = f"{_literal(before)}(?P<name>.+){_literal(after)}"
    return NamePattern(fold(label), outcome, re.compile(expression, re.IGNORECASE))


def _literal(text: str) -> str:
    """An expression for a text that may have a number with a plus, or the word ``N+``; its blanks stay."""
    return " ".join([_word(word) for word in text.split(" ")])


def _word(word: str) -> str:
    if word.casefold() == ANY_NUMBER:
        return r"(?P<number>\d{1,2}\+)"
    literal = re.escape(word)
    return f"(?P<number>{literal})" if _NUMBER.fullmatch(word) else literal


def holds_player(label: str) -> bool:
    return PLAYER in label


def is_number(word: str) -> bool:
    """Whether a word of a label is a number that is a line: ``2+``."""
    return _NUMBER.fullmatch(word) is not None


def is_label_of_player(label: str) -> bool:
    """Whether a label names the player once, at its begin or end or between other words."""
    words = label.split()
    numbers = [word for word in words if word.casefold() == ANY_NUMBER or _NUMBER.fullmatch(word)]
    return words.count(PLAYER) == 1 and label.count("{") == 1 and len(numbers) <= 1


def participant_key(name: str) -> str | None:
    """The name in a form that does not depend on the order of its parts, on accents or on case.

    A team in brackets at the end is left out. ``Jiménez, Raúl (Fulham)`` and ``Raul Jimenez`` are both
    ``jimenez raul``. None when nothing is left of it, or more than LONGEST_KEY characters.
    """
    shown = _BRACKETED.fullmatch(name)
    key = " ".join(sorted(_words(name if shown is None else shown[1])))
    return key if 0 < len(key) <= LONGEST_KEY else None


def _words(text: str) -> list[str]:
    """Runs of letters and digits, without marks and case."""
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(each for each in decomposed if not unicodedata.category(each).startswith("M"))
    return _WORD.findall(plain.casefold())


@lru_cache(maxsize=16_384)  # the players of two scrapes; longer texts are refused before
def _read_name(shown: str) -> ShownName | None:
    bracketed = _BRACKETED.fullmatch(shown)
    name, team = (shown, "") if bracketed is None else (bracketed[1], bracketed[2])
    if any(character.isdigit() or character in "(){}" for character in name):
        return None
    words = set(_words(name))
    key = participant_key(name)
    if key is None or words <= _NO_NAMES or not words.isdisjoint(_NEVER_IN_NAMES):
        return None
    return ShownName(key, frozenset(_words(team)))


def read_name(shown: str) -> ShownName | None:
    """What a label shows where a name should be; None when it cannot be the name of a player."""
    return _read_name(shown) if len(shown) <= LONGEST_NAME else None


def side_of(team: frozenset[str], names: Teams | None) -> Side | None:
    """The side of the team that a label names; None where it may be either or neither.

    Bookmakers shorten names: "Pumas" is Pumas UNAM. So it is the side of which it has only words, or which
    has only words of it, if that is true of one side alone.
    """
    if names is None or not team:
        return None
    home, away = _team_words(names.home), _team_words(names.away)
    if team in (home, away) and home != away:
        return "home" if team == home else "away"
    is_home = bool(home) and (team <= home or home <= team)
    is_away = bool(away) and (team <= away or away <= team)
    if is_home == is_away:
        return None
    return "home" if is_home else "away"


def team_with_number(label: str, names: Teams) -> str | None:
    """``Pumas 12+`` of Pumas UNAM as ``{away} 12+``; None when the name may be of either side or neither."""
    found = _COUNTED.fullmatch(fold(label))
    side = None if found is None else side_of(frozenset(_words(found[1])), names)
    return None if found is None or side is None else f"{{{side}}} {found[2]}"


@lru_cache(maxsize=4096)
def _team_words(name: str) -> frozenset[str]:
    return frozenset(_words(name))


class Disagreement(NamedTuple):
    """Why a price that names a participant cannot be trusted."""

    name: str
    detail: str


def participant(
    shown: str, number: str | None, ids: ParticipantIds, names: Teams | None
) -> Participant | Disagreement | None:
    """The participant of a label and its ids; None when what is shown cannot be a name.

    ``number`` is the one that the label has ("2+").
    """
    name = read_name(shown)
    if name is None or not 0 < len(ids.id or "?") <= _LONGEST_ID:
        return None
    if ids.number is not None and ids.number.lstrip("0") != (number or "").rstrip("+").lstrip("0"):
        return Disagreement(shown, f"the label says {number or 'no number'}, its id {ids.number}")
    side = side_of(name.team, names)
    if side is not None and ids.side is not None and side != ids.side:
        return Disagreement(shown, f"the label says {side}, its id {ids.side}")
    return Participant(ids.feed_id, ids.id, shown, side or ids.side, name.key)


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
        before = player_market_begins(claim.canonical_id, line, participant, external_id)
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


def player_market_begins(
    canonical_id: str, line: str | None, participant: Participant, external_id: str
) -> str:
    """The JSON of a participant's market before its first outcome."""
    said = {name: value for name, value in participant._asdict().items() if value is not None}
    market = {
        "canonical_id": canonical_id,
        "line": line,
        "participant": said,
        "external_market_id": external_id,
    }
    return f'{_json(market)[:-1]},"outcomes":['


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
    """The rows that are remembered, up to a number of selections; beyond it, all are forgotten."""

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
