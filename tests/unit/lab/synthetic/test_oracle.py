from __future__ import annotations

from typing import Any

import pytest

from worker.lab.synthetic.expected import (
    Expected,
    ExpectedMarket,
    ExpectedMiss,
    ExpectedOutcome,
    ExpectedParticipant,
    ExpectedPlayerMarket,
    ExpectedRejection,
    Generated,
)
from worker.lab.synthetic.oracle import check, wrong_labels

Resolved = dict[str, list[dict[str, Any]]]


def market(
    canonical_id: str, line: str | None, external_id: str, **odds: float | None
) -> ExpectedMarket:
    outcomes = tuple(
        ExpectedOutcome(name, price, price is not None) for name, price in odds.items()
    )
    return ExpectedMarket(canonical_id, line, external_id, outcomes)


@pytest.fixture
def truth() -> Expected:
    return Expected(
        markets=(
            market("1x2_ft", None, "1", home=2.4, draw=3.3, away=None),
            market("1x2_1h", None, "60", home=3.1, draw=2.05, away=3.9),
            market("over_under_ft", "2.5", "18", over=1.98, under=1.83),
            market("over_under_ft", "3.5", "18", over=3.4, under=1.3),
            market("asian_handicap_ft", "-0.5", "16", home=2.32, away=1.54),
            market(
                "1x2_over_under_ft", "2.5", "37", home_under=5.1, home_over=4.2, draw_under=4.6,
                draw_over=12.5, away_under=6.3, away_over=5.4,
            ),
        ),
        misses=(
            ExpectedMiss("800117", "UNKNOWN_MARKET", None),
            ExpectedMiss("8?goalnr=2", "UNKNOWN_PARAM_MARKET", None),
            ExpectedMiss("45", "NO_MATCHING_OUTCOMES", "5:0"),
        ),
        rejected=(ExpectedRejection("19", "1.5", "INVALID_ODDS"),),
    )  # fmt: skip


@pytest.fixture
def resolved(truth: Expected) -> Resolved:
    return perfect(truth)


def perfect(truth: Expected) -> Resolved:
    markets = [m._asdict() | {"outcomes": [o._asdict() for o in m.outcomes]} for m in truth.markets]
    return {
        "markets": markets,
        "misses": [miss._asdict() for miss in truth.misses],
        "rejected": [entry._asdict() for entry in truth.rejected],
    }


PLAYER = ExpectedParticipant("Raúl Ibe", "ibe raul", "home", feed_id="7")


def with_player(truth: Expected) -> tuple[Expected, Resolved]:
    """The truth with a price of one player, and what says so."""
    of_player = ExpectedPlayerMarket(
        "anytime_goalscorer_ft", None, PLAYER, "40", (ExpectedOutcome("yes", 3.4, active=True),)
    )
    published = of_player._asdict() | {
        "participant": PLAYER._asdict(),
        "outcomes": [outcome._asdict() for outcome in of_player.outcomes],
    }
    return truth._replace(players=(of_player,)), {
        **perfect(truth),
        "participant_markets": [published],
    }


def test_a_player_who_is_published_as_sold_differs_in_nothing(truth: Expected) -> None:
    assert kinds(*with_player(truth)) == []


def test_a_price_given_to_another_player_is_a_wrong_label(truth: Expected) -> None:
    expected, resolved = with_player(truth)
    resolved["participant_markets"][0]["participant"]["feed_id"] = "8"

    assert kinds(expected, resolved) == ["MISSING_MARKET", "WRONG_LABEL"]


@pytest.mark.parametrize(("name", "value"), [("key", "raul"), ("side", None), ("name", "Ibe")])
def test_what_is_said_of_a_player_is_held_against_the_truth(
    truth: Expected, name: str, value: str | None
) -> None:
    expected, resolved = with_player(truth)
    resolved["participant_markets"][0]["participant"][name] = value

    assert kinds(expected, resolved) == ["WRONG_PARTICIPANT"]


def test_a_player_left_out_is_missing(truth: Expected) -> None:
    expected, resolved = with_player(truth)
    resolved["participant_markets"] = []

    assert kinds(expected, resolved) == ["MISSING_MARKET"]


@pytest.mark.parametrize("complete", [True, False])
def test_a_market_that_is_read_in_part_has_to_say_so(truth: Expected, *, complete: bool) -> None:
    expected = truth._replace(
        markets=(truth.markets[0]._replace(complete=complete), *truth.markets[1:])
    )
    resolved = perfect(expected)
    find(resolved, "1x2_ft")["complete"] = not complete

    assert kinds(expected, resolved) == ["WRONG_COMPLETE"]


def find(resolved: Resolved, canonical_id: str, line: str | None = None) -> dict[str, Any]:
    return next(
        m for m in resolved["markets"] if (m["canonical_id"], m["line"]) == (canonical_id, line)
    )


def kinds(truth: Expected, resolved: Resolved) -> list[str]:
    return [difference.kind for difference in check(truth, resolved)]


def test_the_truth_differs_from_itself_in_nothing(slim_scrape: list[Generated]) -> None:
    assert all(not check(item.expected, perfect(item.expected)) for item in slim_scrape)


def test_a_swapped_over_and_under_are_two_wrong_labels(truth: Expected, resolved: Resolved) -> None:
    over, under = find(resolved, "over_under_ft", "3.5")["outcomes"]
    over["outcome"], under["outcome"] = under["outcome"], over["outcome"]

    assert kinds(truth, resolved) == ["WRONG_LABEL", "WRONG_LABEL"]


def test_labels_given_by_position_are_wrong_labels(truth: Expected, resolved: Resolved) -> None:
    outcomes = find(resolved, "1x2_over_under_ft", "2.5")["outcomes"]
    catalogue_order = [
        f"{side}_{total}" for side in ("home", "draw", "away") for total in ("over", "under")
    ]
    for outcome, name in zip(outcomes, catalogue_order, strict=True):
        outcome["outcome"] = name

    assert len(wrong_labels(check(truth, resolved))) == 6


def test_a_line_that_has_the_prices_of_another_is_a_wrong_label(
    truth: Expected, resolved: Resolved
) -> None:
    one, other = (find(resolved, "over_under_ft", line) for line in ("2.5", "3.5"))
    one["line"], other["line"] = other["line"], one["line"]

    assert set(kinds(truth, resolved)) == {"WRONG_LABEL"}


def test_a_shifted_line_is_a_missing_market_and_a_wrong_label(
    truth: Expected, resolved: Resolved
) -> None:
    find(resolved, "asian_handicap_ft", "-0.5")["line"] = "-0.25"

    assert kinds(truth, resolved) == ["MISSING_MARKET", "WRONG_LABEL"]


def test_a_market_under_another_canonical_id_is_a_wrong_label(
    truth: Expected, resolved: Resolved
) -> None:
    find(resolved, "1x2_1h")["canonical_id"] = "1x2_3h"

    assert "WRONG_LABEL" in kinds(truth, resolved)


def test_a_dropped_outcome_is_missing(truth: Expected, resolved: Resolved) -> None:
    find(resolved, "1x2_ft")["outcomes"].pop()

    assert kinds(truth, resolved) == ["MISSING_OUTCOME"]


def test_an_outcome_the_event_does_not_sell_is_a_wrong_label(
    truth: Expected, resolved: Resolved
) -> None:
    find(resolved, "1x2_ft")["outcomes"].append({"outcome": "none", "odds": 4.0, "active": True})

    assert kinds(truth, resolved) == ["WRONG_LABEL"]


def test_a_price_that_is_nobodys_is_wrong_odds(truth: Expected, resolved: Resolved) -> None:
    find(resolved, "1x2_ft")["outcomes"][0]["odds"] = 777.77

    assert kinds(truth, resolved) == ["WRONG_ODDS"]


def test_an_outcome_published_twice_is_repeated(truth: Expected, resolved: Resolved) -> None:
    outcomes = find(resolved, "1x2_ft")["outcomes"]
    outcomes.append(dict(outcomes[0]))

    assert kinds(truth, resolved) == ["REPEATED"]


def test_a_market_published_twice_is_repeated(truth: Expected, resolved: Resolved) -> None:
    resolved["markets"].append(find(resolved, "1x2_ft"))

    assert kinds(truth, resolved) == ["REPEATED"]


def test_an_open_price_shown_as_closed_is_noticed(truth: Expected, resolved: Resolved) -> None:
    outcome = find(resolved, "1x2_ft")["outcomes"][0]
    outcome["active"] = not outcome["active"]

    assert kinds(truth, resolved) == ["WRONG_ACTIVE"]


def test_another_external_id_is_noticed(truth: Expected, resolved: Resolved) -> None:
    find(resolved, "1x2_ft")["external_market_id"] = "2"

    assert "WRONG_EXTERNAL_ID" in kinds(truth, resolved)


def test_a_rejected_market_that_is_published_is_extra(truth: Expected, resolved: Resolved) -> None:
    held = truth.rejected[0]
    resolved["markets"].append(
        {
            "canonical_id": "any",
            "line": held.line,
            "external_market_id": held.external_market_id,
            "outcomes": [],
        }
    )

    assert kinds(truth, resolved) == ["EXTRA_MARKET"]


@pytest.mark.parametrize(
    ("part", "missing", "extra"),
    [
        ("misses", "MISSING_MISS", "EXTRA_MISS"),
        ("rejected", "MISSING_REJECTION", "EXTRA_REJECTION"),
    ],
)
def test_every_miss_and_rejection_is_due_once(
    truth: Expected, resolved: Resolved, part: str, missing: str, extra: str
) -> None:
    entry = resolved[part].pop()
    assert kinds(truth, resolved) == [missing]

    resolved[part] += [entry, dict(entry)]
    assert kinds(truth, resolved) == [extra]


def test_a_miss_under_another_reason_is_both_missing_and_extra(
    truth: Expected, resolved: Resolved
) -> None:
    resolved["misses"][0]["reason"] = "NO_MATCHING_OUTCOMES"

    assert kinds(truth, resolved) == ["MISSING_MISS", "EXTRA_MISS"]
