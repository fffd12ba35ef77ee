"""Further ids of a canonical market: what a bookmaker sells under more ids than the one in its column.

A mapping has one column for each bookmaker's id, which every worker reads. What one id cannot say is in
``also``: a second id of the same bookmaker, an id in play, one id for each line, an id whose line is read in
another way. Older workers ignore it, so a mapping that they would misuse keeps all of its ids here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from worker.domain.books.lines import (
    LINE_KINDS,
    LineKind,
    parse_at_least,
    parse_european,
    parse_line,
    parse_ordinal,
)
from worker.domain.books.platforms import PLATFORMS, Platform, is_platform
from worker.domain.books.registry import BOOKS
from worker.domain.line_rule import IN_LABELS, SCORE_SUM, LineRule
from worker.domain.scope import PHASES, Phase

Grade = Literal["A", "B", "C"]

MOST_FURTHER_IDS: Final = 32
MOST_LABELS: Final = 64
# Stands in an id of an outcome for the number that its label has, in two digits.
NUMBER_IN_ID: Final = "{nn}"
_GRADES: Final[tuple[Grade, ...]] = get_args(Grade)
_LONGEST_ID: Final = 50
_LONGEST_TEXT: Final = 255
_LONGEST_OUTCOME: Final = 100
_MOST_SPECIFIERS: Final = 50
_KNOWN: Final = (
    "platform",
    "id",
    "active",
    "grade",
    "phase",
    "line",
    "fixed",
    "free",
    "labels",
    "outcome_ids",
)
_KNOWN_OF_LINE: Final = ("kind", "from", "constant")

# Reports a fault: the field, the value found there, the reason.
Refuse = Callable[[str, object, str], None]
Texts = MappingABC[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class FurtherId:
    """One more id of a bookmaker for a canonical market.

    ``line``     how the line is read here; None as in the column of the same bookmaker.
    ``labels``   the labels of each outcome here; none are those that the outcomes have on this bookmaker.
    ``outcome_ids``  the bookmaker's ids of each outcome; ``{nn}`` in an id is the number that its label has.
    ``grade``    how sure it is that this id means this market: A by odds, B by rules or identities, C by its
                 label only. A further id of grade C ships switched off.
    """

    platform: Platform
    id: str
    active: bool = True
    grade: Grade | None = None
    phase: Phase = "both"
    line: LineRule | None = None
    fixed: MappingABC[str, str] = field(default_factory=dict)
    free: frozenset[str] = frozenset()
    labels: Texts = field(default_factory=dict)
    outcome_ids: Texts = field(default_factory=dict)

    def rule(self, kind: LineKind) -> LineRule:
        """The line rule of this id in a mapping of this kind."""
        line = LineRule(kind) if self.line is None else self.line
        fixed = {self.platform: self.fixed} if self.fixed else {}
        return LineRule(line.kind, fixed, self.free, line.source, line.constant)

    @property
    def name(self) -> str:
        """What it is called in a diff and an edit."""
        return f"{self.platform}.{self.id}"


def ids_with_lines(outcome_id: str) -> Iterator[tuple[str, str | None]]:
    """Every id that one with a number stands for, and its line; only itself when it has none."""
    if NUMBER_IN_ID not in outcome_id:
        yield outcome_id, None
        return
    for number in range(1, 100):
        yield outcome_id.replace(NUMBER_IN_ID, f"{number:02}"), parse_at_least(f"{number}+")


def read_further_ids(raw: object, refuse: Refuse) -> tuple[FurtherId, ...]:
    """Read the column; what is wrong is refused, and left out."""
    if raw is None:
        return ()
    if not isinstance(raw, list) or len(raw) > MOST_FURTHER_IDS:
        refuse("also", raw, f"must be a list of up to {MOST_FURTHER_IDS} further ids")
        return ()
    found = (_Entry(f"also[{place}]", entry, refuse).read() for place, entry in enumerate(raw))
    return tuple(entry for entry in found if entry is not None)


def dump_further_ids(ids: tuple[FurtherId, ...]) -> list[dict[str, Any]] | None:
    """The JSON form that ``read_further_ids`` reads back; None for none, the column's NULL."""
    return [_dump(one) for one in ids] or None


def _dump(one: FurtherId) -> dict[str, Any]:
    optional: dict[str, Any] = {
        "grade": one.grade,
        "phase": None if one.phase == "both" else one.phase,
        "line": None if one.line is None else _dump_line(one.line),
        "fixed": dict(sorted(one.fixed.items())) or None,
        "free": sorted(one.free) or None,
        "labels": {name: list(one.labels[name]) for name in sorted(one.labels)} or None,
        "outcome_ids": {name: list(one.outcome_ids[name]) for name in sorted(one.outcome_ids)}
        or None,
    }
    said = {name: value for name, value in optional.items() if value is not None}
    return {"platform": one.platform, "id": one.id, "active": one.active, **said}


def _dump_line(line: LineRule) -> dict[str, str]:
    parts = {"kind": line.kind, "from": line.source, "constant": line.constant}
    return {name: value for name, value in parts.items() if value is not None}


def parse_constant(kind: LineKind, text: str) -> str | None:
    """A constant line in canonical form; None when it is no line of this kind."""
    match kind:
        case "none":
            return None
        case "total" | "handicap":
            return parse_line(text)
        case "european":
            return parse_european(text)
        case "ordinal":
            return parse_ordinal(text)
        case "at_least":
            return _at_least(text)


def _at_least(text: str) -> str | None:
    """``3+`` and 3 are over 2.5, which is how the line is written again."""
    line = parse_line(text)
    is_written = line is not None and line.endswith(".5") and not line.startswith("-")
    return line if is_written else parse_at_least(text)


class _Entry:
    """Reads one entry of the column."""

    def __init__(self, where: str, raw: object, refuse: Refuse) -> None:
        self._where = where
        self._raw: MappingABC[str, Any] = raw if isinstance(raw, MappingABC) else {}
        self._refuse_at = refuse
        self._faults = 0
        if not isinstance(raw, MappingABC):
            self._refuse("", raw, "must be an object")

    def _refuse(self, name: str, value: object, reason: str) -> None:
        self._faults += 1
        self._refuse_at(f"{self._where}.{name}" if name else self._where, value, reason)

    def read(self) -> FurtherId | None:
        if not self._is_usable():
            return None
        for name in self._raw.keys() - set(_KNOWN):
            self._refuse(str(name), self._raw[name], f"is not one of {', '.join(_KNOWN)}")
        platform, market_id = self._raw.get("platform"), self._raw.get("id")
        if not is_platform(platform):
            self._refuse("platform", platform, f"is not one of {', '.join(PLATFORMS)}")
            return None
        if not _is_text(market_id, _LONGEST_ID):
            self._refuse("id", market_id, f"must be a text of up to {_LONGEST_ID} characters")
        labels, outcome_ids = self._texts("labels"), self._texts("outcome_ids")
        found = FurtherId(
            platform,
            str(market_id),
            active=self._flag("active"),
            grade=self._choice("grade", _GRADES),
            phase=self._choice("phase", PHASES) or "both",
            line=self._line(platform),
            fixed=self._fixed(),
            free=self._free(),
            labels=labels,
            outcome_ids=outcome_ids,
        )
        self._check_keys(found)
        return found if self._is_usable() else None

    def _is_usable(self) -> bool:
        return self._faults == 0

    def _check_keys(self, found: FurtherId) -> None:
        key = None if found.line is None else found.line.key_on(BOOKS[found.platform])
        if key is not None and (key in found.fixed or key in found.free):
            self._refuse("line", key, "the same key is fixed or free")

    def _flag(self, name: str) -> bool:
        value = self._raw.get(name, True)
        if not isinstance(value, bool):
            self._refuse(name, value, "must be true or false")
        return value is True

    def _choice(self, name: str, known: tuple[Any, ...]) -> Any:
        value = self._raw.get(name)
        if value is not None and value not in known:
            self._refuse(name, value, f"is not one of {', '.join(known)}")
            return None
        return value

    def _line(self, platform: Platform) -> LineRule | None:
        raw = self._raw.get("line")
        if raw is None:
            return None
        if not isinstance(raw, MappingABC):
            self._refuse("line", raw, "must be an object")
            return None
        for name in raw.keys() - set(_KNOWN_OF_LINE):
            self._refuse(f"line.{name}", raw[name], f"is not one of {', '.join(_KNOWN_OF_LINE)}")
        kind, source, constant = raw.get("kind", "none"), raw.get("from"), raw.get("constant")
        if kind not in LINE_KINDS:
            self._refuse("line.kind", kind, f"is not one of {', '.join(LINE_KINDS)}")
            return None
        if constant is not None:
            return self._constant(kind, source, constant)
        return self._read_from(platform, kind, source)

    def _constant(self, kind: LineKind, source: object, constant: object) -> LineRule | None:
        line = parse_constant(kind, constant) if isinstance(constant, str) else None
        if line is None:
            self._refuse("line.constant", constant, f"is not a text with a line of kind {kind}")
        if source is not None:
            self._refuse("line.from", source, "says nothing when the line is constant")
        return LineRule(kind, constant=line)

    def _read_from(self, platform: Platform, kind: LineKind, source: object) -> LineRule | None:
        if source is not None and not _is_text(source, _LONGEST_TEXT):
            self._refuse("line.from", source, "must be a key of the qualifier")
            return None
        wrong = _why_no_source(platform, kind, None if source is None else str(source))
        if wrong is not None:
            self._refuse("line.from", source, wrong)
            return None
        return LineRule(kind, source=None if source is None else str(source))

    def _fixed(self) -> dict[str, str]:
        raw = self._raw.get("fixed")
        if raw is None:
            return {}
        if (
            isinstance(raw, MappingABC)
            and len(raw) <= _MOST_SPECIFIERS
            and all(_is_text(text, _LONGEST_TEXT) for pair in raw.items() for text in pair)
        ):
            return dict(raw)
        self._refuse(
            "fixed", raw, f"must be an object of up to {_MOST_SPECIFIERS} specifier keys and values"
        )
        return {}

    def _free(self) -> frozenset[str]:
        raw = self._raw.get("free")
        if raw is None:
            return frozenset()
        if (
            isinstance(raw, list)
            and len(raw) <= _MOST_SPECIFIERS
            and all(_is_text(key, _LONGEST_TEXT) for key in raw)
        ):
            return frozenset(raw)
        self._refuse("free", raw, f"must be a list of up to {_MOST_SPECIFIERS} specifier keys")
        return frozenset()

    def _texts(self, name: str) -> dict[str, tuple[str, ...]]:
        """Texts by outcome; a list of several, each once."""
        raw = self._raw.get(name)
        if raw is None:
            return {}
        if not isinstance(raw, MappingABC):
            self._refuse(name, raw, "must be an object of outcome to a list of texts")
            return {}
        texts: dict[str, tuple[str, ...]] = {}
        for outcome, values in raw.items():
            if not (
                isinstance(values, list)
                and values
                and _is_text(outcome, _LONGEST_OUTCOME)
                and all(_is_text(one, _LONGEST_TEXT) for one in values)
            ):
                self._refuse(f"{name}.{outcome}", values, "must be a list of texts")
                continue
            texts[outcome] = tuple(values)
        if sum(map(len, texts.values())) > MOST_LABELS:
            self._refuse(name, raw, f"holds more than {MOST_LABELS} texts")
        return texts


def _why_no_source(platform: Platform, kind: LineKind, source: str | None) -> str | None:
    """Why the line of this kind cannot be read from there; None when it can."""
    if kind == "none":
        return None if source is None else "says nothing of a market without a line"
    if source == SCORE_SUM:
        return None if kind == "ordinal" else f"{SCORE_SUM} gives the number of a goal: an ordinal"
    if source == IN_LABELS:
        if kind != "at_least":
            return "a line of its own in each label is of the kind at_least"
        return None if BOOKS[platform].folds_labels else f"{platform}'s labels are read exactly"
    if source is None and BOOKS[platform].line_key(kind) is None:
        return f"is needed: the key of the qualifier that gives the line of kind {kind}"
    return None


def _is_text(value: object, longest: int) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= longest
        and value.isprintable()
        and bool(value.strip())
    )
