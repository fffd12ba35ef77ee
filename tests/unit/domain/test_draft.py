from typing import Any

import pytest

from worker.domain.draft import draft, draft_of_players, slug
from worker.domain.mapping import parse_mapping


def sample(*labels: str, qualifier: str | None = None) -> list[dict[str, Any]]:
    return [{"label": label, "odds": 2.0, "qualifier": qualifier} for label in labels]


def test_a_draft_of_distinct_labels_is_a_usable_mapping() -> None:
    made = draft("bet9ja", "S_PENGIVEN", "Penalty Given", sample("Y", "N"))
    mapping = parse_mapping(made)
    assert (mapping.canonical_id, mapping.bet9ja_key) == ("penalty_given", "S_PENGIVEN")
    assert [(row.canonical_id, row.bet9ja_suffix) for row in mapping.outcomes] == [
        ("y", "Y"),
        ("n", "N"),
    ]


@pytest.mark.parametrize(
    ("platform", "qualifier", "rule"),
    [
        ("sportybet", None, None),
        ("sportybet", "total=2.5", {"kind": "total"}),
        ("sportybet", "hcp=0:1", {"kind": "european"}),
        ("sportybet", "hcp=-1.5", {"kind": "handicap"}),
        ("sportybet", "from=1|to=10", {"fixed": {"sportybet": {"from": "1", "to": "10"}}}),
        ("bet9ja", "2.5", {"kind": "total"}),
        ("betpawa", "10", {"kind": "total"}),
    ],
)
def test_the_specifier_gives_the_line_rule(platform: Any, qualifier: str | None, rule: Any) -> None:
    assert draft(platform, "1", None, sample("A", qualifier=qualifier))["line_rule"] == rule


def test_a_line_is_taken_out_of_sportybets_labels() -> None:
    lines = sample("Over 2.5", qualifier="total=2.5") + sample("Over 3.5", qualifier="total=3.5")
    rows = draft("sportybet", "1", "Fouls", lines)["outcome_mapping"]
    assert [(row["canonical_id"], row["sportybet_desc"]) for row in rows] == [("over", "Over")]


def test_a_specifier_in_the_id_is_no_part_of_the_platforms_id() -> None:
    assert draft("sportybet", "8?goalnr=2", None, [])["sportybet_id"] == "8"


@pytest.mark.parametrize(
    ("text", "expected"), [("1X2 & BTTS", "1x2_btts"), ("", "unnamed"), ("+", "unnamed")]
)
def test_ids_are_words_with_underscores(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_a_draft_of_players_has_a_placeholder_for_their_names() -> None:
    labels = sample(
        "Antuna, Uriel (Pumas UNAM)", "Raul Jimenez", "No Goal", qualifier="type=prematch"
    )
    made = draft_of_players("sportybet", "40", "Anytime Goalscorer", labels)
    mapping = parse_mapping(made)
    assert (mapping.participant, mapping.sportybet_id) == ("player", None)
    assert [(one.canonical_id, one.sportybet_desc) for one in mapping.outcomes] == [
        ("yes", "{player}"),
        ("no_goal", "No Goal"),
    ]
    (further,) = mapping.also
    assert (further.id, further.fixed) == ("40", {"type": "prematch"})


def test_a_number_after_each_name_is_the_line_and_the_player_in_the_specifier_is_free() -> None:
    variant = "variant=pre:playerprops:71583282:1006665"
    labels = sample("Antuna, Uriel 1+", "Antuna, Uriel 2+", qualifier=variant)
    made = draft_of_players("sportybet", "776", "Player Shots", labels)
    assert made["outcome_mapping"][0]["sportybet_desc"] == "{player} N+"
    assert made["also"] == [
        {
            "platform": "sportybet",
            "id": "776",
            "line": {"kind": "at_least", "from": "label"},
            "free": ["variant"],
        }
    ]
    parse_mapping(made)
