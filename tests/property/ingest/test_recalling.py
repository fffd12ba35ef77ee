"""Recalling gives what resolving gives, of small observations in which everything meets everything."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from json import dumps
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from tests.support.markets import mapping
from tests.support.records import FakeRecord, partition_of
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.books.rows import clipped_id
from worker.domain.index import MappingIndex
from worker.domain.labels import NOT_NAMES, row_roles, teams
from worker.domain.mapping import Mapping, parse_mapping
from worker.domain.misses import Sighting, merge
from worker.domain.scope import Scope
from worker.domain.traits import DeclaredTraits
from worker.ingest.planning.encode import Encoder
from worker.ingest.planning.plan import Planned, Planner
from worker.ingest.planning.recall import RecallingPlanner, new_recall
from worker.kafka.record import Outgoing, Partition
from worker.runtime.counting import miss_rows
from worker.storage.ledger import MissRow

pytest.importorskip("market_mapping_recall", reason="the compiled part is not installed")

MOST_BYTES: Final = 100_000
ENCODER: Final = Encoder(
    resolved_topic="resolved",
    dead_topic="dead",
    group="g",
    max_bytes=MOST_BYTES,
    max_dead_bytes=MOST_BYTES,
)
RESOLVING: Final = Planner(ENCODER, max_message_bytes=MOST_BYTES)

RESULT: Final = mapping(
    "1x2", ["Home", "Draw", "Away"], id=1, sportybet_id="A", betpawa_id="A", bet9ja_key="S_A"
)
BOTH: Final = mapping(
    "both",
    ["Home & Yes", "Away & No", "Draw"],
    id=2,
    sportybet_id="A",
    betpawa_id="A",
    bet9ja_key="S_A",
)
TOTAL: Final = mapping(
    "total",
    ["Over", "Under", "Home & Over"],
    id=3,
    sportybet_id="B",
    betpawa_id="B",
    bet9ja_key="S_B",
    line_rule={"kind": "total"},
)
HANDICAP: Final = mapping(
    "handicap",
    ["home", "away"],
    id=4,
    sportybet_id="C",
    betpawa_id="B",
    bet9ja_key="S_B",
    line_rule={"kind": "handicap"},
)
FIRST: Final = mapping(
    "first",
    ["Home", "Away", "None"],
    id=5,
    sportybet_id="C",
    line_rule={"fixed": {"sportybet": {"goalnr": "1"}}, "free": ["variant"]},
)
# One outcome is what the others leave over: on each bookmaker another one has the id of the rest.
REST: Final = replace(
    mapping(
        "rest",
        ["Home", "Draw", "Away"],
        id=12,
        sportybet_id="E",
        betpawa_id="E",
        bet9ja_key="S_E",
        also=[
            {
                "platform": platform,
                "id": id_,
                "labels": {"Home": ["Home"], "Away": ["Away"], "rest_2": ["Draw"]},
            }
            for platform, id_ in (("sportybet", "F"), ("betpawa", "F"), ("bet9ja", "S_F"))
        ],
    ),
    traits=DeclaredTraits(
        *("result", "ft", "match", "goals", "none"),
        residuals={"Draw": "home_and_away", "rest_2": "away_and_home"},
    ),
)
# Ids that mean something else in play and in another sport, and one that is mapped in play only.
IN_PLAY: Final = replace(
    mapping("next", ["Home", "Away"], id=6, sportybet_id="A", betpawa_id="C", priority=9),
    scope=Scope(phase="live"),
)
BEFORE: Final = replace(
    mapping("before", ["Over", "Under"], id=7, bet9ja_key="S_A", sportybet_id="D", priority=9),
    scope=Scope(phase="prematch"),
)
TENNIS: Final = replace(
    mapping("tennis", ["Home", "Away"], id=8, sportybet_id="A", betpawa_id="A", bet9ja_key="S_A"),
    scope=Scope("tennis"),
)
IDS: Final = {"home": "1", "draw": "2", "away": "3", "over": "12", "under": "13", "strange": "1"}
STRANGE_IDS: Final[list[Any]] = [12, 1, "", [], {}, True, 12.0, -12, '1"', "é", "x" * 300]


def with_ids(plain: Mapping) -> Mapping:
    """The mapping with the ids of those of its outcomes that have one."""
    outcomes = [
        replace(outcome, betpawa_type_ids=ids, sportybet_outcome_ids=ids)
        for outcome in plain.outcomes
        for known in [IDS.get(outcome.canonical_id.casefold())]
        for ids in [() if known is None else (known,)]
    ]
    return replace(plain, outcomes=tuple(outcomes))


# Further ids: a second id of one market, a constant line, a line in each label, ids in play only.
FURTHER: Final = mapping(
    "further",
    ["Over", "Under"],
    id=9,
    also=[
        {"platform": "sportybet", "id": "Q", "line": {"kind": "total", "constant": "2.5"}},
        {"platform": "betpawa", "id": "Q", "line": {"kind": "total"}},
        {"platform": "bet9ja", "id": "S_Q", "line": {"kind": "total"}, "free": ["x"]},
        {"platform": "bet9ja", "id": "S_A", "line": {"kind": "total"}, "phase": "live"},
        {
            "platform": "sportybet",
            "id": "R",
            "line": {"kind": "at_least", "from": "label"},
            "free": ["variant"],
            "labels": {"Over": ["Home N+"], "Under": ["{home} & N+"]},
        },
        {
            "platform": "sportybet",
            "id": "B",
            "line": {"kind": "total", "constant": "9.5"},
            "fixed": {"goalnr": "2", "total": "2.5"},
            "outcome_ids": {"Over": ["12"]},
        },
    ],
)
SCORERS: Final = parse_mapping(
    {
        "canonical_id": "scorers",
        "name": "Scorers",
        "id": 10,
        "participant": {"kind": "player"},
        "also": [
            {"platform": "sportybet", "id": "P", "free": ["variant"]},
            {"platform": "betpawa", "id": "P"},
            {
                "platform": "sportybet",
                "id": "N",
                "labels": {"yes": ["{player}"], "none": ["None"]},
                "phase": "prematch",
            },
        ],
        "outcome_mapping": [
            {"canonical_id": "yes", "sportybet_desc": "{player}", "betpawa_name": "{player}"},
            {
                "canonical_id": "none",
                "sportybet_desc": "No Goal",
                "sportybet_outcome_ids": ["1716"],
                "betpawa_name": "No Goal",
            },
        ],
    }
)
SHOTS: Final = parse_mapping(
    {
        "canonical_id": "shots",
        "name": "Shots",
        "id": 11,
        "participant": {"kind": "player"},
        "also": [
            {
                "platform": platform,
                "id": "S",
                "line": {"kind": "at_least", "from": "label"},
                "free": ["variant"],
            }
            for platform in ("sportybet", "betpawa")
        ],
        "outcome_mapping": [
            {"canonical_id": "over", "sportybet_desc": "{player} N+", "betpawa_name": "{player} N+"}
        ],
    }
)
# The ladders of both teams under one id: team and number are in the label, and in the outcome's own id.
LADDERS: Final = [
    parse_mapping(
        {
            "canonical_id": f"{side}_shots",
            "name": f"Shots of {side}",
            "id": 20 + number,
            "also": [
                {
                    "platform": "sportybet",
                    "id": "L",
                    "line": {"kind": "at_least", "from": "label"},
                    "labels": {"over": [f"{{{side}}} N+"]},
                    "outcome_ids": {"over": [f"l{number}{{nn}}"]},
                }
            ],
            "outcome_mapping": [{"canonical_id": "over", "bet9ja_suffix": "O"}],
        }
    )
    for number, side in enumerate(("home", "away"))
]
INDEX: Final = MappingIndex(
    [
        *(with_ids(RESULT), BOTH, with_ids(TOTAL), HANDICAP, FIRST, IN_PLAY, BEFORE, TENNIS),
        *(FURTHER, SCORERS, SHOTS, REST, *LADDERS),
    ],
    1,
)
SCOPES: Final[Sequence[dict[str, Any]]] = (
    {},
    {},
    {"live": True},
    {"sport": "Soccer", "live": False},
)

# Texts that JSON, folding and whole words make something of.
PIECES: Final = (
    *(
        "ab",
        "AB",
        "a",
        "b",
        "FC",
        "Home",
        "home",
        "Draw",
        "over",
        "gg",
        "2",
        "²",
        "1",
        "_",
        "-",
        ".",
    ),
    *(
        "ß",
        "ss",
        "İ",
        "i̇",
        "ς",
        "Σ",
        "σ",
        "é",
        "e\u0301",
        "\u0301",
        "ŉ",
        "٣",
        "Ⅷ",
        "😀",
        "Ꮤ",
        "ᲈ",
        "中",
        "ﬁ",
    ),
    *(" ", "  ", "\t", "\u00a0", "\u2003", "\u001c", "\u200b", "\x01", "\x02"),
    *("{home}", "{away}", "{", "}", '"', "\\", "/", "&", "(", ")"),
)
NAMES: Final = st.lists(st.sampled_from(PIECES), max_size=3).map("".join)
USUAL_NAMES: Final = (
    "Wuhan FC",
    "Qingdao",
    "Qingdao Hainiu",
    "Bătrâna",
    "Straße",
    "AS X",
    "Home United",
    "2 FC",
)
MADE_OF_LABELS: Final = ("Home & Yes", "Away & No", "Draw Over", "Over & Over")
ANY_NAMES: Final = NAMES | st.sampled_from(USUAL_NAMES)


def texts_around(*names: str, most: int = 6) -> st.SearchStrategy[str]:
    """Labels that hold these names, parts of them, and words of mappings."""
    parts = [name[: len(name) // 2] for name in names] + [name.upper() for name in names]
    words = [*PIECES, *sorted(NOT_NAMES), *names, *names, *names, *parts, " ", " ", "Home & Yes"]
    return st.lists(st.sampled_from(words), max_size=most).map("".join)


@st.composite
def named_rows(draw: st.DrawFn) -> tuple[list[str], str, str]:
    home, away = draw(ANY_NAMES), draw(ANY_NAMES)
    return draw(st.lists(texts_around(home, away), max_size=4)), home, away


@LAWS
@given(named_rows())
def test_labels_have_the_roles_that_python_gives_them_or_none(
    row: tuple[list[str], str, str],
) -> None:
    labels, home, away = row
    roles = new_recall().roles(labels, home, away)
    if roles is not None:
        names = teams(home, away)
        assert names is not None
        assert tuple(roles) == row_roles(labels, names)


@LAWS
@given(
    st.sampled_from(USUAL_NAMES),
    st.sampled_from(USUAL_NAMES),
    st.lists(st.sampled_from(["{h}", "Draw", "{a}/{h}", "{a} & Over"])),
)
def test_usual_names_are_told_apart(home: str, away: str, rows: list[str]) -> None:
    labels = [row.format(h=home, a=away) for row in rows]
    names = teams(home, away)
    expected = None if names is None else row_roles(labels, names)
    roles = new_recall().roles(labels, home, away)
    if expected is None or {home, away} == {"Qingdao", "Qingdao Hainiu"}:
        return
    assert roles is not None
    assert tuple(roles) == expected


def test_a_team_that_is_called_like_a_role_has_none() -> None:
    recall = new_recall()
    names = teams("{home}", "Wuhan")
    assert names is not None
    assert row_roles(["{home}"], names) is None
    assert recall.roles(["{home}"], "{home}", "Wuhan") is None


class Raw(str):
    """JSON as it is written."""

    __slots__ = ()


# A parsed object keeps each field once; here one may come twice, and in any order.
Fields = tuple[tuple[str, Any], ...]


class Style:
    """How JSON is written: which characters are escaped, and where there are blanks."""

    def __init__(self, escaped: str, blank: str) -> None:
        self.escaped = escaped
        self.blank = blank

    def written(self, node: Any) -> str:
        if isinstance(node, Raw):
            return node
        if isinstance(node, str):
            return self._text(node)
        blank = self.blank
        if isinstance(node, tuple):
            fields = [f"{dumps(key)}{blank}:{blank}{self.written(value)}" for key, value in node]
            return "{" + f"{blank},{blank}".join(fields) + blank + "}"
        if isinstance(node, list):
            return "[" + f"{blank},{blank}".join(map(self.written, node)) + blank + "]"
        return dumps(node)

    def _text(self, text: str) -> str:
        if self.escaped != "all":
            return dumps(text, ensure_ascii=self.escaped == "foreign")
        units = text.encode("utf-16-be")
        pairs = zip(units[::2], units[1::2], strict=True)
        return '"' + "".join(f"\\u{high:02x}{low:02X}" for high, low in pairs) + '"'


# What each event calls its teams stands for <H> and <A>, and <h> for the home side in capitals.
LABELS: Final = (
    *(
        "Home",
        "home ",
        "HOME",
        "Draw",
        "Away",
        "<H>",
        "<A>",
        " <h>",
        "<H> & Yes",
        "<A> & No",
        "Home & Yes",
    ),
    *(
        "Over",
        "Under",
        "Over 2.5",
        "Under 2.50",
        "Over 3.5",
        "<H> & Over",
        "<H> & Over 2.5",
        "None",
        "Yes",
    ),
    *(
        "<H> (-1)",
        "<A> (+1)",
        "Home (-1)",
        "Away (1)",
        "<H> <A>",
        "<H>a",
        "strange",
        'é"\\/',
        "😀",
        "",
    ),
    *("{home}", "{away} & No", "over 2.5", "<A>/<H>"),
)
RESULT_ROWS: Final = (
    *("Home|Draw|Away", "Away|Home|Draw", "<H>|Draw|<A>", "<A>|<h>|draw", "<H> & Yes|<A> & No"),
    *("Draw|<A> & No", "Home|home", "<H>|Home"),
)
TOTAL_ROWS: Final = (
    *("Over 2.5|Under 2.5", "Over|Under", "Under|Over", "<H> & Over|Over", "Over 3.5|Under 3.5"),
    "<H> & Over 2.5|Over 2.5",
)
SIDED_ROWS: Final = (
    "Home|Away",
    "<H>|<A>",
    "<A>|<H>|None",
    "<H> (-1)|<A> (+1)",
    "Home (-1)|<A> (1)",
)
BET9JA_ROWS: Final = (
    *("Home|Draw|Away", "Draw|Away", "Home & Yes|Away & No", "Over|Under", "<H>|Draw", "home|away"),
    *("Home & Over|Over", "Over|Over & Over"),
)
REST_ROWS: Final = (
    *(
        "Home|Away|Draw",
        "Draw|Away|Home",
        "Home|Draw",
        "Away|Draw",
        "Draw",
        "Home|Away",
        "Home|Away|x|Draw",
    ),
    "<A>|Draw|<H>",
)
PLAYER_ROWS: Final = (
    *("Wang, Jiao (<H>)|No Goal", "Wang, Jiao (<H>)|Long Wei (<A>)", "Jiao Wang|Wang Jiao"),
    *("Wang, Jiao (<H>)|Home|Long Wei", "No Goal", "None|Adriano (<A>)", "Ñíguez, Saúl (<A> B)"),
)
RUNG_ROWS: Final = (
    *("Wang, Jiao (<H>) 1+|Wang, Jiao (<H>) 2+", "Long Wei 1+|Wang Jiao 1+", "Home 1+|Home 2+"),
    *("Wang Jiao 1+|Wang Jiao", "Home 1+|<H> & 2+", "Home 12+"),
)
LADDER_ROWS: Final = (
    *("<H> 2+|<A> 2+", "<H> 2+|<H> 3+", "Wuhan 2+|Hainiu 3+", "Qingdao 2+", "<H> 2+|Hainiu 2+"),
    *("2+", "Wuhan FC Two 2+"),
)
ROWS: Final = {
    "A": RESULT_ROWS,
    "B": (*TOTAL_ROWS, *SIDED_ROWS),
    "C": SIDED_ROWS,
    "E": REST_ROWS,
    "F": REST_ROWS,
    "Q": TOTAL_ROWS,
    "R": RUNG_ROWS,
    "S": RUNG_ROWS,
    "L": LADDER_ROWS,
    "P": PLAYER_ROWS,
    "N": PLAYER_ROWS,
}
USUAL_IDS: Final = "AABBCCXXYZ"
FURTHER_IDS: Final = "AABBCCXYZQQRRPPSNEEFLL"
PLAYER_IDS: Final = (
    *("sr:player:1", "sr:player:2", "pre:playerprops:9:1:1", "pre:playerprops:9:2:1"),
    *("pre:playerprops:9:1:2", "pre:playerprops:9:1:1:1", "pre:playerprops:9:2:2:2", "1716", None),
)
PLAYERS: Final = frozenset("PSN")
LADDER_IDS: Final = ("l002", "l002", "l102", "l102", "l003", "l103", "x", None)
OWN_IDS: Final = dict.fromkeys(PLAYERS, PLAYER_IDS) | {"L": LADDER_IDS}
USUAL_PRICES: Final = ("1.98", "1.98", "2", "2.00", "3.50", "9999999.99999999", "1.00000001", "15")
STRANGE_PRICES: Final = (
    *(
        "1",
        "1.0",
        "1.00000000",
        "1.000000000",
        "0",
        "0.0",
        "0.5",
        "10000000",
        "1.123456789",
        "0.0000000001",
    ),
    *("-0", "-1.5", "1e1", "2E0", "9007199254740993", "1e-400", "1.9800", "100.0"),
)
STRANGE_TEXTS: Final = (*STRANGE_PRICES, "", "nan", "01.5", " 2", "é", "1.", "+2", "1,5", "٣")
MARKET_NAMES: Final = (None, "", "Winner", "a winner", "Ünder", "<H> wins")
SPECIFIERS: Final[dict[str, Sequence[str | None]]] = {
    "A": [None],
    "B": ["total=2.5", "total=2.50", "total=3.5", None, "total=2.5|goalnr=2"],
    "C": ["hcp=-1", "hcp=1", "goalnr=1", "goalnr=2", "goalnr=1|variant=x", "goalnr=2|hcp=1"],
    "E": [None],
    "F": [None],
    "Q": [None],
    "R": [None, "variant=x", "variant=y"],
    "N": [None],
    "P": [None, "variant=x", "variant=pre:playerprops:9:1"],
    "S": [None, "variant=pre:playerprops:9:1", "variant=pre:playerprops:9:2"],
}
STRANGE_SPECIFIERS: Final = ("", "nonsense", 'é="', "total=2.5", "variant=1|variant=2")
SHOWN: Final = ("2.5", "2.5", "3.5", "-1", "+1", "1", "Home -1", "Away +1", "0")
HANDICAPS: Final = ("10", "10.0", "14", "-4", "4")
STRANGE_HANDICAPS: Final = (
    "0",
    "-0",
    "1e1",
    "10.5",
    "1e300",
    "3999999",
    "4000000",
    "9007199254740993",
)
BETPAWA_SPECIFIERS: Final[list[Any]] = [
    (("total", "2.5"),),
    (("total", "3.5"), ("total", "2.5")),
    (("hcp", "-1"),),
    (("hcp", "2.5"), ("b", "2.50")),
    (),
    (("hcp", "-1"), ("b", "1")),
    (("total", "é"),),
    (("total", Raw("2.5")),),
]
ODD: Final[list[Any]] = [None, True, Raw("5"), Raw("2.5"), [], (), "text", [None], (("v", "2"),)]


class Feed:
    """Draws observations; ``strange`` is how often a part of them is not as usual."""

    def __init__(self, seed: int, strange: float, platform: Platform, ids: str = USUAL_IDS) -> None:
        self.ids = ids
        self.draw = random.Random(seed)
        self.strange = strange
        self.platform = platform

    def values(self) -> list[bytes]:
        """Observations of a few sets of markets, each in several events."""
        return [value for _ in range(self.draw.randint(1, 3)) for value in self._same_markets()]

    def _same_markets(self) -> list[bytes]:
        markets = self._markets()
        names = {id_: self._market_name() or "" for id_ in self.some(["S_X", "S_Y", "T_Y", "S_A"])}
        return [
            self._observation(markets, names, number) for number in range(self.draw.randint(1, 3))
        ]

    def _observation(self, markets: Any, names: dict[str, Any], number: int) -> bytes:
        draw = self.draw
        home, away = self._name(), self._name()
        event = self.fields(
            id=f"e{number}",
            home=home,
            away=away,
            sportradar_id=draw.choice([None, "1", "2"]),
            **({"sport": "tennis"} if self.is_strange() else draw.choice(SCOPES)),
        )
        if self.is_strange():
            names = {"S_X": None}
        document = self.fields(
            platform=self.platform,
            observed_at=draw.choice(["2026-11-22T12:00:00Z", "2026-11-22T12:00:01Z"]),
            event=event,
            markets=markets,
            market_names=tuple(names.items()) if self.platform == "bet9ja" else None,
        )
        escaped = draw.choice(["none", "none", "none", "foreign", "all"])
        style = Style(escaped, draw.choice(["", "", " ", " \n\t"]))
        return style.written(in_event(document, home, away)).encode()

    def _name(self) -> str:
        if self.draw.random() < 0.7:
            return self.draw.choice(USUAL_NAMES)
        if self.draw.random() < 0.3:
            return self.draw.choice(MADE_OF_LABELS)
        return "".join(self.draw.choices(PIECES, k=self.draw.randint(0, 3)))

    def is_strange(self) -> bool:
        return self.draw.random() < self.strange

    def some(self, of: Sequence[Any]) -> list[Any]:
        return self.draw.sample(of, self.draw.randint(0, len(of)))

    def fields(self, **named: Any) -> Fields:
        """Those that are not None, as a rule; in any order, and perhaps one of them twice or of no use."""
        draw = self.draw
        fields = [
            (name, value)
            for name, value in named.items()
            if value is not None or draw.random() < 0.1
        ]
        if draw.random() < 0.3:
            draw.shuffle(fields)
        if self.is_strange():
            fields.insert(draw.randint(0, len(fields)), ("other", draw.choice(ODD)))
        if self.is_strange() and fields:
            fields.append(draw.choice(fields))
        if self.is_strange() and fields:
            at = draw.randrange(len(fields))
            fields[at] = (fields[at][0], draw.choice(ODD))
        if self.is_strange() and fields:
            del fields[draw.randrange(len(fields))]
        return tuple(fields)

    def _markets(self) -> Any:
        entry = {"sportybet": self._sportybet, "betpawa": self._betpawa, "bet9ja": self._bet9ja}[
            self.platform
        ]
        entries = [entry() for _ in range(self.draw.randint(0, 4))]
        if entries and self.draw.random() < 0.08:
            entries.append(self.draw.choice(entries))
        if self.platform == "bet9ja":
            keys = [(key, value) for row in entries for key, value in row]
            self.draw.shuffle(keys)
            return tuple(dict(keys).items())  # a key that comes twice is a case of its own below
        return [self.draw.choice(ODD) if self.is_strange() else each for each in entries]

    def _labels(self, id_: str) -> list[str]:
        draw = self.draw
        if id_ in ROWS and not self.is_strange():
            return draw.choice(BET9JA_ROWS if self.platform == "bet9ja" else ROWS[id_]).split("|")
        return draw.choices(LABELS, k=draw.randint(0, 4))

    def _id(self) -> str:
        draw = self.draw
        if self.is_strange():
            return draw.choice(["", 'é"\\', "C?goalnr=2", "B?goalnr=2", "x" * 101, "é" * 60])
        return draw.choice(self.ids)

    def _market_name(self) -> str | None:
        return "é" * 300 if self.is_strange() else self.draw.choice(MARKET_NAMES)

    def _price(self) -> str:
        return self.draw.choice(STRANGE_TEXTS if self.is_strange() else USUAL_PRICES)

    def _number(self) -> Raw:
        return Raw(self.draw.choice(STRANGE_PRICES if self.is_strange() else USUAL_PRICES))

    def _flag(self) -> bool | None:
        return self.draw.choice([None, False, False, True] if self.is_strange() else [None, False])

    def _sportybet(self) -> Any:
        draw, id_ = self.draw, self._id()
        outcomes = [
            self.fields(
                desc=label,
                id=draw.choice(OWN_IDS[id_]) if id_ in OWN_IDS else self._outcome_id(label),
                odds=self._price(),
                isActive=Raw(draw.choice(["1", "1", "1", "0"])) if draw.random() < 0.8 else None,
            )
            for label in self._labels(id_)
        ]
        return self.fields(
            id=id_,
            specifier=self._specifier(id_),
            name=self._market_name(),
            desc=self._market_name(),
            status=Raw(draw.choice(["0", "1", "3"] if self.is_strange() else ["0"])),
            banned=self._flag(),
            outcomes=outcomes,
        )

    def _team(self) -> Any:
        if self.is_strange():
            return self.draw.choice([0, 3, "1", True, Raw("1.0"), [], None])
        return self.draw.choice([1, 2, 2, None])

    def _outcome_id(self, label: str) -> Any:
        """As a rule one of the label's outcome, where a mapping names it; else one that it does not name."""
        draw = self.draw
        if self.is_strange():
            return draw.choice([*IDS.values(), *STRANGE_IDS])
        return IDS.get(label.strip().casefold()) if draw.random() < 0.9 else "x"

    def _specifier(self, id_: str) -> str | None:
        if self.is_strange():
            return self.draw.choice(STRANGE_SPECIFIERS)
        return self.draw.choice(SPECIFIERS.get(id_, [None, "a=1"]))

    def _betpawa(self) -> Any:
        draw, id_ = self.draw, self._id()
        rows = [
            self._betpawa_row(id_) for _ in range(draw.randint(0 if self.is_strange() else 1, 3))
        ]
        kind = self.fields(id=id_, name=self._market_name(), displayName=self._market_name())
        return self.fields(marketType=kind, row=rows, suspended=self._flag())

    def _betpawa_row(self, id_: str) -> Any:
        draw = self.draw
        shown_line = draw.choice([*SHOWN, "", "<H>", "x" * 41]) if self.is_strange() else None
        signs = str.maketrans("+-", "-+")
        mirrored = shown_line.translate(signs) if shown_line and draw.random() < 0.5 else shown_line
        prices = []
        for label in self._labels(id_):
            of_both = [self._number() if draw.random() < 0.7 else self._price() for _ in range(2)]
            older, newer = (
                of_both
                if self.is_strange()
                else draw.choice([(of_both[0], None), (None, of_both[1])])
            )
            price = self.fields(
                name=label,
                typeId=self._outcome_id(label) if id_ not in PLAYERS else draw.choice("123"),
                **({"team": self._team()} if id_ in PLAYERS else {}),
                price=older,
                odds=newer,
                suspended=self._flag(),
                handicap=mirrored if "Away" in label else shown_line,
                specifier=self._price_specifier(shown_line),
            )
            prices.append(price)
        handicap = draw.choice(STRANGE_HANDICAPS if self.is_strange() else HANDICAPS)
        has_line = id_ not in "APSEF" or self.is_strange()
        return self.fields(
            handicap=Raw(handicap) if has_line and draw.random() < 0.7 else None,
            specifier=draw.choice(BETPAWA_SPECIFIERS) if has_line and draw.random() < 0.3 else None,
            formattedHandicap=draw.choice([*SHOWN, ""]) if self.is_strange() else None,
            suspended=self._flag(),
            prices=prices,
        )

    def _price_specifier(self, shown_line: str | None) -> Any:
        draw = self.draw
        if not self.is_strange():
            return None
        value = (
            shown_line if shown_line and draw.random() < 0.8 else draw.choice([*SHOWN, "", None])
        )
        key = draw.choice(["total", "total", "hcp", "number", "x"])
        return ((key, value), *((("b", None),) if self.is_strange() else ()))

    def _bet9ja(self) -> Any:
        draw = self.draw
        id_ = draw.choice("AABBXXY" if self.ids == USUAL_IDS else "AABBXYQQ")
        place = f"{draw.choice('LIVES') if self.is_strange() else 'S'}_{id_}"
        if id_ in "BQ" or draw.random() < 0.2:
            place += draw.choice(
                ["@é", "@", "@0:1"] if self.is_strange() else ["@2.5", "@2.50", "@-1", "@1"]
            )
        row: list[tuple[str, Any]] = []
        for label in self._labels(id_):
            price: Any = self._price() if draw.random() < 0.7 else self._number()
            if draw.random() < 0.2:
                price = (("v", price),)
            if self.is_strange():
                price = draw.choice([*ODD, (("v", price), ("a", "b"))])
            row.append((f"{place}_{label}", price))
        return row


def in_event(node: Any, home: str, away: str) -> Any:
    match node:
        case Raw():
            return node
        case str():
            return node.replace("<H>", home).replace("<A>", away).replace("<h>", home.upper())
        case tuple():
            return tuple(
                (in_event(key, home, away), in_event(value, home, away)) for key, value in node
            )
        case list():
            return [in_event(each, home, away) for each in node]
        case _:
            return node


FEEDS: Final = st.builds(
    lambda seed, strange, platform, ids: Feed(seed, strange, platform, ids).values(),
    st.integers(0, 2**64),
    st.sampled_from([0, 0.005, 0.02, 0.2]),
    st.sampled_from(PLATFORMS),
    st.sampled_from([USUAL_IDS, FURTHER_IDS]),
)


def placed(values: Iterable[bytes]) -> list[tuple[FakeRecord, Partition]]:
    records = [FakeRecord(value=value, offset=offset) for offset, value in enumerate(values)]
    return [(record, partition_of(record)) for record in records]


def recalling() -> RecallingPlanner[Outgoing]:
    return RecallingPlanner(ENCODER, max_message_bytes=MOST_BYTES)


def counted(planner: Planner[Outgoing], sightings: Iterable[Sighting]) -> list[MissRow]:
    return in_order(miss_rows(planner.tally(sightings)))


def in_order(rows: Iterable[MissRow]) -> list[MissRow]:
    return sorted(rows, key=lambda row: (row.source, row.external_market_id))


def verdict(planner: Planner[Outgoing], planned: Planned[Outgoing]) -> tuple[Any, ...]:
    """All that comes of a record, however it was read; what is missed comes in no certain order."""
    seen = [
        (*sighting._replace(missed=()), sorted(repr(miss[:4]) for miss in sighting.missed))
        for sighting in planned.sightings
    ]
    return *planned._replace(sightings=(), recalled=0), seen, counted(planner, planned.sightings)


def check(
    planner: RecallingPlanner[Outgoing], values: Sequence[bytes], index: MappingIndex = INDEX
) -> list[Planned[Outgoing]]:
    records = placed(values)
    found = list(planner.plan_all(records, index))
    for (record, at), planned in zip(records, found, strict=True):
        expected = verdict(RESOLVING, RESOLVING.plan(record, at, index))
        assert verdict(planner, planned) == expected, record.value
    return found


def test_what_is_as_usual_is_recalled() -> None:
    for platform in PLATFORMS:
        planner = recalling()
        values = [value for seed in range(200) for value in Feed(seed, 0, platform).values()]
        for _ in range(2):
            check(planner, values)
        assert planner._memory is not None
        recalled = [each for each in planner._memory.read(values) if each is not None]
        assert sum(not each.aside for each in recalled) > len(values) * 0.3
        assert sum(each.markets for each in recalled) > len(values) * 0.1


@LAWS
@given(FEEDS, st.randoms(use_true_random=False))
def test_recalling_gives_what_resolving_gives_cold_and_warm_in_any_order(
    values: list[bytes], order: Any
) -> None:
    planner = recalling()
    for value in values:
        check(planner, [value])
    check(planner, values)
    order.shuffle(values)
    check(planner, values)
    check(recalling(), values)


@LAWS
@given(FEEDS, st.sampled_from([RESULT, BOTH, TOTAL, HANDICAP, FIRST]), st.booleans())
def test_another_index_is_seen_at_once(values: list[bytes], gone: Any, is_replaced: bool) -> None:
    other = mapping(
        gone.canonical_id,
        ["Away", "Home", "Under", "<H>"],
        id=9,
        sportybet_id="X",
        betpawa_id="A",
        bet9ja_key="S_X",
    )
    revised = INDEX.revised([gone], [other] if is_replaced else [], 2)
    planner = recalling()
    for index in (INDEX, INDEX, revised, revised, INDEX):
        check(planner, values, index)


@LAWS
@given(FEEDS, st.integers(0, 9))
def test_counting_in_parts_is_counting_the_whole(values: list[bytes], cut: int) -> None:
    planner = recalling()
    for _ in range(2):
        planned = check(planner, values)
        sightings = [sighting for each in planned for sighting in each.sightings]
        whole = counted(planner, sightings)
        parts = merge(planner.tally(sightings[:cut]), planner.tally(sightings[cut:]))
        assert in_order(miss_rows(parts)) == whole
        resolved = [RESOLVING.plan(record, at, INDEX) for record, at in placed(values)]
        assert whole == counted(RESOLVING, [one for each in resolved for one in each.sightings])


def observed(platform: Platform, markets: str) -> bytes:
    event = '{"id":"e1","home":"Wuhan FC","away":"Qingdao"}'
    envelope = f'"platform":"{platform}","observed_at":"2026-11-22T12:00:00Z","event":{event}'
    return f'{{{envelope},"markets":{markets}}}'.encode()


def test_of_a_key_that_comes_twice_the_last_value_is_sampled() -> None:
    planner = recalling()
    for _ in range(2):
        check(
            planner,
            [observed("bet9ja", '{"S_X_1":"2"}'), observed("bet9ja", '{"S_X_1":"2","S_X_1":"3"}')],
        )


@pytest.mark.parametrize(
    ("platform", "known", "markets"),
    [
        ("bet9ja", '{"S_X_1":2}', '{"S_X_1":@}'),
        (
            "betpawa",
            '[{"marketType":{"id":"X"}}]',
            '[{"marketType":{"id":"X"},"row":[{"prices":[{"name":"a","price":@}]}]}]',
        ),
        (
            "betpawa",
            '[{"marketType":{"id":"X"}}]',
            '[{"marketType":{"id":"X"},"row":[{"handicap":@}]}]',
        ),
        (
            "sportybet",
            '[{"id":"X"}]',
            '[{"id":"X","outcomes":[{"desc":"a","odds":"2","probability":@}]}]',
        ),
        ("sportybet", '[{"id":"X"}]', '[{"id":"X","product":@}]'),
    ],
)
@pytest.mark.parametrize("number", ["1e999", "9" * 400, "-1e999"])
def test_a_number_beyond_a_double_gives_the_same(
    platform: Platform, known: str, markets: str, number: str
) -> None:
    planner = recalling()
    check(planner, [observed(platform, known)])
    for _ in range(2):
        check(planner, [observed(platform, markets.replace("@", number))])


@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "1" + "0" * 30])
@pytest.mark.parametrize(
    "markets", ['{"S_A_Home":@,"S_A_Draw":"2"}', '{"S_A_Home":{"v":@},"S_A_Draw":"2"}']
)
def test_a_whole_number_of_more_than_64_bits_is_told_alike(markets: str, number: str) -> None:
    planner = recalling()
    for _ in range(2):
        check(planner, [observed("bet9ja", markets.replace("@", number))])


HEAD: Final = "a" * 83  # of an id that is longer than its column, as much is kept


def of_unknown(*ids: str) -> bytes:
    return observed("sportybet", dumps([{"id": id_} for id_ in ids]))


def test_an_id_that_is_cut_stands_where_the_whole_one_would() -> None:
    planner = recalling()
    check(planner, [of_unknown(f"{HEAD}c")])
    check(planner, [of_unknown(f"{HEAD}c", HEAD + "b" * 30)])


def test_ids_that_are_cut_may_stand_on_either_side_of_one_that_is_recalled() -> None:
    long = sorted((f"{HEAD}{'b' * 20}{number}" for number in range(9)), key=clipped_id)
    first, last = next(
        (one, other)
        for one in long
        for other in long
        if one < other and clipped_id(one) > clipped_id(other)
    )
    between = clipped_id(first)[:-1]
    assert clipped_id(last) < between < clipped_id(first)
    planner = recalling()
    check(planner, [of_unknown(between)])
    check(planner, [of_unknown(between, first, last)])
