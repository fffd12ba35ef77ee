"""Which changes of a JSON Schema break a partner who was built for the old one.

Of a message that is read, the new schema must allow everything that the old one allowed.
Of a message that is written, the new schema must promise everything that the old one promised.
Both are the same question with the sides exchanged: does the *giver* allow what the *taker* does not?
Unknown fields are ignored by both sides, so a new optional field breaks nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

Schema = dict[str, Any]
Direction = Literal["input", "output"]

_ANNOTATIONS: Final = frozenset(
    {
        "$schema",
        "$id",
        "$defs",
        "$comment",
        "title",
        "description",
        "examples",
        "default",
        "deprecated",
    }
)
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_JUDGED: Final = frozenset(
    {
        "$ref",
        "type",
        "enum",
        "const",
        "anyOf",
        "properties",
        "required",
        "items",
        "additionalProperties",
    }
    | {*_UPPER, *_LOWER}
)
_ALL_TYPES: Final = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


class Change(NamedTuple):
    """One breaking change: where (`markets[].odds`; `$` is the whole message) and why it breaks."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


def breaking_changes(old: Schema, new: Schema, direction: Direction) -> list[Change]:
    """The changes from `old` to `new` that break a partner, in the order of the old schema.

    `direction` is the application's: `input` for a message that it reads, `output` for one that it writes.
    References are followed within each document. A keyword that cannot be judged counts as breaking when it
    differs, unless it only loosens an input or only tightens an output.
    """
    return list(_Comparison(old, new, direction).compare(old, new, ""))


class _Comparison:
    """One walk over two documents. `giver` and `taker` follow from the direction."""

    def __init__(self, old: Schema, new: Schema, direction: Direction) -> None:
        self._old, self._new, self._reads = old, new, direction == "input"
        self._open: set[tuple[str, str]] = set()

    def compare(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        pair = (old.get("$ref", ""), new.get("$ref", ""))
        if any(pair) and pair in self._open:
            return  # a schema that refers to itself
        self._open.add(pair)
        yield from self._judge(_resolved(self._old, old), _resolved(self._new, new), path)
        self._open.discard(pair)

    def _judge(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        if "anyOf" in old or "anyOf" in new:
            yield from self._branches(old, new, path)
            return
        yield from self._values(old, new, path)
        yield from self._fields(old, new, path)
        yield from self._elements(old, new, path)
        yield from self._rest(old, new, path)

    def _sides(self, old: Any, new: Any) -> tuple[Any, Any]:
        return (old, new) if self._reads else (new, old)

    def _change(self, path: str, narrowed: str, widened: str) -> Change:
        return Change(path or "$", narrowed if self._reads else widened)

    def _branches(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        """Each branch that the giver allows must fit whole into one of the taker's."""
        givers, takers = self._sides(_alternatives(old), _alternatives(new))
        for giver in givers:
            found = [list(self._pair(giver, taker, path)) for taker in takers]
            if all(found):
                yield from min(found, key=lambda changes: (_of_type(changes), len(changes)))

    def _pair(self, giver: Schema, taker: Schema, path: str) -> Iterator[Change]:
        return self.compare(*self._sides(giver, taker), path)

    def _values(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        giver, taker = self._sides(old, new)
        lost = sorted(_types(giver) - _types(taker))
        if lost:
            names = ", ".join(lost)
            yield self._change(path, f"type {names} is no longer accepted", f"type {names} is new")
        gone = _lost_values(giver, taker)
        if gone is None:
            yield self._change(
                path, "only listed values are accepted now", "values are no longer listed"
            )
        elif gone:
            names = ", ".join(map(str, gone))
            yield self._change(
                path, f"value {names} is no longer accepted", f"value {names} is new"
            )
        for bound in (*_UPPER, *_LOWER):
            if _exceeds(bound, giver.get(bound), taker.get(bound)):
                was, now = old.get(bound, "none"), new.get(bound, "none")
                yield self._change(
                    path,
                    f"{bound} narrowed from {was} to {now}",
                    f"{bound} widened from {was} to {now}",
                )

    def _fields(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name not in after:
                yield Change(_field(path, name), "the field was removed")
            else:
                yield from self.compare(schema, after[name], _field(path, name))
        giver, taker = self._sides(old, new)
        for name in taker.get("required", []):
            removed = name in before and name not in after
            if name not in giver.get("required", []) and not removed:
                yield self._change(
                    _field(path, name), "the field is required now", "the field may be absent now"
                )

    def _elements(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        for keyword, suffix in (("items", "[]"), ("additionalProperties", ".*")):
            if keyword not in old and keyword not in new:
                continue
            before, after = _element(old.get(keyword)), _element(new.get(keyword))
            if before is not None and after is not None:
                yield from self.compare(before, after, path + suffix)
            elif self._sides(before, after)[1] is None and before is not after:
                yield self._change(
                    path + suffix, "nothing is accepted here now", "values are new here"
                )

    def _rest(self, old: Schema, new: Schema, path: str) -> Iterator[Change]:
        giver, taker = self._sides(old, new)
        for keyword in sorted((old.keys() | new.keys()) - _ANNOTATIONS - _JUDGED):
            if keyword in taker and giver.get(keyword) != taker[keyword]:
                yield self._change(
                    path, f"{keyword} was added or changed", f"{keyword} was dropped or changed"
                )


def _resolved(document: Schema, schema: Schema) -> Schema:
    """The schema with its reference replaced by what it refers to; keywords next to the reference stay."""
    while "$ref" in schema:
        target: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        schema = {
            **target,
            **{keyword: value for keyword, value in schema.items() if keyword != "$ref"},
        }
    return schema


def _alternatives(schema: Schema) -> list[Schema]:
    """The branches of anyOf, each with the keywords next to it."""
    others = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
    return [{**others, **branch} for branch in schema.get("anyOf", [{}])]


def _types(schema: Schema) -> frozenset[str]:
    """The JSON types that pass; a number may be an integer."""
    stated = schema.get("type")
    if stated is None:
        return _ALL_TYPES
    types = {stated} if isinstance(stated, str) else set(stated)
    return frozenset(types | {"integer"} if "number" in types else types)


def _lost_values(giver: Schema, taker: Schema) -> list[Any] | None:
    """Listed values that only the giver allows; None when the giver lists none and the taker does."""
    allowed, accepted = _listed(giver), _listed(taker)
    if accepted is None:
        return []
    if allowed is None:
        return None
    return [value for value in allowed if value not in accepted]


def _listed(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    return values


def _exceeds(bound: str, given: float | None, taken: float | None) -> bool:
    if taken is None:
        return False
    if given is None:
        return True
    return given > taken if bound in _UPPER else given < taken


def _element(value: Any) -> Schema | None:
    """A subschema; None where nothing is allowed."""
    if value is False:
        return None
    return value if isinstance(value, dict) else {}


def _of_type(changes: list[Change]) -> bool:
    return any(change.why.startswith("type ") for change in changes)


def _field(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
