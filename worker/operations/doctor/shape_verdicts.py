"""What to say of the form of a bookmaker's observations: now, and some time before. Pure."""

from __future__ import annotations

from typing import Final

from worker.domain.books.platforms import Platform
from worker.insight.drift.shapes import ShapeSample, judge_shapes, name_fields
from worker.operations.doctor.findings import Finding, fine, warning

_BEFORE: Final = "a day before"
_REMEDY: Final = "docs/runbook.md, MarketmapDrift"


def shape_findings(platform: Platform, now: ShapeSample, before: ShapeSample) -> list[Finding]:
    """``before`` has no observations if there are none older than those of ``now``."""
    if not now.records:
        return [fine("shapes", f"{platform}: no observations")]
    signs = judge_shapes(now, before, _BEFORE)
    if not signs:
        return [fine("shapes", f"{platform}: {_summary(now, before)}")]
    return [warning("shapes", f"{platform}: {sign.sentence}", _REMEDY) for sign in signs]


def _summary(now: ShapeSample, before: ShapeSample) -> str:
    said = [
        f"{now.observations} observations: {now.share(('resolved',)):.1%} of the markets resolved",
        f"{now.share(now.refusals):.1%} refused",
        f"{now.share(('NO_MATCHING_OUTCOMES',)):.1%} with an unknown label",
    ]
    if now.recalled_share is not None and before.observations:
        said.append(f"{now.recalled_share:.1%} of a form that was there a day before")
    if now.unread:
        said.append(f"fields that nobody reads, as before: {name_fields(now.unread)}")
    return ", ".join(said)
