"""What a market means, in the form: each trait a field, of the words that the model knows. Pure.

A word that a mapping has beside these is kept as a choice more. The sport is that of the scope, for which the
traits are said. What outcomes of which kind a residual stands for is free structure, which stays in YAML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from worker.console.forms import SentForm
from worker.domain.books.rows import abbreviate
from worker.domain.mapping import MappingFault
from worker.domain.meaning.catalogue import MarketMeaning
from worker.domain.meaning.market import Traits
from worker.domain.meaning.vocabulary import (
    TRAIT_LINES,
    VERDICTS,
    VOCABULARY,
    WORDS,
)
from worker.domain.scope import FOOTBALL

_TEXTS: Final = (*WORDS, "line", "settlement")
_OWN: Final = {"sport", *_TEXTS, *VERDICTS}
_TRUTHS: Final[Mapping[str, bool]] = {"yes": True, "no": False}
_NAMES: Final[Mapping[object, str]] = {True: "yes", False: "no", None: ""}


class TraitField(NamedTuple):
    """A trait that is chosen: its name, what can be chosen, and the words that are next to it."""

    name: str
    label: str
    choices: Sequence[str]


WORD_FIELDS: Final = (
    TraitField("family", "Family", VOCABULARY["family"]),
    TraitField("period", "Period", VOCABULARY["period"]),
    TraitField("subject", "About", VOCABULARY["subject"]),
    TraitField("counts", "Counts", VOCABULARY["counts"]),
    TraitField("line", "Kind of its line", TRAIT_LINES),
)
VERDICT_FIELDS: Final = (
    TraitField("exhaustive", "Some outcome always wins, or the stake comes back", tuple(_TRUTHS)),
    TraitField("exclusive", "Never do two outcomes win", tuple(_TRUTHS)),
    TraitField("push", "For some result the stake comes back", tuple(_TRUTHS)),
)


def shown_traits(raw: object) -> dict[str, str]:
    """The text in each field, of the JSON form of traits, finished or not."""
    traits = raw if isinstance(raw, dict) else {}
    texts = {name: "" if traits.get(name) is None else str(traits[name]) for name in _TEXTS}
    return texts | {name: _shown(traits.get(name)) for name in VERDICTS}


def rest_of_traits(raw: object) -> object:
    """What of traits has no field."""
    if isinstance(raw, dict):
        return {name: value for name, value in raw.items() if name not in _OWN}
    return raw


def read_traits(form: SentForm, sport: str, rest: object) -> object:
    """The JSON form of the traits that were sent; None where nothing is said, which the mapping checks.

    ``rest`` is what is in the YAML. Verdicts that were derived say nothing of their own.
    """
    if not isinstance(rest, dict | None):
        return rest
    said: dict[str, Any] = {name: text for name in _TEXTS if (text := form.get(f"trait_{name}"))}
    verdicts = {
        name: _TRUTHS.get(text, text) for name in VERDICTS if (text := form.get(f"trait_{name}"))
    }
    if not (said or rest or (verdicts and form.get("derived") != "yes")):
        return None
    if sport != FOOTBALL:
        said["sport"] = sport
    return said | verdicts | (rest or {})


def faults_in_rest(rest: object) -> list[MappingFault]:
    """The traits in the YAML that have fields: one word is said in one place."""
    return [
        MappingFault(
            f"More.traits.{name}", abbreviate(value), "has a field of its own on this page"
        )
        for name, value in (rest.items() if isinstance(rest, dict) else ())
        if name in _OWN
    ]


def derived_verdicts(
    meaning: MarketMeaning | None, outcomes: Sequence[str]
) -> dict[str, str] | None:
    """What follows from when each outcome wins; None where that is not known of these outcomes."""
    if meaning is None or meaning.predicates is None:
        return None
    if set(outcomes) - set(meaning.predicates.when):
        return None
    derived: Traits = meaning.traits
    return {name: _shown(value) for name, value in derived._asdict().items()}


def _shown(value: object) -> str:
    return _NAMES[value] if value is None or isinstance(value, bool) else str(value)
