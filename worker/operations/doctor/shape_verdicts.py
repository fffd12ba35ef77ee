"""What to say of the form of a bookmaker's observations: now, and some time before. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from worker.domain.books.platforms import Platform
from worker.domain.books.shape import FieldLevel
from worker.operations.doctor.findings import Finding, fine, warning

# A share of markets that is no sign of anything; the alert MarketmapDrift has the same numbers.
_HARMLESS: Final = 0.02
_HARMLESS_ALONE: Final = 0.05
_RISE: Final = 2
_FALL: Final = 0.9
_MOST_NAMED: Final = 5
_REMEDY: Final = "docs/runbook.md, MarketmapDrift"


@dataclass(slots=True)
class ShapeSample:
    """What some observations of a bookmaker show.

    ``markets`` counts by outcome: ``resolved``, and the reasons of the others. ``recalled`` are those of a
    form that was seen in observations before these; None where nothing recalls. ``examples`` has by reason
    one market and where it is.
    """

    observations: int = 0
    unreadable: int = 0
    markets: Counter[str] = field(default_factory=Counter)
    recalled: int | None = None
    unread: set[tuple[FieldLevel, str]] = field(default_factory=set)
    examples: dict[str, str] = field(default_factory=dict)

    def share(self, reasons: Collection[str]) -> float:
        """The share of markets that these outcomes have."""
        total = self.markets.total()
        return sum(self.markets[reason] for reason in reasons) / total if total else 0.0

    @property
    def refusals(self) -> list[str]:
        """The codes of refused markets, the most frequent first."""
        return [code for code, _ in self.markets.most_common() if code.startswith("INVALID_")]


def judge_shapes(platform: Platform, now: ShapeSample, before: ShapeSample) -> list[Finding]:
    """``before`` has no observations if there are none older than those of ``now``."""
    if not now.observations and not now.unreadable:
        return [fine("shapes", f"{platform}: no observations")]
    signs = [*_signs(now, before)]
    if not signs:
        return [fine("shapes", f"{platform}: {_summary(now, before)}")]
    return [warning("shapes", f"{platform}: {sign}", _REMEDY) for sign in signs]


def _signs(now: ShapeSample, before: ShapeSample) -> Iterator[str]:
    is_alone = not before.observations
    unreadable, was = _unreadable(now), _unreadable(before)
    if _has_risen(unreadable, None if is_alone and not before.unreadable else was):
        yield f"{unreadable:.1%} of the records cannot be read{_then(was, before)}"
    refused, was = now.share(now.refusals), before.share(before.refusals)
    if _has_risen(refused, None if is_alone else was):
        example = _example(now, now.refusals[0])
        yield f"{refused:.1%} of the markets are refused{_then(was, before)}{example}"
    labels = ("NO_MATCHING_OUTCOMES",)
    unknown, was = now.share(labels), before.share(labels)
    if _has_risen(unknown, None if is_alone else was):
        example = _example(now, labels[0])
        yield f"{unknown:.1%} of the markets have an unknown label{_then(was, before)}{example}"
    resolved, was = now.share(("resolved",)), before.share(("resolved",))
    if not is_alone and resolved < _FALL * was:
        yield f"only {resolved:.1%} of the markets are resolved{_then(was, before)}"
    new = now.unread - before.unread
    if new:
        yield f"fields that nobody reads: {_named(new)}"


def _has_risen(share: float, before: float | None) -> bool:
    if before is None:
        return share > _HARMLESS_ALONE
    return share > _HARMLESS + _RISE * before


def _unreadable(sample: ShapeSample) -> float:
    records = sample.observations + sample.unreadable
    return sample.unreadable / records if records else 0.0


def _then(share: float, before: ShapeSample) -> str:
    return f", {share:.1%} a day before" if before.observations else ""


def _example(sample: ShapeSample, reason: str) -> str:
    return f": {sample.examples[reason]}" if reason in sample.examples else ""


def _named(fields: Collection[tuple[FieldLevel, str]]) -> str:
    named = [f"{name} ({level})" for level, name in sorted(fields)]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more


def _summary(now: ShapeSample, before: ShapeSample) -> str:
    said = [
        f"{now.observations} observations: {now.share(('resolved',)):.1%} of the markets resolved",
        f"{now.share(now.refusals):.1%} refused",
        f"{now.share(('NO_MATCHING_OUTCOMES',)):.1%} with an unknown label",
    ]
    if now.recalled is not None and before.observations and now.markets:
        share = now.recalled / now.markets.total()
        said.append(f"{share:.1%} of a form that was there a day before")
    if now.unread:
        said.append(f"fields that nobody reads, as before: {_named(now.unread)}")
    return ", ".join(said)
