"""All labels of a missed market on the watched events, with the names of one match told apart."""

from worker.domain.index import MappingIndex
from worker.domain.labels import teams
from worker.insight.boards import Board, Sold
from worker.insight.seen_labels import seen_labels


def board(event: str, *labels: str, home: str = "Reds", away: str = "Blues") -> Board:
    row = Sold("830101", None, "Next Scorer", dict.fromkeys(labels, 2.0), 0)
    return Board(event, "sportybet", teams(home, away), (row,))


def labels_of(*boards: Board) -> tuple[list[str], list[str]]:
    found = seen_labels(boards, "sportybet", "830101", MappingIndex([]))
    return [one.label for one in found.labels], [one.label for one in found.names]


def test_more_labels_are_known_than_a_sample_holds() -> None:
    scores = [f"{home}:{away}" for home in range(5) for away in range(5)]
    known, _ = labels_of(board("one", *scores[:20]), board("two", *scores[10:]))
    assert known == sorted(scores)


def test_team_names_are_placeholders() -> None:
    known, names = labels_of(
        board("one", "Reds", "Blues or Draw"), board("two", "Gold", home="Gold", away="Silver")
    )
    assert known == ["{away} or draw", "{home}"]
    assert names == []


def test_words_that_one_of_several_events_has_are_names() -> None:
    boards = [board(event, "No Goal", f"J. Smith{event}", "6:5") for event in ("one", "two")]
    boards.append(board("three", "No Goal", "6:6"))
    known, names = labels_of(*boards)
    assert known == ["6:5", "6:6", "No Goal"]
    assert names == ["J. Smithone", "J. Smithtwo"]


def test_of_another_market_or_bookmaker_nothing_is_seen() -> None:
    found = seen_labels([board("one", "Yes")], "betpawa", "830101", MappingIndex([]))
    assert (found.labels, found.events) == ([], 0)
    found = seen_labels([board("one", "Yes")], "sportybet", "1", MappingIndex([]))
    assert (found.labels, found.events) == ([], 0)
