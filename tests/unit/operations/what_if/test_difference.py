"""The kinds of difference between two resolved events."""

from __future__ import annotations

from typing import Any

from worker.operations.what_if.difference import MissedLabel, difference, label_misses

Json = dict[str, Any]


def market(
    canonical_id: str, line: str | None = None, external: str = "18", **prices: float | None
) -> Json:
    outcomes = [
        {"outcome": outcome, "odds": odds, "active": odds is not None}
        for outcome, odds in prices.items()
    ]
    return {
        "canonical_id": canonical_id,
        "line": line,
        "external_market_id": external,
        "outcomes": outcomes,
    }


def event(*markets: Json, misses: tuple[Json, ...] = (), **more: Any) -> Json:
    return {"markets": list(markets), "misses": list(misses), "rejected": [], **more}


def kinds(before: Json | None, after: Json | None) -> list[tuple[str, str | None, str | None]]:
    return [
        (
            one.kind,
            one.before and f"{one.before.canonical_id} {one.before.line}".strip(),
            one.after and f"{one.after.canonical_id} {one.after.line}".strip(),
        )
        for one in difference(before, after).markets
    ]


def test_a_market_that_was_not_there_is_newly_resolved_and_one_that_goes_is_lost() -> None:
    assert kinds(event(), event(market("btts", yes=2.0))) == [("resolved", None, "btts")]
    assert kinds(event(market("btts", yes=2.0)), event()) == [("lost", "btts", None)]


def test_a_market_under_the_same_id_is_moved_line_by_line() -> None:
    before = event(market("total", "2.5", over=2.0), market("total", "10.5", over=9.0))
    after = event(market("corners", "10.5", over=9.0), market("corners", "2.5", over=2.0))
    assert kinds(before, after) == [
        ("moved", "total 2.5", "corners 2.5"),
        ("moved", "total 10.5", "corners 10.5"),
    ]


def test_another_id_of_the_same_market_is_lost_and_resolved() -> None:
    before, after = event(market("btts", yes=2.0)), event(market("btts", external="29", yes=2.0))
    assert kinds(before, after) == [("lost", "btts", None), ("resolved", None, "btts")]


def test_prices_at_other_outcomes_are_reassigned_and_a_label_more_adds_an_outcome() -> None:
    before = event(market("btts", yes=2.0, no=1.5))
    assert kinds(before, event(market("btts", yes=1.5, no=2.0))) == [("reassigned", "btts", "btts")]
    assert kinds(before, event(market("btts", yes=2.0))) == [("outcomes", "btts", "btts")]
    assert kinds(before, before) == []


def test_a_market_that_becomes_complete_is_another() -> None:
    before = event(market("btts", yes=2.0) | {"complete": False})
    assert kinds(before, event(market("btts", yes=2.0))) == [("outcomes", "btts", "btts")]


def test_players_are_told_apart() -> None:
    def scorer(key: str) -> Json:
        return market("scorer", yes=5.0) | {"participant": {"name": key, "key": key}}

    before = event(participant_markets=[scorer("one"), scorer("two")])
    assert kinds(before, event(participant_markets=[scorer("two")])) == [("lost", "scorer", None)]


def test_misses_are_compared_with_their_labels() -> None:
    label = {"external_market_id": "18", "reason": "NO_MATCHING_OUTCOMES", "outcome": "Yes"}
    whole = {"external_market_id": "9", "reason": "UNKNOWN_MARKET"}
    found = difference(event(misses=(label,)), event(misses=(whole,)))
    assert dict(found.no_longer_missed) == {MissedLabel("18", "NO_MATCHING_OUTCOMES", "Yes"): 1}
    assert dict(found.missed) == {MissedLabel("9", "UNKNOWN_MARKET", None): 1}
    assert list(label_misses(event(misses=(label, whole)))) == list(found.no_longer_missed)


def test_a_dead_letter_holds_nothing() -> None:
    assert kinds(None, event(market("btts", yes=2.0))) == [("resolved", None, "btts")]
    assert kinds(None, None) == []


def test_lists_that_were_cut_on_one_side_are_said_to_be() -> None:
    assert difference(event(), event(omitted={"misses": 3, "rejected": 0})).is_cut
    assert not difference(event(), event()).is_cut
