"""Findings as the rows that are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from worker.insight.agreed_proofs import AgreedProof
from worker.insight.alarms import Alarm
from worker.insight.suggestions import Suggestion
from worker.insight.watching.comparisons import EvidenceRow
from worker.insight.watching.judgement import MappedMarket, SampleRow

FindingRow = dict[str, Any]


def evidence_rows(found: Iterable[EvidenceRow], versions: Mapping[str, int]) -> list[FindingRow]:
    """Rows of `mapping_evidence`; a mapping without a version was changed by nobody, and has none."""
    rows = []
    for one in found:
        row = one._asdict() | {"version": versions.get(one.canonical_id, 0)}
        del row["mean"]
        rows.append(row)
    return rows


def suggestion_rows(found: Iterable[Suggestion], versions: Mapping[str, int]) -> list[FindingRow]:
    """Rows of `suggestion`."""
    return [
        {
            "rank": one.rank,
            "canonical_id": one.candidate.canonical_id,
            "version": versions.get(one.candidate.canonical_id, 0),
            "line_kind": one.candidate.line_kind,
            "outcomes": dict(one.candidate.outcomes),
            "unmatched": list(one.candidate.unmatched),
            "evidence": {
                **{kind: cost._asdict() for kind, cost in one.candidate.by_kind.items()},
                "not_confident": list(one.not_confident),
            },
            "events": one.candidate.events,
            "likeness": min(max(one.candidate.likeness, 0.0), 1.0),
            "confidence": min(max(one.confidence, 0.0), 1.0),
            "is_confident": one.is_confident,
            "reason": one.reason,
        }
        for one in found
    ]


def alarm_row(key: MappedMarket, found: Alarm, versions: Mapping[str, int]) -> FindingRow:
    """A row of `alarm`."""
    canonical_id, platform = key
    return {
        "canonical_id": canonical_id,
        "platform": platform,
        "version": versions.get(canonical_id, 0),
        "kind": found.kind,
        "present": found.present,
        "better": found.better,
        "events": found.events,
        "canonical_id_instead": found.canonical_id_instead,
        "outcomes_instead": dict(found.outcomes_instead),
        "reason": found.reason,
    }


def proof_row(key: MappedMarket, found: AgreedProof, versions: Mapping[str, int]) -> FindingRow:
    """A row of `alarm`, of kind `proof`."""
    canonical_id, platform = key
    return {
        "canonical_id": canonical_id,
        "platform": platform,
        "version": versions.get(canonical_id, 0),
        "events": len(found.events),
        "reason": found.reason,
    }


def sample_rows(found: Iterable[SampleRow]) -> list[FindingRow]:
    """Rows of `evidence_sample`."""
    return [one._asdict() for one in found]
