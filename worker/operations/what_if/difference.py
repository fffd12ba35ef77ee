"""What differs between two ResolvedEvents of one observation, market by market. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final, Literal, NamedTuple

ChangeKind = Literal["resolved", "lost", "moved", "reassigned", "outcomes"]
CHANGE_KINDS: Final[dict[ChangeKind, str]] = {
    "resolved": "newly resolved",
    "lost": "no longer resolved",
    "moved": "resolved as another market or line",
    "reassigned": "prices at other outcomes",
    "outcomes": "outcomes added or gone",
}

ResolvedDocument = Mapping[str, Any]
_Prices = dict[str, Any]


class CanonicalKey(NamedTuple):
    """A canonical market at one line, of one participant where it is about one; empty strings for none."""

    canonical_id: str
    line: str
    participant: str


class MarketChange(NamedTuple):
    """One market of a bookmaker on one event that is resolved otherwise; None on the side without it."""

    kind: ChangeKind
    external_market_id: str
    before: CanonicalKey | None
    after: CanonicalKey | None
    prices_before: Mapping[str, Any]
    prices_after: Mapping[str, Any]


class MissedLabel(NamedTuple):
    """What is missed: a market, or one label of a mapped market."""

    external_market_id: str
    reason: str
    label: str | None


class EventDifference(NamedTuple):
    """All that differs. A document that is None is a dead letter.

    ``is_cut``: a message lists a limited number of misses and refusals, and counts the others. Where more is
    left out on one side than on the other, the lists do not show all of the difference.
    """

    markets: list[MarketChange]
    missed: Counter[MissedLabel]
    no_longer_missed: Counter[MissedLabel]
    refused: Counter[str]
    no_longer_refused: Counter[str]
    is_cut: bool


def difference(before: ResolvedDocument | None, after: ResolvedDocument | None) -> EventDifference:
    """The difference of two messages."""
    old, new = before or {}, after or {}
    missed_before, missed_after = _missed(old), _missed(new)
    refused_before, refused_after = _refused(old), _refused(new)
    return EventDifference(
        list(_markets(_by_external_id(old), _by_external_id(new))),
        missed_after - missed_before,
        missed_before - missed_after,
        refused_after - refused_before,
        refused_before - refused_after,
        is_cut=old.get("omitted") != new.get("omitted"),
    )


def label_misses(document: ResolvedDocument | None) -> Iterator[MissedLabel]:
    """The labels of mapped markets that no mapping knows."""
    for missed in _missed(document or {}):
        if missed.reason == "NO_MATCHING_OUTCOMES":
            yield missed


_ByExternalId = dict[str, dict[CanonicalKey, tuple[_Prices, bool]]]


def _by_external_id(document: ResolvedDocument) -> _ByExternalId:
    found: defaultdict[str, dict[CanonicalKey, tuple[_Prices, bool]]] = defaultdict(dict)
    for entry in (*document.get("markets", ()), *document.get("participant_markets", ())):
        participant = entry.get("participant")
        who = "" if participant is None else participant.get("feed_id") or participant["key"]
        key = CanonicalKey(entry["canonical_id"], entry["line"] or "", who)
        prices = {
            one["outcome"]: one["odds"] if one["active"] else None for one in entry["outcomes"]
        }
        found[entry["external_market_id"]][key] = prices, entry.get("complete") is not False
    return found


def _markets(before: _ByExternalId, after: _ByExternalId) -> Iterator[MarketChange]:
    for external_id in sorted(before.keys() | after.keys()):
        old, new = before.get(external_id, {}), after.get(external_id, {})
        for key in sorted(old.keys() & new.keys()):
            kind = _same_market(old[key], new[key])
            if kind is not None:
                yield MarketChange(kind, external_id, key, key, old[key][0], new[key][0])
        # What the id gave before and what it gives now, in the order of their lines.
        lost = sorted(old.keys() - new.keys(), key=_by_line)
        gained = sorted(new.keys() - old.keys(), key=_by_line)
        for was, becomes in zip_longest(lost, gained):
            kind = "resolved" if was is None else "lost" if becomes is None else "moved"
            prices_before = {} if was is None else old[was][0]
            prices_after = {} if becomes is None else new[becomes][0]
            yield MarketChange(kind, external_id, was, becomes, prices_before, prices_after)


def _by_line(key: CanonicalKey) -> tuple[float, str, str]:
    return (float(key.line) if key.line else 0.0, key.participant, key.canonical_id)


def _same_market(old: tuple[_Prices, bool], new: tuple[_Prices, bool]) -> ChangeKind | None:
    before, after = old[0], new[0]
    if any(before[outcome] != after[outcome] for outcome in before.keys() & after.keys()):
        return "reassigned"
    return None if old == new else "outcomes"


def _missed(document: ResolvedDocument) -> Counter[MissedLabel]:
    return Counter(
        MissedLabel(one["external_market_id"], one["reason"], one.get("outcome"))
        for one in document.get("misses", ())
    )


def _refused(document: ResolvedDocument) -> Counter[str]:
    return Counter(
        f"{one['external_market_id']} {one['code']}" for one in document.get("rejected", ())
    )
