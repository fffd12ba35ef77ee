"""Player markets: some come as a row for each player, some as one row with every player, some as pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.lab.synthetic.fixtures import Fixture, Player
    from worker.lab.synthetic.offers import Unmapped

Labels = list[tuple[str, str]]


def prop_rows(fixture: Fixture, market: Unmapped) -> Iterator[tuple[str | None, Labels]]:
    """(specifier, outcomes as (feed id, label)) of each row."""
    players = fixture.players()
    if market.form["players"] == "rows":
        yield from _row_for_each(fixture, market, players)
    elif market.form["players"] == "pair":
        yield _pair(fixture, players)
    else:
        yield market.rows[0] if market.rows else None, _everybody(fixture, market, players)


def _row_for_each(
    fixture: Fixture, market: Unmapped, players: tuple[Player, ...]
) -> Iterator[tuple[str, Labels]]:
    steps = range(1, market.form["steps"] + 1)
    for player in players[: market.form["rows"]]:
        variant = f"{_prefix(fixture)}:{player.id}"
        name = f"{player.name} ({fixture.team(player.side)})"
        yield f"variant={variant}", [(f"{variant}:{step}", f"{name} {step}+") for step in steps]


def _pair(fixture: Fixture, players: tuple[Player, ...]) -> tuple[str, Labels]:
    one, other = players[fixture.ordinal % 5], players[-1 - fixture.ordinal % 5]
    labels = [
        (f"{_prefix(fixture)}:{player.id}", f"{player.name} ({fixture.team(player.side)})")
        for player in (one, other)
    ]
    return f"pair={one.id}-{other.id}", [*labels, ("zzzz", "Draw")]


def _everybody(fixture: Fixture, market: Unmapped, players: tuple[Player, ...]) -> Labels:
    first = market.form.get("first")
    steps = (
        [f" {n}+" for n in range(first, first + market.form["steps"])]
        if first is not None
        else [""]
    )
    return [
        (
            f"{_prefix(fixture)}:{player.id}{step.strip('+ ')}",
            f"{player.name} ({fixture.team(player.side)}){step}",
        )
        for player in players
        for step in steps
    ]


def _prefix(fixture: Fixture) -> str:
    return f"pre:playerprops:{fixture.sportradar_id}"
