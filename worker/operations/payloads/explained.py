"""An explanation of one market as a tree for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from worker.cli.console import out, printable
from worker.cli.tables import folding
from worker.domain.books.rows import abbreviate
from worker.domain.explain import Candidate, ExplainedLabel, Explanation, RowExplained
from worker.domain.resolve import ParticipantDocument, PriceDocument

_STYLES = {
    "MATCHED": "green",
    "MARKET": "green",
    "USABLE": "green",
    "NO_PRICE": "yellow",
    "NOT_ASKED": "dim",
    "OTHER_MARKET": "yellow",
}


def show(line_number: int, envelope: dict[str, Any], explained: Explanation) -> None:
    """Print one tree: the rows of the market, how each was read, and the result."""
    event = envelope["event"]
    teams = f"{event.get('home') or '?'} - {event.get('away') or '?'}"
    title = f"line {line_number}: {explained.platform} {event['id']}, {teams}, market {explained.market_id}"
    tree = Tree(_text(title, "bold"))
    tree.add(_text(f"mapping version {explained.mapping_version}"))
    for row in explained.rows:
        _add_row(tree, row)
    _add_result(tree, explained)
    out.print(tree)


def _text(value: object, style: str = "") -> Text:
    return Text(printable(value), style=style)


def _add_row(tree: Tree, row: RowExplained) -> None:
    branch = tree.add(_text(_title(row.qualifier), "bold"))
    branch.add(_text(_specifiers(row.params)))
    branch.add(_text(row.meaning))
    if row.candidates:
        branch.add(_candidates(row.candidates))
    if row.labels:
        branch.add(_labels(row.labels))


def _title(qualifier: str | None) -> str:
    if qualifier is None:
        return "row without a qualifier"
    return f"row with qualifier {abbreviate(qualifier)}"


def _specifiers(params: Mapping[str, str] | None) -> str:
    if params is None:
        return "cannot be read"
    return f"read as {', '.join(f'{key}={value}' for key, value in params.items()) or 'no line'}"


def _candidates(candidates: tuple[Candidate, ...]) -> Table:
    table = Table("mapping", "id", "priority", "line rule", "verdict", "line")
    for one in candidates:
        rule = one.kind + "".join(f", {key}={value}" for key, value in one.fixed.items())
        verdict = one.verdict if one.detail is None else f"{one.verdict}: {one.detail}"
        table.add_row(
            _text(one.canonical_id),
            _text("-" if one.mapping_id is None else one.mapping_id),
            _text(one.priority),
            _text(rule),
            _text(verdict, _STYLES.get(one.verdict, "red")),
            _text(one.line or "-"),
        )
    return folding(table)


def _labels(labels: tuple[ExplainedLabel, ...]) -> Table:
    table = Table("label", "read as", "verdict", "outcome", "odds", "active")
    for one in labels:
        shown = one.label if one.shown_line is None else f"{one.label} [{one.shown_line}]"
        odds = one.odds if one.odds_verdict == "USABLE" else f"{one.raw_odds} {one.odds_verdict}"
        table.add_row(
            _text(shown),
            _text("; ".join(one.read_as)),
            _text(one.verdict, _STYLES.get(one.verdict, "red")),
            _text(_outcome(one)),
            _text(odds, _STYLES.get(one.odds_verdict, "red")),
            _text("yes" if one.active else "no"),
        )
    return folding(table)


def _outcome(one: ExplainedLabel) -> str:
    if not one.outcome:
        return "-"
    whose = "" if one.participant is None else f" of {_participant(one.participant)}"
    return f"{one.canonical_id} {one.outcome}{whose}"


def _participant(participant: ParticipantDocument) -> str:
    """A participant's key, and what else readers may join it by."""
    said = [participant.get("side"), participant.get("feed_id") or participant.get("id")]
    return ", ".join([participant["key"], *(each for each in said if each is not None)])


def _prices(outcomes: Iterable[PriceDocument]) -> str:
    return ", ".join(
        f"{price['outcome']} {price['odds'] if price['active'] else 'inactive'}"
        for price in outcomes
    )


def _at(line: str | None) -> str:
    return "" if line is None else f" at {line}"


def _add_result(tree: Tree, explained: Explanation) -> None:
    branch = tree.add(_text("result", "bold"))
    for market in explained.markets:
        prices, where = _prices(market["outcomes"]), _at(market["line"])
        branch.add(_text(f"resolved: {market['canonical_id']}{where}: {prices}", "green"))
    for found in explained.participant_markets:
        prices, where = _prices(found["outcomes"]), _at(found["line"])
        whose = f"{found['canonical_id']}{where} of {_participant(found['participant'])}"
        branch.add(_text(f"resolved: {whose}: {prices}", "green"))
    for miss in explained.misses:
        outcome = f": outcome {abbreviate(miss['outcome'])}" if "outcome" in miss else ""
        branch.add(
            _text(f"missed: {miss['external_market_id']} {miss['reason']}{outcome}", "yellow")
        )
    for entry in explained.rejected:
        line = "" if entry["line"] is None else f" at {entry['line']}"
        branch.add(_text(f"rejected: {entry['code']}{line}: {entry['detail']}", "red"))
