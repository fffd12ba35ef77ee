"""The players of one event: their names as each bookmaker spells them, their ids, and how much they do.

A key joins a player of one bookmaker with that of another. What it must be is written here by hand, name by
name (``words``), so that it does not depend on the code that makes keys. On some events two players have one
name, in one team or in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from worker.lab.synthetic.fixtures import seeded

if TYPE_CHECKING:
    import random

    from worker.lab.synthetic.fixtures import Fixture

TeamSide = Literal["home", "away"]
SIDES: tuple[TeamSide, TeamSide] = ("home", "away")
SQUAD = 24
_BENCH_FROM = 18
# Weights of scoring, by place in the squad: three forwards, five midfielders, the others.
_WEIGHTS = (9.0, 6.0, 5.0, 3.0, 3.0, 2.5, 2.0, 2.0)
_OTHERS = 0.6


class NamePart(NamedTuple):
    """A part of a name, and the words that the key has of it.

    ``elsewhere`` is the spelling of BetPawa where it is another; a spelling with other words makes another
    key, so such a player is joined with nobody.
    """

    text: str
    words: tuple[str, ...]
    elsewhere: str = ""
    words_elsewhere: tuple[str, ...] = ()

    def on(self, platform: str) -> tuple[str, tuple[str, ...]]:
        """The spelling of a bookmaker, and its words."""
        if platform != "betpawa" or not self.elsewhere:
            return self.text, self.words
        return self.elsewhere, self.words_elsewhere or self.words


_GIVEN = (
    NamePart("Ade", ("ade",)),
    NamePart("José", ("jose",), "Jose"),
    NamePart("Søren", ("søren",), "Soren", ("soren",)),
    NamePart("Jean-Luc", ("jean", "luc")),
    NamePart("N'Golo", ("n", "golo")),
    NamePart("İlkay", ("ilkay",), "Ilkay"),
    NamePart("Mohamed", ("mohamed",), "Mohammed", ("mohammed",)),
    NamePart("Raúl", ("raul",), "Raul"),
    NamePart("Chidi", ("chidi",)),
    NamePart("Björn", ("bjorn",)),
    NamePart("Femi", ("femi",)),
    NamePart("Luis Miguel", ("luis", "miguel")),
)
_FAMILY = (
    NamePart("Adeyemi", ("adeyemi",)),
    NamePart("Müller", ("muller",), "Muller"),
    NamePart("Weiß", ("weiss",)),
    NamePart("O'Brien", ("o", "brien")),
    NamePart("Zaïre-Emery", ("zaire", "emery"), "Zaire-Emery"),
    NamePart("Gündoğan", ("gundogan",), "Gundogan"),
    NamePart("da Costa", ("da", "costa")),
    NamePart("Fofana", ("fofana",)),
    NamePart("Çelik", ("celik",)),
    NamePart("Jensen", ("jensen",)),
    NamePart("Kovač", ("kovac",), "Kovac"),
    NamePart("Ibe", ("ibe",)),
    NamePart("Łukasz", ("łukasz",), "Lukasz", ("lukasz",)),
)


class Footballer(NamedTuple):
    """One player. ``feed_id`` is the number that bookmakers share, ``own_id`` that of BetPawa.

    ``goals`` is how many the player scores in a match on average; ``work`` scales shots, fouls and the like.
    """

    feed_id: str
    own_id: str
    given: NamePart
    family: NamePart
    side: TeamSide
    is_on_bench: bool
    goals: float
    work: float

    def shown(self, platform: str) -> str:
        """``Raul Muller``, as BetPawa and a part of SportyBet's markets have it."""
        return f"{self.given.on(platform)[0]} {self.family.on(platform)[0]}"

    def shown_family_first(self, platform: str) -> str:
        """``Müller, Raúl``."""
        return f"{self.family.on(platform)[0]}, {self.given.on(platform)[0]}"

    def key(self, platform: str) -> str:
        """The words of the name, sorted."""
        return " ".join(sorted((*self.given.on(platform)[1], *self.family.on(platform)[1])))


def squads(seed: int, fixture: Fixture) -> tuple[Footballer, ...]:
    """All players of an event, home before away."""
    rng = seeded(seed, fixture.serial, "squad")
    names = [(given, family) for given in _GIVEN for family in _FAMILY]
    drawn = rng.sample(names, 2 * SQUAD)
    namesake = _namesake(fixture.serial)
    if namesake is not None:
        drawn[namesake] = drawn[0]
    return tuple(_player(rng, fixture, number, *name) for number, name in enumerate(drawn))


def _namesake(serial: int) -> int | None:
    """Who has the name of the first player: somebody of the same team, of the other one, or nobody."""
    return (5, SQUAD + 3, None)[serial % 3]


def _player(
    rng: random.Random, fixture: Fixture, number: int, given: NamePart, family: NamePart
) -> Footballer:
    place = number % SQUAD
    side = SIDES[number // SQUAD]
    team_goals = fixture.model.goals[number // SQUAD]
    weight = _WEIGHTS[place] if place < len(_WEIGHTS) else _OTHERS
    whole = sum(_WEIGHTS) + _OTHERS * (SQUAD - len(_WEIGHTS))
    return Footballer(
        feed_id=str(1_000_000 + fixture.serial * 2 * SQUAD + number),
        own_id=str(30_000_000 + fixture.serial * 2 * SQUAD + number),
        given=given,
        family=family,
        side=side,
        is_on_bench=place >= _BENCH_FROM,
        goals=team_goals * weight / whole,
        work=0.5 + rng.random(),
    )
