"""Evidence, suggestions, alarms and examples as tables for people and as JSON for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from worker.cli.tables import Column, ListTable, lines, signed, text, when
from worker.domain.bounded_json import objects_in
from worker.insight.graded import GradedEvidence
from worker.insight.not_confident import NotConfident, in_words, known_codes
from worker.operations.evidence.families import family_of
from worker.storage.insight.alarms import StoredAlarm
from worker.storage.insight.evidence import StoredEvidence, StoredSample, StoredSuggestion

_MOST_PRICES: Final = 12  # of an example, in a table
_MOST_LABELS: Final = 4


_EVIDENCE_COLUMNS: Final = (
    Column("mapping", is_typed=True),
    Column("platform", is_typed=True),
    Column("grade", least=8),
    Column("against", least=7),
    Column("events", left_out=1),
    Column("prices", left_out=4),
    Column("median", least=6),
    Column("p90", left_out=2),
    Column("last verified (UTC)", least=19, left_out=3),
    Column("version", left_out=5),
)


def evidence_list(rows: Iterable[GradedEvidence]) -> ListTable:
    """Each comparison has a row of its own."""
    table = ListTable(_EVIDENCE_COLUMNS)
    for graded in rows:
        for place, one in enumerate(graded.comparisons):
            head = (graded.canonical_id, graded.platform, graded.grade)
            table.add(
                *(head if place == 0 else [None] * len(head)),
                one.against,
                str(one.events),
                str(one.comparisons),
                f"{one.median:.2f}",
                f"{one.p90:.2f}",
                None if one.last_verified_at is None else when(one.last_verified_at),
                str(one.version),
            )
    return table


EVIDENCE_FIELDS: Final = ("grade", *StoredEvidence._fields)


def evidence_json(graded: GradedEvidence) -> list[dict[str, Any]]:
    """One object for each comparison."""
    return [{"grade": graded.grade, **with_utc(one._asdict())} for one in graded.comparisons]


def worst_table(rows: Iterable[GradedEvidence]) -> Table:
    """The largest distance of each comparison."""
    table = Table(
        "platform",
        "against",
        "event",
        "line",
        "outcome",
        "chance",
        "reference",
        "distance",
        box=None,
    )
    for graded in rows:
        for one in graded.comparisons:
            worst = one.worst if isinstance(one.worst, dict) else {}
            names = ("event", "line", "outcome", "chance", "reference", "size")
            table.add_row(
                text(one.platform), text(one.against), *(text(worst.get(name)) for name in names)
            )
    return table


_SUGGESTION_COLUMNS: Final = (
    Column("platform", is_typed=True),
    Column("market", is_typed=True),
    Column("name", least=12),
    Column("is", is_typed=True),
    Column("confidence", least=10),
    Column("", least=9),
    Column("events", left_out=1),
    Column("family", left_out=3),
    Column("evidence", least=20, left_out=2),
)


def suggestions_list(rows: Iterable[StoredSuggestion]) -> ListTable:
    """Each with the number of the listed markets that are of its family."""
    rows = list(rows)
    sizes = Counter(map(family_of, rows))
    table = ListTable(_SUGGESTION_COLUMNS)
    for row in rows:
        table.add(
            row.source,
            row.external_market_id,
            row.market_name,
            row.canonical_id,
            f"{row.confidence:.2f}",
            "confident" if row.is_confident else "",
            str(row.events),
            str(sizes[family_of(row)]),
            _reason(row),
        )
    return table


def _reason(row: StoredSuggestion) -> str:
    """The evidence in words, and why it does not make it confident."""
    why = in_words(not_confident(row))
    return f"{row.reason}; not confident: {why}" if why else row.reason


def suggestion_table(rows: Iterable[StoredSuggestion]) -> Table:
    """The suggestions for one market, by rank, each with its labels."""
    table = Table("rank", "is", "confidence", "labels", "evidence", box=None)
    for row in rows:
        sure = " confident" if row.is_confident else ""
        table.add_row(
            str(row.rank),
            text(row.canonical_id),
            f"{row.confidence:.2f}{sure}",
            text(_labels(row)),
            text(_reason(row)),
        )
    return table


def _labels(row: StoredSuggestion) -> str:
    outcomes = row.outcomes if isinstance(row.outcomes, dict) else {}
    pairs = [f"{label} = {outcome}" for label, outcome in outcomes.items()]
    more = f" and {len(pairs) - _MOST_LABELS} more" if len(pairs) > _MOST_LABELS else ""
    return ", ".join(pairs[:_MOST_LABELS]) + more


SUGGESTION_FIELDS: Final = (*StoredSuggestion._fields, "not_confident", "family")


def not_confident(row: StoredSuggestion) -> tuple[NotConfident, ...]:
    """Why a suggestion is not confident; empty if it is, or if it was made before this was kept."""
    return known_codes(
        row.evidence.get("not_confident") if isinstance(row.evidence, dict) else None
    )


def suggestion_json(row: StoredSuggestion) -> dict[str, Any]:
    """The suggestion with ``evidence`` by kind alone."""
    evidence = row.evidence
    if isinstance(evidence, dict):
        evidence = {kind: cost for kind, cost in evidence.items() if kind != "not_confident"}
    return with_utc(row._asdict()) | {
        "evidence": evidence,
        "not_confident": list(not_confident(row)),
        "family": family_of(row),
    }


def examples_table(rows: Iterable[StoredSample]) -> Table:
    """Recent events: what the bookmaker sells there, and what others ask for what it may be."""
    table = Table("event", "kick-off (UTC)", "sold here", "sold by others", box=None)
    for row in rows:
        teams = " - ".join(filter(None, (row.home, row.away))) or row.event
        table.add_row(
            text(teams),
            Text("") if row.starts_at is None else when(row.starts_at),
            lines(_prices(row.prices, ("qualifier", "label"))),
            lines(_prices(row.others, ("platform", "canonical_id", "line", "outcome"))),
        )
    return table


def _prices(listed: Any, names: Sequence[str]) -> list[str]:
    found = objects_in(listed)
    shown = [
        f"{' '.join(str(one[name]) for name in names if one.get(name))} {one.get('odds')}"
        for one in found[:_MOST_PRICES]
    ]
    more = [f"and {len(found) - _MOST_PRICES} more"] if len(found) > _MOST_PRICES else []
    return [*shown, *more]


def example_json(row: StoredSample) -> dict[str, Any]:
    return with_utc(row._asdict())


_ALARM_COLUMNS: Final = (
    Column("alarm", is_typed=True),
    Column("platform", is_typed=True),
    Column("mapping", is_typed=True),
    Column("what", least=10),
    Column("instead", least=12, left_out=1),
    Column("events", left_out=3),
    Column("status", least=12),
    Column("raised (UTC)", least=19, left_out=2),
)


def alarms_list(rows: Iterable[StoredAlarm]) -> ListTable:
    table = ListTable(_ALARM_COLUMNS)
    for row in rows:
        table.add(
            str(row.id),
            row.platform,
            row.about,
            row.reason,
            row.canonical_id_instead or "",
            str(row.events),
            row.status,
            when(row.raised_at),
        )
    return table


def alarm_table(row: StoredAlarm) -> Table:
    """All of one alarm."""
    table = Table(show_header=False, box=None, title_justify="left")
    table.title = text(f"{row.platform} {row.about}")
    table.add_row("what", text(row.reason))
    if row.first_hour is None or row.last_hour is None:
        instead = () if row.kind == "proof" else ("canonical_id_instead",)
        _add_fields(table, row, ("kind", "version", "events", *instead, "status"))
        outcomes = row.outcomes_instead if isinstance(row.outcomes_instead, dict) else {}
        labels = lines(f"{label} = {outcome}" for label, outcome in outcomes.items())
        if instead:
            table.add_row("labels instead", labels)
    else:
        _add_fields(table, row, ("kind", "events", "status"))
        table.add_row("first hour", when(row.first_hour))
        table.add_row("last hour", when(row.last_hour))
    table.add_row("raised", when(row.raised_at))
    if row.status_changed_at is not None:
        who = signed(row.status_actor, row.status_login)
        table.add_row("status by", Text.assemble(text(who), " at ", when(row.status_changed_at)))
        table.add_row("because", text(row.status_reason))
    return table


def _add_fields(table: Table, row: StoredAlarm, names: Iterable[str]) -> None:
    for name in names:
        table.add_row(name.replace("_", " "), text(getattr(row, name)))


def alarm_json(row: StoredAlarm) -> dict[str, Any]:
    return with_utc(row._asdict())


def with_utc(values: dict[str, Any]) -> dict[str, Any]:
    """With times in ISO 8601, UTC."""
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }
