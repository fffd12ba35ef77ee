"""Words agree with the numbers before them."""

import re
from pathlib import Path

import pytest

import worker
from worker.cli.words import noun_of, number_of

ROOT = Path(worker.__file__).parent
PLURALS = (
    *("alarms", "bookmakers", "changes", "drafts", "dead letters", "events", "fields", "groups"),
    *(
        "labels",
        "letters",
        "mappings",
        "markets",
        "misses",
        "outcomes",
        "records",
        "times",
        "users",
    ),
)
# A number that can be 1, and a word that cannot agree with it.
_IN_A_TEMPLATE = re.compile(
    rf"(?:count|length|redrives) \}}\}}(?:</strong>)? (?:{'|'.join(PLURALS)})\b"
)


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 misses"), (1, "1 miss"), (2, "2 misses"), (1234, "1,234 misses")]
)
def test_a_noun_agrees_with_its_number(number: int, said: str) -> None:
    assert number_of(number, "miss", "misses") == said


def test_most_nouns_have_an_s() -> None:
    assert [noun_of(number, "market") for number in (0, 1, 2)] == ["markets", "market", "markets"]


# Numbers that are never 1 or are followed by a range: the size of a page, what is beyond a bound.
NEVER_ONE = {"queue_rows.html": 1, "event.html": 1, "mapping.html": 1}


@pytest.mark.parametrize(
    "template", sorted(ROOT.glob("console/templates/*.html")), ids=lambda path: path.name
)
def test_no_page_has_a_fixed_plural_after_a_number(template: Path) -> None:
    found = _IN_A_TEMPLATE.findall(template.read_text())
    assert len(found) <= NEVER_ONE.get(template.name, 0), found
