"""Change sets are found by a part of their name or reason, whichever way they are looked up."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage.changes import sets
from worker.storage.engine import transaction

NAMES = ("Corners, first half", "Ecken", "", "ÄRGER mit Ecken", "100% sure", "corners")
REASONS = ("prices of Corners", "one_two", "because", "a\\b", "first half corners", "halves")
ASKED = (
    "corners",
    "ners, f",
    "ärger",
    "ECK",
    "0% s",
    "one_",
    "a\\b",
    "ba\\",
    "half corn",
    "rsc",
    "e",
    "no",
)


@pytest.mark.parametrize("newest", [1, 5000])
async def test_a_part_of_a_text_is_found(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, newest: int
) -> None:
    monkeypatch.setattr(sets, "_NEWEST", newest)
    async with transaction(engine) as connection:
        texts = {
            await sets.create_change_set(
                connection, name or "none", actor=f"ada {number % 2}", reason=reason
            ): f"{name or 'none'} {reason}".lower()
            for number, (name, reason) in enumerate(zip(NAMES, REASONS, strict=True))
        }
        for asked in ASKED:
            expected = sorted((one for one in texts if asked.lower() in texts[one]), reverse=True)
            found = await sets.list_change_sets(connection, containing=asked, limit=50)
            assert [one.id for one in found] == expected, asked
            limited = await sets.list_change_sets(connection, containing=asked, limit=1)
            assert [one.id for one in limited] == expected[:1], asked
            older = await sets.list_change_sets(connection, containing=asked, before=max(texts))
            assert [one.id for one in older] == [one for one in expected if one != max(texts)]
            assert await sets.count_change_sets(connection, containing=asked) == len(expected)


async def test_those_of_a_person_are_the_newest_that_they_wrote_proposed_or_decided(
    engine: AsyncEngine,
) -> None:
    async with transaction(engine) as connection:
        numbers = [
            await sets.create_change_set(connection, f"{one}", actor=person, reason="because")
            for one, person in enumerate(["ada", "bob", "ada", "bob"])
        ]
        await sets.move_change_set(connection, numbers[1], "WITHDRAWN", actor="ada")
        found = await sets.list_change_sets(connection, person="ada", limit=2)
        assert [one.id for one in found] == [numbers[2], numbers[1]]
        everything = await sets.list_change_sets(connection, person="ada", states=["DRAFT"])
        assert [one.id for one in everything] == [numbers[2], numbers[0]]
        assert await sets.count_change_sets(connection, person="ada") == 3
        assert not await sets.list_change_sets(connection, person="eve")
