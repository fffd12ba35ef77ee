import pytest

from tests.support.markets import CATALOGUE, FOOTBALL, answer, mapping, missed, run, said, sportybet
from worker.domain.books.platforms import PLATFORMS
from worker.domain.index import Conflict, MappingIndex
from worker.domain.markets import Market


def index(*mappings: object) -> MappingIndex:
    return MappingIndex(mappings, version=1)  # type: ignore[arg-type]  # mappings only


def test_the_catalogue_has_no_two_claims_to_one_label() -> None:
    assert list(FOOTBALL.conflicts()) == []


def test_an_index_knows_its_version_and_size() -> None:
    assert (FOOTBALL.version, FOOTBALL.size) == (7, len(CATALOGUE))


def test_every_mapping_is_found_by_each_of_its_ids() -> None:
    for one in CATALOGUE:
        for platform in PLATFORMS:
            if market_id := one.id_on(platform):
                claims = FOOTBALL.claims(platform, market_id)
                assert one.canonical_id in {claim.canonical_id for claim in claims}


def test_the_higher_priority_wins_outcome_by_outcome() -> None:
    low = mapping("low", ["a", "b"], sportybet_id="1", id=1)
    high = mapping("high", ["b", "c"], sportybet_id="1", id=2, priority=10)
    found = run(
        "sportybet", [sportybet("1", prices={"a": 2, "b": 3, "c": 4})], index=index(low, high)
    )
    assert answer(found) == {("low", None): {"a": 2}, ("high", None): {"b": 3, "c": 4}}


def test_at_equal_priority_the_lower_id_wins_and_is_reported() -> None:
    older = mapping("older", ["a", "b"], sportybet_id="1", id=3)
    newer = mapping("newer", ["b", "c"], sportybet_id="1", id=9)
    both = index(newer, older)
    found = run("sportybet", [sportybet("1", prices={"b": 3, "c": 4})], index=both)
    assert answer(found) == {("older", None): {"b": 3}, ("newer", None): {"c": 4}}
    assert list(both.conflicts()) == [Conflict("sportybet", "1", "b", "older", "newer")]


def test_mappings_of_different_priority_do_not_conflict() -> None:
    both = index(
        mapping("one", ["a"], sportybet_id="1", id=1),
        mapping("two", ["a"], sportybet_id="1", id=2, priority=1),
    )
    assert list(both.conflicts()) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"fixed": {"sportybet": {"goalnr": "1"}}}, {"fixed": {"sportybet": {"goalnr": "2"}}}),
        ({"kind": "total"}, None),
        ({"kind": "total"}, {"kind": "handicap"}),
        ({"fixed": {"sportybet": {"goalnr": "1"}}}, None),
    ],
)
def test_mappings_that_no_row_can_mean_at_once_do_not_conflict(one: object, other: object) -> None:
    both = index(
        mapping("one", ["home"], sportybet_id="1", id=1, line_rule=one),
        mapping("two", ["home"], sportybet_id="1", id=2, line_rule=other),
    )
    assert list(both.conflicts()) == []


def test_a_free_key_lets_two_mappings_meet() -> None:
    both = index(
        mapping("one", ["a"], sportybet_id="1", id=1, line_rule={"free": ["goalnr"]}),
        mapping(
            "two",
            ["a"],
            sportybet_id="1",
            id=2,
            line_rule={"fixed": {"sportybet": {"goalnr": "1"}}},
        ),
    )
    assert [conflict.label for conflict in both.conflicts()] == ["a"]


def test_mappings_of_one_id_are_told_apart_by_their_fixed_values() -> None:
    first = mapping(
        "first", ["home"], sportybet_id="8", line_rule={"fixed": {"sportybet": {"goalnr": "1"}}}
    )
    second = mapping(
        "second", ["home"], sportybet_id="8", line_rule={"fixed": {"sportybet": {"goalnr": "2"}}}
    )
    rows = [sportybet("8", f"goalnr={number}", prices={"home": 1 + number}) for number in (1, 2, 3)]
    found = run("sportybet", rows, index=index(first, second))
    assert answer(found) == {("first", None): {"home": 2}, ("second", None): {"home": 3}}
    assert missed(found) == {("8?goalnr=3", "UNKNOWN_PARAM_MARKET", None)}


def test_a_mapping_of_one_platform_says_nothing_about_the_others() -> None:
    found = run(
        "sportybet",
        [sportybet("x", prices={"a": 2})],
        index=index(mapping("m", ["a"], betpawa_id="x")),
    )
    assert missed(found) == {("x", "UNKNOWN_MARKET", None)}


def test_no_betpawa_id_is_no_error() -> None:
    only = mapping("m", ["a"], sportybet_id="x")
    assert answer(run("sportybet", [sportybet("x", prices={"a": 2})], index=index(only))) == {
        ("m", None): {"a": 2}
    }


def test_a_meaning_is_worked_out_once() -> None:
    some = index(*CATALOGUE)
    assert some.meaning("sportybet", "18", "total=2.5") is some.meaning(
        "sportybet", "18", "total=2.5"
    )


def test_qualifiers_of_markets_that_nobody_claims_are_not_remembered() -> None:
    some = index(*CATALOGUE)
    for player in range(100):
        some.meaning("sportybet", "830101", f"variant=pre:playerprops:1:{player}")
    assert "830101" not in some.claimed("sportybet")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.domain.markets._MOST_QUALIFIERS", 10)
    some = index(*CATALOGUE)
    for line in range(100):
        some.meaning("sportybet", "18", f"total={line}.5")
        some.meaning("sportybet", "18", f"total={'0' * 2000}{line}")
    assert 0 < len(some.claimed("sportybet")["18"]) <= 10


def test_a_label_of_a_megabyte_is_not_remembered() -> None:
    some = index(*CATALOGUE)
    found = run(
        "sportybet", [sportybet("18", "total=2.5", prices={"x" * 1_000_000: "2"})], index=some
    )
    assert [reason for _, reason, _ in missed(found)] == ["NO_MATCHING_OUTCOMES"]
    meaning = some.meaning("sportybet", "18", "total=2.5")
    assert isinstance(meaning, Market)
    assert not meaning.known


def test_strange_labels_do_not_displace_those_that_mean_something() -> None:
    some = index(*CATALOGUE)
    strange = {f"strange {number}": "2" for number in range(3000)}
    for prices in (strange, {"Over 2.5": "1.9", "Under 2.5": "1.9"}, strange):
        run("sportybet", [sportybet("18", "total=2.5", prices=prices)], index=some)
    meaning = some.meaning("sportybet", "18", "total=2.5")
    assert isinstance(meaning, Market)
    assert len(meaning.known) <= 512
    assert [label for (label, _, _), slot in meaning.known.items() if slot] == [
        "Over 2.5",
        "Under 2.5",
    ]


def test_rows_are_remembered_as_they_were_sent_within_bounds() -> None:
    some = index(*CATALOGUE)
    for number in range(100):
        shown = [
            {"id": f"{number}000", "desc": "Over 2.5", "odds": "2"},
            {"id": f"{'9' * 200}{number}", "desc": "Under 2.5", "odds": "2"},
        ]
        for outcomes in (shown, shown[:1]):
            found = run("sportybet", [sportybet("18", "total=2.5", outcomes=outcomes)], index=some)
            assert len(answer(found)["over_under_ft", "2.5"]) == len(outcomes)
    meaning = some.meaning("sportybet", "18", "total=2.5")
    assert isinstance(meaning, Market)
    assert 0 < len(meaning.as_sent) <= 8
    assert all(len(labels) == 1 for labels, _ in meaning.as_sent), (
        "an id of 200 characters is not kept"
    )


def test_labels_that_mean_something_are_bounded_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.domain.markets._MOST_LABELS", 10)
    some = index(*CATALOGUE)
    for number in range(20):
        shown = [{"desc": f"Over {'0' * number}2.5", "odds": "2"}]
        run("sportybet", [sportybet("18", "total=2.5", outcomes=shown)], index=some)
    meaning = some.meaning("sportybet", "18", "total=2.5")
    assert isinstance(meaning, Market)
    assert 0 < len(meaning.known) <= 10
    assert all(meaning.known.values())


def test_labels_with_team_names_are_remembered_without_the_names() -> None:
    some = index(*CATALOGUE)
    for home in ("Basel", "Sion", "Thun"):
        row = sportybet("818", "total=2.5", prices={f"{home}/draw & over 2.5": "9"})
        assert run("sportybet", [row], home=home, away="Lugano", index=some).markets
    meaning = some.meaning("sportybet", "818", "total=2.5")
    assert isinstance(meaning, Market)
    assert [label for label, _, _ in meaning.known] == ["{home}/draw & over 2.5"]


def test_a_label_known_at_one_line_is_not_known_at_another() -> None:
    rows = [sportybet("18", f"total={line}", prices={"Over 2.5": "1.9"}) for line in ("2.5", "3.5")]
    found = run("sportybet", rows)
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.9}}
    assert missed(found) == {("18", "NO_MATCHING_OUTCOMES", None)}


def test_a_row_named_by_its_teams_is_laid_out_once_for_all_events() -> None:
    some = index(*CATALOGUE)
    for home in ("Basel", "Sion", "Thun"):
        row = sportybet(
            "818", "total=2.5", prices={f"{home}/draw & over 2.5": "9", "Draw/Draw & over 2.5": "5"}
        )
        assert run("sportybet", [row], home=home, away="Lugano", index=some).markets
    meaning = some.meaning("sportybet", "818", "total=2.5")
    assert isinstance(meaning, Market)
    roles = ("{home}/draw & over 2.5", "draw/draw & over 2.5")
    assert [labels for labels, _ in meaning.layouts] == [roles]


@pytest.mark.parametrize("home", ["Draw & Over", "Over 2.5", "Draw"])
def test_a_label_of_a_mapping_counts_before_the_name_of_a_team_in_it(home: str) -> None:
    row = sportybet("818", "total=2.5", prices={"draw/draw & over 2.5": "5"})
    expected = run("sportybet", [row], home="Sion", away="Lugano", index=index(*CATALOGUE))
    named = run("sportybet", [row], home=home, away="Lugano", index=index(*CATALOGUE))
    assert said(named) == said(expected)
    assert not named.misses


def test_a_row_that_names_a_team_and_an_unknown_outcome_is_not_laid_out() -> None:
    some = index(*CATALOGUE)
    row = sportybet(
        "818", "total=2.5", prices={"Sion/draw & over 2.5": "9", "Sion/Sion & sideways": "5"}
    )
    found = run("sportybet", [row], home="Sion", away="Lugano", index=some)
    assert [outcome for _, _, outcome in missed(found)] == ["Sion/Sion & sideways"]
    meaning = some.meaning("sportybet", "818", "total=2.5")
    assert isinstance(meaning, Market)
    assert not meaning.layouts
