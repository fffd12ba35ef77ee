"""Dead letters as tables for people and as JSON for machines. No byte reaches a terminal unescaped."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any, Final

import orjson
from rich.table import Table
from rich.text import Text

from worker.cli.console import printable
from worker.cli.tables import Column, ListTable, decoded, for_display, text, time_of
from worker.operations.dead_letters.letters import LetterCounts, ListedLetter
from worker.operations.dead_letters.redrive_rules import CODES, RedriveReport
from worker.operations.dead_letters.topic_reader import Found

LINE_FIELDS: Final = (*ListedLetter._fields, "died_at")
BAR_FIELDS: Final = ("reason", "topic", "letters", "first", "last")
_BAR: Final = 24
_DETAIL: Final = 100
_LARGEST_PRETTY: Final = 256 * 1024


_LINE_COLUMNS: Final = (
    Column("letter", is_typed=True),
    Column("died (UTC)", least=10, left_out=1),
    Column("reason", is_typed=True),
    Column("from", is_typed=True),
    Column("bytes", left_out=3),
    Column("redriven", left_out=2),
    Column("detail", least=12),
)
_BAR_COLUMNS: Final = (
    Column("reason", is_typed=True),
    Column("from", is_typed=True),
    Column("letters", is_typed=True),
    Column("", left_out=1, least=_BAR),
    Column("first (UTC)", least=11),
    Column("last (UTC)", least=10),
)


def lines_list(lines: Iterable[ListedLetter]) -> ListTable:
    table = ListTable(_LINE_COLUMNS)
    for one in lines:
        source = f"{one.topic}/{one.partition} @{one.offset}"
        gone = ("yes" if one.redriven else "") + (
            f" (before: {one.redrives})" if one.redrives else ""
        )
        size = "none" if one.value_bytes is None else str(one.value_bytes)
        detail = (one.detail or "")[:_DETAIL]
        table.add(str(one.place), time_of(one.died_at_ms), one.reason, source, size, gone, detail)
    return table


def line_json(one: ListedLetter) -> dict[str, Any]:
    return one._asdict() | {"place": str(one.place), "died_at": time_of(one.died_at_ms)}


def bars_list(counted: LetterCounts) -> ListTable:
    """Return the number of letters of each kind, the largest first, with bars in proportion."""
    table = ListTable(_BAR_COLUMNS)
    longest = max((bar.letters for bar in counted.bars.values()), default=1)
    for (reason, topic), bar in sorted(counted.bars.items(), key=lambda entry: -entry[1].letters):
        drawn = "█" * max(1, round(_BAR * bar.letters / longest))
        first, last = time_of(bar.first_ms), time_of(bar.last_ms)
        table.add(reason, topic, str(bar.letters), drawn, first, last)
    return table


def bars_json(counted: LetterCounts) -> list[dict[str, Any]]:
    return [
        {
            "reason": reason,
            "topic": topic,
            "letters": bar.letters,
            "first": time_of(bar.first_ms),
            "last": time_of(bar.last_ms),
        }
        for (reason, topic), bar in counted.bars.items()
    ]


def letter_table(found: Found) -> Table:
    """Return all headers, ours and the record's own, and the mark of a redrive if there is one."""
    letter, record = found.letter, found.letter.record
    table = Table(
        show_header=False, box=None, title=f"Dead letter {letter.place}", title_justify="left"
    )
    table.add_row("died (UTC)", time_of(letter.died_at_ms))
    table.add_row("key", Text(for_display(record.key)))
    for name, value in record.headers:
        table.add_row(text(name), Text(for_display(value)))
    if found.mark is not None:
        mark = found.mark.redriven
        table.add_row(
            "redriven", Text(printable(f"{time_of(found.mark.at_ms)} by {mark.by}: {mark.reason}"))
        )
    return table


def letter_json(found: Found) -> dict[str, Any]:
    """Key and value in base64, whatever they are; headers as text."""
    letter, record = found.letter, found.letter.record
    return {
        "place": str(letter.place),
        "died_at": time_of(letter.died_at_ms),
        **letter.details.model_dump(),
        "redrives": letter.redrives,
        "redriven": None if found.mark is None else found.mark.redriven.model_dump(),
        "headers": [
            [name, None if value is None else decoded(value)] for name, value in record.headers
        ],
        "key_base64": _base64(record.key),
        "value_base64": _base64(record.value),
    }


def outcome_json(outcome: RedriveReport, *, dry_run: bool) -> dict[str, Any]:
    return {
        "redriven": outcome.redriven,
        "bytes": outcome.bytes,
        "redriven_already": outcome.already,
        "refused": dict(outcome.refused),
        "first_refused": [{"letter": str(place), "code": code} for place, code in outcome.refusals],
        "not_found": outcome.not_found,
        "dry_run": dry_run,
    }


def refusals(outcome: RedriveReport) -> list[str]:
    """Return a line for each code, with its sentence and the first letters that it concerns."""
    return [
        f"{times} refused, {code}: {CODES[code]} "
        f"({', '.join(str(place) for place, of in outcome.refusals if of == code)[:200]})"
        for code, times in outcome.refused.items()
    ]


def value_lines(value: bytes | None, most: int) -> list[str]:
    """Return up to ``most`` characters of a value: JSON is indented, control characters are escaped."""
    if value is None:
        return ["(no value)"]
    whole = "\n".join(map(printable, (_pretty(value) or decoded(value[: 4 * most])).split("\n")))
    cut = len(whole) > most or (len(value) > 4 * most and not whole.endswith("}"))
    details = [f"... ({len(value)} bytes in all; --save FILE writes them)"] if cut else []
    return [*whole[:most].split("\n"), *details]


def _pretty(value: bytes) -> str | None:
    if len(value) > _LARGEST_PRETTY:
        return None
    try:
        return json.dumps(orjson.loads(value), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
