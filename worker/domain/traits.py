"""What a canonical market means, as its mapping declares it: what may be relied on when prices are compared.

A label that is right is not enough. Outcomes make up one book only where they are exhaustive and exclusive,
and a residual ("any other score") is a different bet wherever other scores are listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from typing import Any, Final

from worker.domain.further_ids import Refuse
from worker.domain.meaning.vocabulary import TRAIT_LINES, VERDICTS, WORDS, TraitLine
from worker.domain.scope import FOOTBALL, is_sport

# A mapping's kinds of lines under the names that traits have for them.
LINE_NAMES: Final[dict[str, TraitLine]] = {
    "none": "none",
    "total": "total",
    "handicap": "handicap_2way",
    "european": "handicap_3way",
    "ordinal": "ordinal",
    "at_least": "at_least",
}
FIELDS: Final = ("family", "sport", *WORDS[1:], "line", *VERDICTS, "settlement", "residuals")
_WORD: Final = re.compile(r"[a-z0-9]+(?:[ _-][a-z0-9]+)*", re.ASCII)
_LONGEST_WORD: Final = 60
_LONGEST_SENTENCE: Final = 500
_MOST_RESIDUALS: Final = 16


@dataclass(frozen=True, slots=True)
class DeclaredTraits:
    """The traits of a canonical market.

    ``exhaustive``  every result wins an outcome or gives the stake back.
    ``exclusive``   no result wins two outcomes.
    ``push``        some result gives the stake back.
    ``settlement``  a sentence for people, where it says more than the rest.
    ``residuals``   for each outcome that is what the others leave over, the name of the list of others.

    A verdict is None where it is not known.
    """

    family: str
    period: str
    subject: str
    counts: str
    line: TraitLine
    sport: str = FOOTBALL
    exhaustive: bool | None = None
    exclusive: bool | None = None
    push: bool | None = None
    settlement: str | None = None
    residuals: MappingABC[str, str] = field(default_factory=dict)


def read_traits(raw: object, refuse: Refuse) -> DeclaredTraits | None:
    """Read the column; what is wrong is refused, and then there are none."""
    if raw is None:
        return None
    if not isinstance(raw, MappingABC):
        refuse("traits", raw, "must be an object or null")
        return None
    faults = list(_faults(raw))
    for name, value, reason in faults:
        refuse(f"traits.{name}", value, reason)
    if faults:
        return None
    return DeclaredTraits(**{name: raw[name] for name in FIELDS if raw.get(name) is not None})


def dump_traits(traits: DeclaredTraits | None) -> dict[str, Any] | None:
    """The JSON form that ``read_traits`` reads back; verdicts that are not known are null."""
    if traits is None:
        return None
    dumped: dict[str, Any] = {name: getattr(traits, name) for name in FIELDS}
    dumped["residuals"] = dict(sorted(traits.residuals.items()))
    return {
        name: value
        for name, value in dumped.items()
        if name in VERDICTS or (value is not None and value != {})
    }


def _faults(raw: MappingABC[Any, Any]) -> Iterator[tuple[str, object, str]]:
    for name in raw.keys() - set(FIELDS):
        yield str(name), raw[name], f"is not one of {', '.join(FIELDS)}"
    for name in WORDS:
        value = raw.get(name)
        if not isinstance(value, str) or len(value) > _LONGEST_WORD or not _WORD.fullmatch(value):
            yield name, value, f"must be lower case words of up to {_LONGEST_WORD} characters"
    if not is_sport(raw.get("sport", FOOTBALL)):
        yield "sport", raw["sport"], "must be lower case words with underscores"
    if raw.get("line") not in TRAIT_LINES:
        yield "line", raw.get("line"), f"is not one of {', '.join(TRAIT_LINES)}"
    for name in VERDICTS:
        if raw.get(name) is not None and not isinstance(raw[name], bool):
            yield name, raw[name], "must be true, false or null"
    settlement = raw.get("settlement")
    if settlement is not None and not _is_text(settlement, _LONGEST_SENTENCE):
        yield "settlement", settlement, f"must be a text of up to {_LONGEST_SENTENCE} characters"
    yield from _residual_faults(raw.get("residuals"))


def _residual_faults(raw: object) -> Iterator[tuple[str, object, str]]:
    if raw is None:
        return
    if not (
        isinstance(raw, MappingABC)
        and len(raw) <= _MOST_RESIDUALS
        and all(_is_text(text, 100) for pair in raw.items() for text in pair)
    ):
        reason = f"must be an object of up to {_MOST_RESIDUALS} outcomes to names of their lists"
        yield "residuals", raw, reason


def _is_text(value: object, longest: int) -> bool:
    return (
        isinstance(value, str)
        and bool(value.strip())
        and len(value) <= longest
        and value.isprintable()
    )
