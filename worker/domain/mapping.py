"""A mapping: one canonical market, what each platform calls it, and how its line is read."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field, replace
from itertools import chain
from operator import attrgetter
from typing import Any, Final, NamedTuple

from worker.domain.books.lines import COLUMN_KINDS, LineKind, parse_line
from worker.domain.books.platforms import PLATFORMS, Platform, is_platform
from worker.domain.books.registry import (
    BOOKS,
    ID_COLUMNS,
    LABEL_COLUMNS,
    OUTCOME_ID_COLUMNS,
)
from worker.domain.books.rows import abbreviate
from worker.domain.bounded_json import LARGEST_INTEGER, LEAST_INTEGER
from worker.domain.further_ids import (
    NUMBER_IN_ID,
    FurtherId,
    dump_further_ids,
    ids_with_lines,
    read_further_ids,
)
from worker.domain.line_rule import IN_LABELS, LineRule
from worker.domain.participants import (
    ANY_NUMBER,
    PARTICIPANT_KINDS,
    PLAYER,
    ParticipantKind,
    holds_player,
    is_label_of_player,
)
from worker.domain.scope import (
    DEFAULT_SCOPE,
    LONGEST_SPORT,
    PHASES,
    Phase,
    Scope,
    are_together,
    is_sport,
)
from worker.domain.traits import LINE_NAMES, DeclaredTraits, dump_traits, read_traits

CANONICAL_ID_RULE: Final = "must be lower case letters and digits, words joined by one underscore"
_CANONICAL_ID: Final = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*", re.ASCII)
SIDES: Final = frozenset({"home", "draw", "away"})
# The fields of a mapping's JSON form, which are the table's columns of the same names.
FIELDS: Final = (
    "canonical_id",
    "name",
    *ID_COLUMNS.values(),
    "priority",
    "line_rule",
    "outcome_mapping",
    "scope",
    "also",
    "traits",
    "participant",
)
# Of these the JSON form has only those that are not null: a mapping that says nothing of them keeps its form.
OPTIONAL_FIELDS: Final = ("scope", "also", "traits", "participant")
_LONGEST_LABEL: Final = 255
_LONGEST_ID: Final = 50
_LONGEST_OUTCOME_ID: Final = 100
_LONGEST_CANONICAL_ID: Final = 100
_MOST_OUTCOMES: Final = 200
_MOST_OUTCOME_IDS: Final = 32
_MOST_SPECIFIERS: Final = 50
# The column of the priority; its table id may be widened, and outcomes are JSON.
_PRIORITIES: Final = range(-(2**31), 2**31)
_INTEGERS: Final = range(LEAST_INTEGER, LARGEST_INTEGER + 1)


class MappingFault(NamedTuple):
    """One thing that is wrong with a mapping: where, what was found (bounded), and why it is refused."""

    field: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field} = {self.value}: {self.reason}"


class MappingError(ValueError):
    """A mapping that cannot be used. ``faults`` names every field that is wrong, not only the first."""

    def __init__(self, faults: list[MappingFault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class OutcomeLabels:
    """One outcome and its label on each platform; a label is None where the platform does not sell it.

    Next to a label there may be the platform's own ids of the outcome, which are the same in every event and
    every language.
    """

    canonical_id: str
    betpawa_name: str | None = None
    sportybet_desc: str | None = None
    bet9ja_suffix: str | None = None
    position: int = 0
    betpawa_type_ids: tuple[str, ...] = ()
    sportybet_outcome_ids: tuple[str, ...] = ()

    def on(self, platform: Platform) -> str | None:
        label: str | None = getattr(self, LABEL_COLUMNS[platform])
        return label

    def ids_on(self, platform: Platform) -> tuple[str, ...]:
        column = OUTCOME_ID_COLUMNS.get(platform)
        ids: tuple[str, ...] = () if column is None else getattr(self, column)
        return ids

    @property
    def side(self) -> str:
        """home, draw or away for the outcomes of a handicap, by the canonical id's first word."""
        return self.canonical_id.partition("_")[0]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A usable mapping. ``id`` is the table's, None for one that is not stored yet."""

    canonical_id: str
    name: str
    outcomes: tuple[OutcomeLabels, ...]
    betpawa_id: str | None = None
    sportybet_id: str | None = None
    bet9ja_key: str | None = None
    priority: int = 0
    line_rule: LineRule = field(default_factory=LineRule)
    scope: Scope = DEFAULT_SCOPE
    also: tuple[FurtherId, ...] = ()
    traits: DeclaredTraits | None = None
    participant: ParticipantKind | None = None
    id: int | None = None

    @property
    def further_outcomes(self) -> tuple[str, ...]:
        """Outcomes that only further ids have: a residual that covers other scores, for example."""
        if not self.also:  # nearly all mappings, when a million of them are loaded
            return ()
        known = {outcome.canonical_id for outcome in self.outcomes}
        named = (name for one in self.also for name in sorted({*one.labels, *one.outcome_ids}))
        return tuple(dict.fromkeys(name for name in named if name not in known))

    def id_on(self, platform: Platform) -> str | None:
        market_id: str | None = getattr(self, ID_COLUMNS[platform])
        return market_id


class MarketClaim(NamedTuple):
    """What a mapping claims of one bookmaker: a market's id, when, how the line is read, and the labels.

    ``rule`` says of this id how its line is read; ``labels`` has the outcome of each label, as it is written,
    ``outcome_ids`` that of each of the bookmaker's own ids of outcomes. ``order`` has the place of each
    outcome in the mapping. ``number`` is the claim's place among those of its mapping to this id, and
    ``told_apart_by`` the fixed specifiers that tell them apart.
    """

    platform: Platform
    market_id: str
    scope: Scope
    rule: LineRule
    labels: tuple[tuple[str, OutcomeLabels], ...]
    outcome_ids: tuple[tuple[str, OutcomeLabels], ...]
    order: MappingABC[str, int]
    number: int = 0
    told_apart_by: frozenset[str] = frozenset()


def claims_of(mapping: Mapping) -> list[MarketClaim]:
    """Everything that a mapping claims: what its index entries, conflicts and covered misses follow from.

    Their outcomes and places are found once for all of them, so that the time is that of reading the mapping.
    """
    further = _further_places(mapping)
    names = [*(outcome.canonical_id for outcome in mapping.outcomes), *further]
    order = {name: place for place, name in enumerate(names)}
    claims = []
    for platform in PLATFORMS:
        market_id = mapping.id_on(platform)
        if market_id is not None:
            label_of = attrgetter(LABEL_COLUMNS[platform])
            labels = tuple(
                [(label_of(one), one) for one in mapping.outcomes if label_of(one) is not None]
            )
            ids = [
                (each, outcome) for outcome in mapping.outcomes for each in outcome.ids_on(platform)
            ]
            rule = mapping.line_rule
            claims.append(
                MarketClaim(platform, market_id, mapping.scope, rule, labels, tuple(ids), order)
            )
    claims += [_further_claim(mapping, one, further, order) for one in mapping.also if one.active]
    return _told_apart(mapping, claims) if mapping.also else claims


def _further_places(mapping: Mapping) -> dict[str, int]:
    """The outcomes that only further ids have, each with its place among them."""
    return {name: place for place, name in enumerate(mapping.further_outcomes)}


def _further_claim(
    mapping: Mapping,
    one: FurtherId,
    further: MappingABC[str, int],
    order: MappingABC[str, int],
) -> MarketClaim:
    phase = mapping.scope.phase if one.phase == "both" else one.phase
    ids = [
        (each, outcome)
        for outcome in mapping.outcomes
        for each in one.outcome_ids.get(outcome.canonical_id, ())
    ]
    ids += [
        (each, OutcomeLabels(name))
        for name in _in_order(one.outcome_ids, further)
        for each in one.outcome_ids[name]
    ]
    return MarketClaim(
        one.platform,
        one.id,
        Scope(mapping.scope.sport, phase),
        one.rule(mapping.line_rule.kind),
        tuple(_further_labels(mapping, one, further)),
        tuple(ids),
        order,
    )


def _told_apart(mapping: Mapping, claims: Sequence[MarketClaim]) -> list[MarketClaim]:
    """The claims, those to an id in ``also`` with what tells them apart from others to the same id."""
    ids = {(one.platform, one.id) for one in mapping.also}
    fixed: dict[tuple[Platform, str], list[dict[str, str]]] = defaultdict(list)
    for claim in claims:
        fixed[claim.platform, claim.market_id].append(dict(claim.rule.fixed_on(claim.platform)))
    keys = {place: frozenset(chain.from_iterable(each)) for place, each in fixed.items()}

    def apart(claim: MarketClaim) -> MarketClaim:
        place = claim.platform, claim.market_id
        number = fixed[place].index(dict(claim.rule.fixed_on(claim.platform)))
        return claim._replace(number=number, told_apart_by=keys[place])

    return [apart(one) if (one.platform, one.market_id) in ids else one for one in claims]


def _in_order(names: Iterable[str], further: MappingABC[str, int]) -> list[str]:
    """Those of the names that only further ids have, in the mapping's order."""
    return sorted([name for name in names if name in further], key=further.__getitem__)


def _further_labels(
    mapping: Mapping, one: FurtherId, further: MappingABC[str, int]
) -> Iterator[tuple[str, OutcomeLabels]]:
    for outcome in mapping.outcomes:
        own = outcome.on(one.platform)
        labels = one.labels.get(outcome.canonical_id, ()) if one.labels else (own,)
        for label in labels:
            if label is not None:
                yield label, outcome
    for name in _in_order(one.labels, further):
        for label in one.labels[name]:
            yield label, OutcomeLabels(name)


def is_canonical_id(text: str) -> bool:
    """Whether a new mapping may have this canonical id."""
    return len(text) <= _LONGEST_CANONICAL_ID and _CANONICAL_ID.fullmatch(text) is not None


def parse_mapping(raw: MappingABC[str, Any]) -> Mapping:
    """Read a mapping from its table row or its JSON form.

    ``raw`` holds the columns of user_market_mappings; ``outcome_mapping`` and ``line_rule`` are parsed JSON.
    Unknown keys are ignored. Raises MappingError with every fault found.
    """
    reader = _Reader(raw)
    mapping = Mapping(
        id=reader.integer("id", default=None, within=_INTEGERS),
        canonical_id=reader.text("canonical_id", longest=100, required=True) or "",
        name=reader.text("name", longest=255, required=True) or "",
        **{column: reader.text(column, longest=_LONGEST_ID) for column in ID_COLUMNS.values()},
        priority=reader.integer("priority", default=0, within=_PRIORITIES) or 0,
        outcomes=reader.outcomes(),
        line_rule=reader.line_rule(),
        scope=reader.scope(),
        also=read_further_ids(reader.raw.get("also"), reader.refuse),
        traits=read_traits(reader.raw.get("traits"), reader.refuse),
        participant=reader.participant(),
    )
    faults = reader.faults or _contradictions(mapping)
    if faults:
        raise MappingError(faults)
    return mapping


def dump_mapping(mapping: Mapping) -> dict[str, Any]:
    """The JSON form that parse_mapping reads back to an equal mapping (the table's id left out)."""
    dumped = {
        "canonical_id": mapping.canonical_id,
        "name": mapping.name,
        **{column: mapping.id_on(platform) for platform, column in ID_COLUMNS.items()},
        "priority": mapping.priority,
        "line_rule": dump_line_rule(mapping.line_rule),
        "outcome_mapping": [
            {
                "canonical_id": outcome.canonical_id,
                **{column: outcome.on(platform) for platform, column in LABEL_COLUMNS.items()},
                "position": outcome.position,
                **_dump_outcome_ids(outcome),
            }
            for outcome in mapping.outcomes
        ],
    }
    return dumped | _dump_optional(mapping)


def _dump_optional(mapping: Mapping) -> dict[str, Any]:
    scope = None if mapping.scope.is_default else mapping.scope._asdict()
    optional = {
        "scope": scope,
        "also": dump_further_ids(mapping.also),
        "traits": dump_traits(mapping.traits),
        "participant": None if mapping.participant is None else {"kind": mapping.participant},
    }
    return {name: value for name, value in optional.items() if value is not None}


def _dump_outcome_ids(outcome: OutcomeLabels) -> dict[str, list[str]]:
    """Only what is there: an outcome without ids is written as it always was."""
    return {
        column: list(ids)
        for platform, column in OUTCOME_ID_COLUMNS.items()
        if (ids := outcome.ids_on(platform))
    }


def dump_line_rule(rule: LineRule) -> dict[str, Any] | None:
    """None for a market without a line and without specifiers: the column's NULL."""
    dumped: dict[str, Any] = {}
    if rule.kind != "none":
        dumped["kind"] = rule.kind
    if rule.fixed:
        # Sorted, because JSONB keeps no order: the same rule is always the same text.
        dumped["fixed"] = {
            p: dict(sorted(rule.fixed[p].items())) for p in PLATFORMS if p in rule.fixed
        }
    if rule.free:
        dumped["free"] = sorted(rule.free)
    return dumped or None


class _Reader:
    """Reads typed fields out of an untrusted mapping and collects what is wrong."""

    def __init__(self, raw: MappingABC[str, Any]) -> None:
        self.raw = raw
        self.faults: list[MappingFault] = []

    def refuse(self, name: str, value: object, reason: str) -> None:
        self.faults.append(MappingFault(name, _shown(value), reason))

    def text(self, name: str, *, longest: int, required: bool = False) -> str | None:
        return self.label(name, self.raw.get(name), longest=longest, required=required)

    def label(
        self, name: str, value: object, *, longest: int, required: bool = False
    ) -> str | None:
        if value is None and not required:
            return None
        if not isinstance(value, str) or not value.strip():
            self.refuse(name, value, "must be a text that is not blank")
        elif len(value) > longest:
            self.refuse(name, value, f"is longer than {longest} characters")
        elif not value.isprintable():
            self.refuse(name, value, "holds a control character")
        else:
            return value
        return None

    def integer(self, name: str, *, default: int | None, within: range) -> int | None:
        value = self.raw.get(name, default)
        if value is None:
            return None
        return default if self._is_no_integer(name, value, within) else int(value)

    def _is_no_integer(self, name: str, value: object, within: range) -> bool:
        if type(value) is not int:
            self.refuse(name, value, "must be a whole number")
        elif value not in within:
            self.refuse(name, value, f"must be from {within[0]} to {within[-1]}")
        else:
            return False
        return True

    def outcomes(self) -> tuple[OutcomeLabels, ...]:
        rows = self.raw.get("outcome_mapping")
        if not isinstance(rows, list) or not rows or len(rows) > _MOST_OUTCOMES:
            self.refuse(
                "outcome_mapping", rows, f"must be a list of 1 to {_MOST_OUTCOMES} outcomes"
            )
            return ()
        return tuple(self._outcome(index, row) for index, row in enumerate(rows))

    def _outcome(self, index: int, row: object) -> OutcomeLabels:
        where = f"outcome_mapping[{index}]"
        if not isinstance(row, MappingABC):
            self.refuse(where, row, "must be an object")
            return OutcomeLabels("")
        said: dict[str, Any] = {
            column: self.label(f"{where}.{column}", row.get(column), longest=_LONGEST_LABEL)
            for column in LABEL_COLUMNS.values()
        }
        for platform, column in OUTCOME_ID_COLUMNS.items():
            said[column] = self._outcome_ids(where, row, platform)
        if all(row.get(column) is None for column in LABEL_COLUMNS.values()):
            self.refuse(where, row.get("canonical_id"), "has no label on any platform")
        position = row.get("position", index)
        if self._is_no_integer(f"{where}.position", position, _INTEGERS):
            position = index
        name = self.label(
            f"{where}.canonical_id", row.get("canonical_id"), longest=100, required=True
        )
        return OutcomeLabels(name or "", position=position, **said)

    def _outcome_ids(
        self, where: str, row: MappingABC[str, Any], platform: Platform
    ) -> tuple[str, ...]:
        column = OUTCOME_ID_COLUMNS[platform]
        ids = row.get(column)
        if ids is None:
            return ()
        if not (isinstance(ids, list) and len(ids) <= _MOST_OUTCOME_IDS and all(map(_is_id, ids))):
            self.refuse(
                f"{where}.{column}",
                ids,
                f"must be a list of up to {_MOST_OUTCOME_IDS} ids, each a text that is not blank"
                f" of up to {_LONGEST_OUTCOME_ID} characters",
            )
            return ()
        if ids and row.get(LABEL_COLUMNS[platform]) is None:
            self.refuse(f"{where}.{column}", ids, f"needs a {LABEL_COLUMNS[platform]} next to it")
        return tuple(ids)

    def line_rule(self) -> LineRule:
        raw = self.raw.get("line_rule")
        if raw is None:
            return LineRule()
        if not isinstance(raw, MappingABC):
            self.refuse("line_rule", raw, "must be an object or null")
            return LineRule()
        for name in raw.keys() - {"kind", "fixed", "free"}:
            self.refuse(f"line_rule.{name}", raw[name], "is not one of kind, fixed, free")
        kind = raw.get("kind", "none")
        if kind not in COLUMN_KINDS:
            self.refuse("line_rule.kind", kind, f"is not one of {', '.join(COLUMN_KINDS)}")
            kind = "none"
        return LineRule(
            kind, self._fixed(raw.get("fixed") or {}), self._free(raw.get("free") or [])
        )

    def scope(self) -> Scope:
        raw = self.raw.get("scope")
        if raw is None:
            return DEFAULT_SCOPE
        if not isinstance(raw, MappingABC):
            self.refuse("scope", raw, "must be an object or null")
            return DEFAULT_SCOPE
        for name in raw.keys() - {"sport", "phase"}:
            self.refuse(f"scope.{name}", raw[name], "is not one of sport, phase")
        sport = raw.get("sport", DEFAULT_SCOPE.sport)
        if not is_sport(sport):
            reason = f"must be lower case words with underscores, up to {LONGEST_SPORT} characters"
            self.refuse("scope.sport", sport, reason)
            sport = DEFAULT_SCOPE.sport
        return Scope(sport, self._phase("scope.phase", raw.get("phase", "both")))

    def participant(self) -> ParticipantKind | None:
        raw = self.raw.get("participant")
        if raw is None:
            return None
        if not isinstance(raw, MappingABC):
            self.refuse("participant", raw, "must be an object or null")
            return None
        for name in raw.keys() - {"kind"}:
            self.refuse(f"participant.{name}", raw[name], "is not kind, the only field")
        kind = next((known for known in PARTICIPANT_KINDS if known == raw.get("kind")), None)
        if kind is None:
            reason = f"is not one of {', '.join(PARTICIPANT_KINDS)}"
            self.refuse("participant.kind", raw.get("kind"), reason)
        return kind

    def _phase(self, where: str, value: object) -> Phase:
        phase = next((known for known in PHASES if known == value), None)
        if phase is None:
            self.refuse(where, value, f"is not one of {', '.join(PHASES)}")
        return phase or "both"

    def _fixed(self, raw: object) -> dict[Platform, dict[str, str]]:
        fixed: dict[Platform, dict[str, str]] = {}
        if not isinstance(raw, MappingABC):
            self.refuse("line_rule.fixed", raw, "must be an object of platform to specifier values")
            return fixed
        for platform, values in raw.items():
            where = f"line_rule.fixed.{platform}"
            if not is_platform(platform):
                self.refuse(where, values, f"is not one of {', '.join(PLATFORMS)}")
            elif not _is_text_object(values):
                self.refuse(
                    where,
                    values,
                    "must be an object of specifier key to value, both texts"
                    f" of up to {_LONGEST_LABEL} characters, and up to {_MOST_SPECIFIERS} of them",
                )
            else:
                fixed[platform] = dict(values)
        return fixed

    def _free(self, raw: object) -> frozenset[str]:
        if isinstance(raw, list) and len(raw) <= _MOST_SPECIFIERS and all(map(_is_text, raw)):
            return frozenset(raw)
        self.refuse(
            "line_rule.free", raw, f"must be a list of up to {_MOST_SPECIFIERS} specifier keys"
        )
        return frozenset()


def _is_text_object(value: object) -> bool:
    return (
        isinstance(value, MappingABC)
        and 0 < len(value) <= _MOST_SPECIFIERS
        and all(_is_text(text) for pair in value.items() for text in pair)
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_LABEL and value.isprintable()


def _is_id(value: object) -> bool:
    return _is_text(value) and len(str(value)) <= _LONGEST_OUTCOME_ID and bool(str(value).strip())


def _shown(value: object) -> str:
    """A bounded form of a value. Python refuses to print some integers; those are described."""
    if type(value) is int and value not in _INTEGERS:
        return "an integer of more than 64 bits"
    return abbreviate(value)


def _contradictions(mapping: Mapping) -> list[MappingFault]:
    """What is wrong between fields that are each well formed."""
    faults = _repeated(mapping) + _exposed(mapping) + _further_faults(mapping)
    faults += _trait_faults(mapping) + _participant_faults(mapping)
    names = [*(outcome.canonical_id for outcome in mapping.outcomes), *mapping.further_outcomes]
    if _families(mapping) & {"handicap", "european"}:
        faults += [
            MappingFault(
                "outcome_mapping", name, "a handicap outcome starts with home, draw or away"
            )
            for name in names
            if OutcomeLabels(name).side not in SIDES
        ]
    faults += [
        MappingFault(f"line_rule.fixed.{platform}.{key}", value, "the same key gives the line")
        for platform in PLATFORMS
        for key, value in mapping.line_rule.fixed_on(platform).items()
        if key == BOOKS[platform].line_key(mapping.line_rule.kind) and parse_line(value) is not None
    ]
    return faults


def _trait_faults(mapping: Mapping) -> list[MappingFault]:
    """What the traits say that the rest of the mapping does not."""
    traits = mapping.traits
    if traits is None:
        return []
    faults = []
    if traits.sport != mapping.scope.sport:
        reason = f"the mapping is for {mapping.scope.sport}"
        faults.append(MappingFault("traits.sport", traits.sport, reason))
    kinds = {one.rule(mapping.line_rule.kind).kind for one in mapping.also}
    kinds.add(mapping.line_rule.kind)
    if traits.line not in {LINE_NAMES[kind] for kind in kinds}:
        reason = "no id of the mapping has such a line"
        faults.append(MappingFault("traits.line", traits.line, reason))
    if traits.residuals:
        # Ids that are switched off count as well: switching one on must not join two bets.
        every = replace(mapping, also=tuple(replace(one, active=True) for one in mapping.also))
        listed = [
            (claim, frozenset(outcome.canonical_id for _, outcome in claim.labels))
            for claim in claims_of(every)
        ]
        for outcome in sorted(traits.residuals):
            faults += _grid_faults(listed, outcome)
    return faults


def _grid_faults(
    sold: Sequence[tuple[MarketClaim, frozenset[str]]], residual: str
) -> list[MappingFault]:
    """Whether all ids that sell a residual list the same other outcomes: else it is another bet on each.

    ``sold`` has the outcomes that each id lists.
    """
    where = f"traits.residuals.{residual}"
    lists: dict[frozenset[str], list[str]] = {}
    for claim, listed in sold:
        if residual in listed:
            others = frozenset(listed - {residual})
            lists.setdefault(others, []).append(f"{claim.platform} {claim.market_id}")
    if not lists:
        return [MappingFault(where, residual, "no id has this outcome")]
    if len(lists) == 1:
        return []
    shown = "; ".join(f"{', '.join(ids)} of {len(others)}" for others, ids in lists.items())
    reason = (
        "it is another bet where other outcomes are listed; give each list an outcome of its own"
    )
    return [MappingFault(where, shown, reason)]


def _exposed(mapping: Mapping) -> list[MappingFault]:
    """Ids in columns that a worker reads which knows no scopes and no participants.

    It would use them in any sport and phase, and for any player.
    """
    if mapping.participant is not None:
        reason = "must be empty in a mapping with a participant; its ids are in also"
    elif not mapping.scope.is_default:
        reason = f"must be empty in the scope {' '.join(mapping.scope)}"
    else:
        return []
    return [
        MappingFault(column, abbreviate(mapping.id_on(platform)), reason)
        for platform, column in ID_COLUMNS.items()
        if mapping.id_on(platform) is not None
    ]


def _participant_faults(mapping: Mapping) -> list[MappingFault]:
    """What is wrong with the labels that name players."""
    if mapping.participant is None:
        return _faults_without_participant(mapping)
    if not mapping.also:
        reason = "a mapping with a participant needs an id there"
        return [MappingFault("also", "none", reason)]
    faults = []
    further = _further_places(mapping)
    for place, one in enumerate(mapping.also):
        where = f"also[{place}]"
        if BOOKS[one.platform].participant_ids is None:
            reason = "no players can be read of this bookmaker"
            faults.append(MappingFault(f"{where}.platform", one.platform, reason))
            continue
        faults += _faults_of_players(mapping, one, where, further)
    return faults


def _faults_of_players(
    mapping: Mapping, one: FurtherId, where: str, further: MappingABC[str, int]
) -> list[MappingFault]:
    found = [pair for pair in _further_labels(mapping, one, further) if holds_player(pair[0])]
    labels = [label for label, _ in found]
    outcomes = {outcome.canonical_id for _, outcome in found}
    ids = [
        *one.outcome_ids,
        *(each.canonical_id for each in mapping.outcomes if _has_ids(each, one)),
    ]
    faults = []
    if not labels:
        reason = f"one has {PLAYER} where the bookmaker writes the name"
        faults.append(MappingFault(f"{where}.labels", "none", reason))
    for label in labels:
        if not is_label_of_player(label):
            reason = f"{PLAYER} is there once, as a word, with one number at most"
            faults.append(MappingFault(f"{where}.labels", abbreviate(label), reason))
        elif ANY_NUMBER in label.casefold().split() and not _has_line_in_labels(mapping, one):
            reason = "N+ is there only if the line comes from the label"
            faults.append(MappingFault(f"{where}.labels", abbreviate(label), reason))
    if len(labels) > 1 and any(label.strip() == PLAYER for label in labels):
        reason = "next to other labels of players it must have a word more"
        faults.append(MappingFault(f"{where}.labels", PLAYER, reason))
    faults += [
        MappingFault(f"{where}.outcome_ids", name, "the ids of its outcomes differ by player")
        for name in sorted(outcomes.intersection(ids))
    ]
    return faults


def _has_ids(outcome: OutcomeLabels, one: FurtherId) -> bool:
    return bool(outcome.ids_on(one.platform))


def _has_line_in_labels(mapping: Mapping, one: FurtherId) -> bool:
    return one.rule(mapping.line_rule.kind).source == IN_LABELS


def _faults_without_participant(mapping: Mapping) -> list[MappingFault]:
    own = [label for one in mapping.outcomes for each in PLATFORMS if (label := one.on(each))]
    further = [label for one in mapping.also for each in one.labels.values() for label in each]
    reason = f"only a mapping with a participant has {PLAYER} in its labels"
    return [
        MappingFault("participant", abbreviate(label), reason)
        for label in dict.fromkeys([*own, *further])
        if holds_player(label)
    ]


# Kinds of lines that mean the same of a market.
_FAMILIES: Final[dict[LineKind, str]] = {"at_least": "total"}


def _families(mapping: Mapping) -> set[str]:
    """The kinds of lines that the ids of a mapping give."""
    kind = mapping.line_rule.kind
    kinds = {one.rule(kind).kind for one in mapping.also}
    if kind != "none" or not kinds or any(mapping.id_on(one) for one in PLATFORMS):
        kinds.add(kind)
    return {_FAMILIES.get(one, one) for one in kinds}


def _further_faults(mapping: Mapping) -> list[MappingFault]:
    """What is wrong between further ids, and between them and the rest of the mapping."""
    faults = []
    if len(families := _families(mapping)) > 1:
        found = ", ".join(sorted(families))
        reason = "all ids of a market have lines of one kind, or none has a line"
        faults.append(MappingFault("also", found, reason))
    further = _further_places(mapping)
    seen = [_column_place(mapping, one) for one in PLATFORMS if mapping.id_on(one)]
    for place, one in enumerate(mapping.also):
        where = f"also[{place}]"
        if not are_together(mapping.scope.phase, one.phase):
            reason = f"the mapping is for {mapping.scope.phase} only"
            faults.append(MappingFault(f"{where}.phase", one.phase, reason))
        mine = _further_place(mapping, one)
        if any(other.is_same(mine) for other in seen):
            faults.append(
                MappingFault(f"{where}.id", one.id, "is there already, with the same meaning")
            )
        seen.append(mine)
        faults += _label_faults(mapping, one, where, further)
    return faults


class _Place(NamedTuple):
    """What makes an id of a mapping unique in it."""

    platform: Platform
    market_id: str | None
    phase: Phase
    fixed: MappingABC[str, str]
    constant: str | None

    def is_same(self, other: _Place) -> bool:
        return are_together(self.phase, other.phase) and self._replace(phase=other.phase) == other


def _column_place(mapping: Mapping, platform: Platform) -> _Place:
    fixed = mapping.line_rule.fixed_on(platform)
    return _Place(platform, mapping.id_on(platform), mapping.scope.phase, dict(fixed), None)


def _further_place(mapping: Mapping, one: FurtherId) -> _Place:
    rule = one.rule(mapping.line_rule.kind)
    return _Place(one.platform, one.id, one.phase, dict(one.fixed), rule.constant)


def _label_faults(
    mapping: Mapping, one: FurtherId, where: str, further: MappingABC[str, int]
) -> list[MappingFault]:
    book = BOOKS[one.platform]
    labels = [label for label, _ in _further_labels(mapping, one, further)]
    if not labels:
        return [
            MappingFault(f"{where}.labels", "none", f"no outcome has a label on {one.platform}")
        ]
    compared = [" ".join(each.split()).casefold() if book.folds_labels else each for each in labels]
    faults = [
        MappingFault(f"{where}.labels", abbreviate(label), "is used twice")
        for label, count in Counter(compared).items()
        if count > 1
    ]
    has_lines = _has_line_in_labels(mapping, one)
    if has_lines and not all("n+" in label.casefold().split() for label in labels):
        reason = "each label has the word N+ where the bookmaker writes the number"
        faults.append(MappingFault(f"{where}.labels", abbreviate(labels[0]), reason))
    return faults + _outcome_id_faults(one, where, has_lines=has_lines)


def _outcome_id_faults(one: FurtherId, where: str, *, has_lines: bool) -> list[MappingFault]:
    ids = [each for listed in one.outcome_ids.values() for each in listed]
    reason = f"{NUMBER_IN_ID} is there once, and only if the line comes from the label"
    faults = [
        MappingFault(f"{where}.outcome_ids", abbreviate(each), reason)
        for each in ids
        if (count := each.count(NUMBER_IN_ID)) and (count > 1 or not has_lines)
    ]
    spelt_out = Counter(each for written in ids for each, _ in ids_with_lines(written))
    return faults + [
        MappingFault(f"{where}.outcome_ids", abbreviate(each), "is used twice")
        for each, count in spelt_out.items()
        if count > 1
    ]


def _repeated(mapping: Mapping) -> list[MappingFault]:
    faults = []
    seen: set[tuple[str, str]] = set()
    for index, outcome in enumerate(mapping.outcomes):
        for column, label, compared in _names(outcome):
            if (column, compared) in seen:
                field_name = f"outcome_mapping[{index}].{column}"
                faults.append(MappingFault(field_name, abbreviate(label), "is used twice"))
            seen.add((column, compared))
    return faults


def _names(outcome: OutcomeLabels) -> Iterator[tuple[str, str, str]]:
    """What an outcome is called: the field, the name in it, and the text by which it is compared."""
    yield "canonical_id", outcome.canonical_id, " ".join(outcome.canonical_id.split()).casefold()
    for platform, book in BOOKS.items():
        label = outcome.on(platform)
        if label:
            compared = " ".join(label.split()).casefold() if book.folds_labels else label
            yield book.label_column, label, compared
    for platform, column in OUTCOME_ID_COLUMNS.items():
        for outcome_id in outcome.ids_on(platform):
            yield column, outcome_id, outcome_id
