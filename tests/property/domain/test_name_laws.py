"""Team names in labels: what replaces them in one go gives what searching for whole names gives."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.domain.labels import Teams, fold, name_roles

# Few pieces, so that names meet, run into each other and stand in longer words; marks and roles as text, too.
PIECES = [
    "a",
    "b",
    "ab",
    " ",
    "a b",
    "-",
    ".",
    "1",
    "_",
    "é",
    "ß",
    "²",
    "\x01",
    "\x02",
    "{home}",
    "/",
]
NAMES = (
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join).map(fold).filter(bool)
)


@st.composite
def labels_with_names(draw: st.DrawFn) -> tuple[str, Teams]:
    home, away = draw(NAMES), draw(NAMES)
    pieces = draw(st.lists(st.sampled_from([*PIECES, home, away]), max_size=8))
    return "".join(pieces), Teams(home, away)


def by_definition(label: str, names: Teams) -> str | None:
    longer_first = sorted(names, key=len, reverse=True)
    whole = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longer_first))})(?!\w)")
    folded = fold(label)
    named = whole.sub(lambda found: "{home}" if found[0] == names.home else "{away}", folded)
    return None if named == folded else named


@LAWS
@given(labels_with_names())
def test_names_become_roles_where_they_stand_as_whole_words(given_: tuple[str, Teams]) -> None:
    label, names = given_
    if names.home != names.away:
        assert name_roles(label, names) == by_definition(label, names)
