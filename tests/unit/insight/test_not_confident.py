"""Every reason for which a suggestion is not confident has a code, words, and a row in the documents."""

from pathlib import Path
from typing import get_args

from worker.insight.not_confident import WORDS, NotConfident, in_words, known_codes


def test_every_code_has_words_and_is_documented() -> None:
    codes = get_args(NotConfident)
    assert tuple(WORDS) == codes
    document = Path("docs/evidence.md").read_text(encoding="utf-8")
    assert [one for one in codes if f"| `{one}` |" not in document] == []


def test_what_is_stored_is_read_as_far_as_it_is_known() -> None:
    assert known_codes(["ANOTHER_IS_NEAR", "OF_LATER", "TOO_FEW_EVENTS"]) == (
        "TOO_FEW_EVENTS",
        "ANOTHER_IS_NEAR",
    )
    assert known_codes(None) == known_codes({}) == ()
    assert in_words(()) == ""
