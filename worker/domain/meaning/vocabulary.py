"""The words in which the meaning of a market is said: closed lists, which the shipped meanings and forms use.

A mapping in the database may have other words: somebody's own markets need no release of the worker. They are
words all the same (``worker.domain.traits``).
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from worker.domain.scope import FOOTBALL

TraitLine = Literal["none", "total", "handicap_2way", "handicap_3way", "ordinal", "at_least"]
TRAIT_LINES: Final[tuple[TraitLine, ...]] = get_args(TraitLine)
# What is said of a market in one word each, and what is or is not true of it.
WORDS: Final = ("family", "period", "subject", "counts")
VERDICTS: Final = ("exhaustive", "exclusive", "push")

SPORTS: Final = (FOOTBALL, "basketball", "tennis")
SUBJECTS: Final = ("match", "home", "away", "player")
PERIODS: Final = (
    "ft",
    "1h",
    "2h",
    # The first 45 minutes are the first half.
    *(f"minutes 1-{last}" for last in range(5, 90, 5) if last != 45),
    "injury time",
    "extra time",
    "tie",
    "ft with overtime",
    *(f"quarter {number}" for number in range(1, 5)),
    "match",
    "set 1",
    "set 2",
)
FAMILIES: Final = (
    "anytime_score",
    "at_least",
    "both_counted",
    "both_score",
    "both_score_or_total",
    "clean_sheet",
    "correct_score",
    "double_chance",
    "double_chance_and_both_score",
    "double_chance_and_multi",
    "double_chance_and_total",
    "early_payout",
    "early_total",
    "exact",
    "exact_goals",
    "excluded",
    "from_behind",
    "goal_method",
    "half_full",
    "half_full_and_exact",
    "half_full_and_total",
    "half_full_score",
    "halves",
    "halves_and_total",
    "handicap",
    "highest_half",
    "lead",
    "multi",
    "multi_score",
    "never_down",
    "odd_even",
    "player",
    "plus",
    "race",
    "race_and_result",
    "result",
    "result_and_both_score",
    "result_and_both_score_and_total",
    "result_and_multi",
    "result_and_result",
    "result_and_total",
    "result_or_both_score",
    "result_or_both_score_or_total",
    "result_or_clean_sheet",
    "result_or_total",
    "run",
    "set_and_match",
    "tie",
    "to_score",
    "total",
    "total_and_both_score",
    "which_team",
    "win_to_nil",
    "winning_margin",
    "yes_no",
)
COUNTS: Final = (
    "goals",
    "assists",
    "booking points",
    "bookings",
    "cards of coaches",
    "corners",
    "corners and bookings",
    "extra time",
    "fouls",
    "fouls won",
    "games",
    "goal kicks",
    "goals and assists",
    "goals and bookings",
    "goals and corners",
    "hits of the woodwork",
    "offsides",
    "passes",
    "penalties",
    "penalty shootouts",
    "points",
    "saves",
    "sendings_off",
    "sets",
    "sets and games",
    "shots",
    "shots on target",
    "shots outside the box",
    "substitutions",
    "tackles",
    "throw-ins",
)
# For people, where bookmakers differ. Most markets need none, and one may need a sentence of its own.
SETTLEMENTS: Final = (
    "Bookmakers take the number from different data providers.",
    "Counted by another data provider than the over/under of the same name.",
    "Over wins as well when enough goals are scored by the minute in the name.",
    "Bookmakers count bookings differently.",
    "Bookmakers count bookings differently; Bet9ja is always on one side of the others.",
    "Paid at once when the side leads by the named number of goals, and at the end when it wins.",
    "Bet9ja counts extra time as well; the others count regular time.",
    "Bet9ja may count extra time as well.",
    "The stake comes back when the score is not listed.",
    "Yellow or red card in regular time.",
    "Yellow or red card, overtime included.",
    "A yellow card only.",
    "The first player with a card, yellow or red.",
)
# The closed list of each word.
VOCABULARY: Final[dict[str, tuple[str, ...]]] = {
    "family": FAMILIES,
    "period": PERIODS,
    "subject": SUBJECTS,
    "counts": COUNTS,
}
