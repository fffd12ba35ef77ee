"""What a sample of a bookmaker's observations is like, and the signs that its form has changed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, get_args

from schemas import DeadReason
from worker.domain.books.shape import FieldLevel

SignKind = Literal["unreadable", "refused", "unknown_label", "resolved", "recalled", "fields"]

# A share of markets that is no sign of anything; the alert MarketmapDrift has the same numbers.
_HARMLESS: Final = 0.02
_HARMLESS_ALONE: Final = 0.05
_RISE: Final = 2
_FALL: Final = 0.9
_MOST_NAMED: Final = 5
_DEAD: Final = get_args(DeadReason)
_UNKNOWN: Final = ("NO_MATCHING_OUTCOMES",)
_RESOLVED: Final = ("resolved",)


@dataclass(slots=True)
class ShapeSample:
    """What some observations of a bookmaker show.

    ``markets`` counts by outcome: ``resolved``, and the reasons of the others. ``recalled`` are those of a
    form that was seen in observations before these; None where nothing recalls, or nothing came before.
    ``examples`` has by reason one market and where it is, ``mappings`` by canonical id the number of
    observations on which a market of it was resolved.
    """

    observations: int = 0
    unreadable: int = 0
    markets: Counter[str] = field(default_factory=Counter)
    recalled: int | None = None
    unread: set[tuple[FieldLevel, str]] = field(default_factory=set)
    examples: dict[str, str] = field(default_factory=dict)
    mappings: Counter[str] = field(default_factory=Counter)

    @property
    def records(self) -> int:
        return self.observations + self.unreadable

    def share(self, reasons: Collection[str]) -> float:
        """The share of markets that these outcomes have."""
        total = self.markets.total()
        return sum(self.markets[reason] for reason in reasons) / total if total else 0.0

    @property
    def recalled_share(self) -> float | None:
        total = self.markets.total()
        return self.recalled / total if self.recalled is not None and total else None

    @property
    def refusals(self) -> list[str]:
        """The codes of refused markets, the most frequent first."""
        return [code for code, _ in self.markets.most_common() if code.startswith("INVALID_")]


class ShapeSign(NamedTuple):
    """A sign that the form has changed. ``sentence`` has an example where there is one."""

    kind: SignKind
    sentence: str


def pooled(samples: Iterable[ShapeSample]) -> ShapeSample:
    """All of some samples as one, without examples and mappings.

    What recalls nothing has no part in what is recalled.
    """
    found = ShapeSample()
    recalled, of = 0, 0
    for one in samples:
        found.observations += one.observations
        found.unreadable += one.unreadable
        found.markets += one.markets
        found.unread |= one.unread
        if one.recalled is not None:
            recalled += one.recalled
            of += one.markets.total()
    if of:
        found.recalled = round(recalled / of * found.markets.total())
    return found


def judge_shapes(now: ShapeSample, before: ShapeSample, when: str) -> list[ShapeSign]:
    """The signs of a change from ``before``, which is of ``when``: some words for a sentence.

    Without observations before, only a large share is a sign.
    """
    return [*_signs(now, before, when)] if now.records else []


def _signs(now: ShapeSample, before: ShapeSample, when: str) -> Iterator[ShapeSign]:
    is_alone = not before.observations
    unreadable, was = _unreadable(now), _unreadable(before)
    if _has_risen(unreadable, None if is_alone and not before.unreadable else was):
        then = _then(was, when, is_alone=is_alone)
        example = _example(now, _DEAD)
        yield ShapeSign(
            "unreadable", f"{unreadable:.1%} of the records cannot be read{then}{example}"
        )
    refused, was = now.share(now.refusals), before.share(before.refusals)
    if _has_risen(refused, None if is_alone else was):
        then = _then(was, when, is_alone=is_alone) + _example(now, now.refusals[:1])
        yield ShapeSign("refused", f"{refused:.1%} of the markets are refused{then}")
    unknown, was = now.share(_UNKNOWN), before.share(_UNKNOWN)
    if _has_risen(unknown, None if is_alone else was):
        then = _then(was, when, is_alone=is_alone) + _example(now, _UNKNOWN)
        yield ShapeSign(
            "unknown_label", f"{unknown:.1%} of the markets have an unknown label{then}"
        )
    resolved, was = now.share(_RESOLVED), before.share(_RESOLVED)
    if not is_alone and resolved < _FALL * was:
        then = _then(was, when, is_alone=is_alone)
        yield ShapeSign("resolved", f"only {resolved:.1%} of the markets are resolved{then}")
    recalled, recalled_before = now.recalled_share, before.recalled_share
    if recalled is not None and recalled_before and recalled < _FALL * recalled_before:
        then = _then(recalled_before, when, is_alone=False)
        yield ShapeSign(
            "recalled", f"only {recalled:.1%} of the markets have a form that was seen before{then}"
        )
    new = now.unread - before.unread
    if new:
        yield ShapeSign("fields", f"fields that nobody reads: {name_fields(new)}")


def _has_risen(share: float, before: float | None) -> bool:
    if before is None:
        return share > _HARMLESS_ALONE
    return share > _HARMLESS + _RISE * before


def _unreadable(sample: ShapeSample) -> float:
    return sample.unreadable / sample.records if sample.records else 0.0


def _then(share: float, when: str, *, is_alone: bool) -> str:
    return "" if is_alone else f", {share:.1%} {when}"


def _example(sample: ShapeSample, reasons: Iterable[str]) -> str:
    found = [sample.examples[reason] for reason in reasons if reason in sample.examples]
    return f": {found[0]}" if found else ""


def name_fields(fields: Collection[tuple[FieldLevel, str]]) -> str:
    named = [f"{name} ({level})" for level, name in sorted(fields)]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more
