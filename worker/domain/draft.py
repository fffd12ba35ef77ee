"""A mapping to begin with, made of what is known of a missed market. An editor finishes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from worker.domain.books.book import WRITTEN_AS
from worker.domain.books.lines import LineKind
from worker.domain.books.platforms import Platform
from worker.domain.books.registry import BOOKS, ID_COLUMNS, LABEL_COLUMNS
from worker.domain.labels import readings
from worker.domain.participants import PLAYER, is_number, read_name
from worker.domain.scope import FOOTBALL, Scope, parse_external_id

_LONGEST_ID: Final = 100
DraftValues = dict[str, Any]


def draft(
    platform: Platform, external_market_id: str, name: str | None, samples: Iterable[dict[str, Any]]
) -> DraftValues:
    """The JSON form of a mapping of one missed market.

    Names and outcome ids are taken from the labels, to be renamed; the line rule from the specifiers that
    were sampled: a key of a line gives the kind, any other is fixed at its value.
    """
    seen = list(samples)
    named = parse_external_id(external_market_id)
    market_id = named.market_id
    kind, fixed = _rule(platform, [sample.get("qualifier") for sample in seen])
    rule: DraftValues = {} if kind == "none" else {"kind": kind}
    labels = dict.fromkeys(_label(platform, sample["label"], kind) for sample in seen)
    scope = Scope(named.sport, named.phase or "both")
    prefix = "" if scope.sport == FOOTBALL else f"{scope.sport} "
    values: DraftValues = {
        "canonical_id": slug(prefix + (name or market_id)),
        "name": name or market_id,
        **dict.fromkeys(ID_COLUMNS.values()),
        "priority": 0,
        "line_rule": rule or None,
        "outcome_mapping": [_outcome(platform, place, label) for place, label in enumerate(labels)],
    }
    if scope.is_default:
        line_rule = (rule | ({"fixed": {platform: fixed}} if fixed else {})) or None
        return values | {ID_COLUMNS[platform]: market_id, "line_rule": line_rule}
    # Workers that know no scopes must not see the id.
    further: DraftValues = {"platform": platform, "id": market_id}
    further |= {"fixed": fixed} if fixed else {}
    return values | {"scope": scope._asdict(), "also": [further]}


def draft_of_players(
    platform: Platform, external_market_id: str, name: str | None, samples: Iterable[dict[str, Any]]
) -> DraftValues:
    """The JSON form of a mapping of one missed market that is sold for each player.

    Labels that may be names become one outcome, with a placeholder for the name, and the number after it is
    the line; all others are outcomes of their own. The id is a further one, as those of players are. A
    specifier that names the player is free, any other one is fixed.
    """
    seen = list(samples)
    labels = list(dict.fromkeys(" ".join(one["label"].split()) for one in seen))
    has_numbers = any(_named_with_number(label) for label in labels)
    named, outcome = (f"{PLAYER} N+", "over") if has_numbers else (PLAYER, "yes")
    first = _outcome(platform, 0, named) | {"canonical_id": outcome}
    others = [
        label for label in labels if not _named_with_number(label) and read_name(label) is None
    ]
    free: set[str] = set()
    fixed: dict[str, str] = {}
    for sample in seen:
        for key, value in BOOKS[platform].parse_qualifier(sample.get("qualifier")) or ():
            if BOOKS[platform].participant_in(((key, value),)) is not None:
                free.add(key)
            elif key != WRITTEN_AS:
                fixed[key] = value
    market_id = parse_external_id(external_market_id).market_id
    further: DraftValues = {"platform": platform, "id": market_id}
    if has_numbers:
        further["line"] = {"kind": "at_least", "from": "label"}
    if fixed:
        further["fixed"] = fixed
    if free:
        further["free"] = sorted(free)
    made = draft(platform, external_market_id, name, [])
    rest = [_outcome(platform, place, label) for place, label in enumerate(others, start=1)]
    return made | {
        **dict.fromkeys(ID_COLUMNS.values()),
        "line_rule": None,
        "participant": {"kind": "player"},
        "also": [further],
        "outcome_mapping": [first, *rest],
    }


def _named_with_number(label: str) -> bool:
    """Whether a label may be the name of a player, with a number after it."""
    name, _, number = label.rpartition(" ")
    return is_number(number) and read_name(name) is not None


def slug(text: str) -> str:
    """Lower case words with underscores between, as canonical ids are written."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_LONGEST_ID] or "unnamed"


def _rule(platform: Platform, qualifiers: Iterable[str | None]) -> tuple[LineKind, dict[str, str]]:
    kind: LineKind = "none"
    fixed: dict[str, str] = {}
    book = BOOKS[platform]
    for qualifier in qualifiers:
        for key, value in book.parse_qualifier(qualifier) or ():
            if key == WRITTEN_AS:
                continue
            if key == book.line_key("total"):
                kind = "total"
            elif key == book.line_key("handicap"):
                kind = "european" if ":" in value else "handicap"
            else:
                fixed[key] = value
    return kind, fixed


def _label(platform: Platform, label: str, kind: LineKind) -> str:
    """The mapping's label, which is without the line that the bookmaker may write into its own."""
    if not BOOKS[platform].shows_lines or kind == "none":
        return label
    words = readings(label, kind)[0].words
    return label[: len(words)] if label.lower().startswith(words) else words


def _outcome(platform: Platform, place: int, label: str) -> DraftValues:
    labels = dict.fromkeys(LABEL_COLUMNS.values()) | {LABEL_COLUMNS[platform]: label}
    return {"canonical_id": slug(label), **labels, "position": place}
