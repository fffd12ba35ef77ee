"""Messages spoiled at random, for a bounded time: whatever they hold, the verdict on them keeps its laws.

``MARKETMAP_FUZZ_SECONDS`` sets the time, ``MARKETMAP_FUZZ_SEED`` repeats a run. A message whose verdict is of
a kind not seen before is spoiled further: so the search goes deeper than one change.
"""

from __future__ import annotations

import math
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import pytest

from schemas import DeadLetter, ResolvedEvent
from tests.property.fuzz import corpus
from tests.property.fuzz.mutations import spoil
from tests.support.records import FakeRecord, place
from worker.domain.books.platforms import PLATFORMS
from worker.domain.index import MappingIndex
from worker.domain.misses import sample
from worker.ingest.planning.encode import MOST_ENTRIES, Encoder
from worker.ingest.planning.plan import Planned, Planner
from worker.kafka.record import Outgoing

SECONDS: Final = float(os.environ.get("MARKETMAP_FUZZ_SECONDS", "15"))
SEED: Final = int(os.environ.get("MARKETMAP_FUZZ_SEED") or secrets.randbits(32))
FEWEST_MESSAGES: Final = 100
MOST_KEPT: Final = 400
LARGEST: Final = 256 * 1024
KEY: Final = b"\x00\xffkey"
HEADERS: Final[list[tuple[str, bytes | None]]] = [("null", None), ("trace", b"\xff\x00")]
FRESH_EVERY: Final = 25

PLANNER: Final = Planner(
    Encoder(
        resolved_topic="resolved",
        dead_topic="dead",
        group="g",
        max_bytes=LARGEST,
        max_dead_bytes=2 * LARGEST,
    ),
    max_message_bytes=LARGEST,
)
Kind = tuple[Any, ...]


class Judged(NamedTuple):
    """A message, the verdict on it and what kind of verdict that is."""

    value: bytes
    planned: Planned[Outgoing]
    kind: Kind


def plan(value: bytes, index: MappingIndex = corpus.INDEX) -> Planned[Outgoing]:
    return PLANNER.plan(FakeRecord(value=value, key=KEY, headers=HEADERS), place(), index)


def check(value: bytes) -> Judged:
    """Raises AssertionError when a law is broken."""
    planned = plan(value)
    assert planned == plan(value), "another verdict the second time"
    kind = _check_dead(value, planned) if planned.dead is not None else _check_resolved(planned)
    for sighting in planned.sightings:
        for missed in sighting.missed:
            _check_missed(missed)
    return Judged(value, planned, kind)


def _check_dead(value: bytes, planned: Planned[Outgoing]) -> Kind:
    output = planned.output
    letter = DeadLetter.from_headers(output.headers)
    assert letter.reason == planned.dead
    assert (output.key, list(output.headers[: len(HEADERS)])) == (KEY, HEADERS)
    assert output.value == value[: len(output.value or b"")]
    assert letter.truncated_from == (None if output.value == value else len(value))
    assert not planned.sightings
    return ("dead", letter.reason, (letter.detail or "")[:20])


def _check_resolved(planned: Planned[Outgoing]) -> Kind:
    value = planned.output.value
    assert value is not None
    assert len(value) <= LARGEST
    document = orjson.loads(value)
    assert orjson.loads(orjson.dumps(document)) == document
    event = ResolvedEvent.model_validate_json(value)
    assert max(len(event.misses), len(event.rejected)) <= MOST_ENTRIES
    assert all(math.isfinite(number) for number in _floats(document))
    places = [(market.canonical_id, market.line) for market in event.markets]
    assert len(places) == len(set(places)), "two answers for one market"
    codes = {(rejected.code, (rejected.detail or "")[:12]) for rejected in event.rejected}
    reasons = {(miss.reason, miss.outcome is None) for miss in event.misses}
    return (
        "resolved",
        event.platform,
        len(event.markets).bit_length(),
        tuple(sorted(codes | reasons)),
    )


def _check_missed(missed: Any) -> None:
    """What goes into the database fits there."""
    assert 0 < len(missed.external_market_id) <= 100
    assert len(missed.market_name or "") <= 255
    rows = orjson.dumps(sample(missed.rows))
    assert len(rows) < 16 * 1024
    told = f"{missed.external_market_id}{missed.market_name}".encode() + rows
    assert b"\x00" not in told
    assert b"\\u0000" not in rows


def _floats(document: Any) -> Iterator[float]:
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, float):
            yield value
        elif isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)


class Fuzzer:
    """Messages worth spoiling further, one for each kind of verdict, next to those that it started from."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.begun_with = corpus.messages(seed % 1000)
        self.neighbours = [(value, plan(value)) for value in self.begun_with]
        self.kept: dict[Kind, bytes] = {}
        self.spoiled = 0

    def step(self) -> bytes:
        known = [*self.begun_with, *self.kept.values()]
        return spoil(self.draw, self.draw.choice(known), known)

    def judge(self, value: bytes) -> None:
        judged = check(value)
        self.spoiled += 1
        if len(value) <= LARGEST // 4 and len(self.kept) < MOST_KEPT:
            self.kept.setdefault(judged.kind, value)
        neighbour, verdict = self.draw.choice(self.neighbours)
        assert plan(neighbour) == verdict, "the verdict on a neighbour changed"
        if self.spoiled % FRESH_EVERY == 0:
            fresh = MappingIndex(corpus.ALL_MAPPINGS, version=corpus.INDEX.version)
            assert plan(value, fresh) == judged.planned, (
                "what the index remembers changes a verdict"
            )


def test_whatever_a_message_holds_its_verdict_keeps_the_laws(tmp_path: Path) -> None:
    fuzzer = Fuzzer(SEED)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until or fuzzer.spoiled < FEWEST_MESSAGES:
        value = fuzzer.step()
        try:
            fuzzer.judge(value)
        except Exception as error:  # noqa: BLE001  # whatever it is, a verdict never raises
            failing = tmp_path / "failing"
            failing.write_bytes(value)
            told = f"MARKETMAP_FUZZ_SEED={SEED}, message {fuzzer.spoiled}, in {failing}: {value[:1000]!r}"
            pytest.fail(f"{error!r}\n{told}")
    print(f"seed {SEED}: {fuzzer.spoiled} messages, {len(fuzzer.kept)} kinds of verdict")  # noqa: T201  # for -s
    kinds = {kind[0] for kind in fuzzer.kept}
    assert kinds == {"dead", "resolved"}
    assert len(fuzzer.kept) > FEWEST_MESSAGES // 5


@pytest.mark.parametrize("seed", range(3))
def test_what_the_fuzzer_starts_from_is_read_and_resolves(seed: int) -> None:
    resolved: Counter[tuple[str, str, bool]] = Counter()
    with_players = set()
    dead = []
    for message in corpus.messages(seed):
        judged = check(message)
        if judged.kind[0] == "dead":
            dead.append(judged.kind[1])
            continue
        event = orjson.loads(message)["event"]
        said = orjson.loads(judged.planned.output.value or b"")
        sort = said["platform"], event.get("sport") or "football", event.get("live", False)
        resolved[sort] += len(said["markets"])
        if said.get("participant_markets"):
            with_players.add(said["platform"])
    sorts = [(sport, False) for sport in ("football", "basketball", "tennis")]
    expected = {(each, *sort) for each in PLATFORMS for sort in [*sorts, ("football", True)]}
    assert expected <= {sort for sort, markets in resolved.items() if markets}
    assert with_players == {"sportybet", "betpawa"}
    # Of the forms, each with one market or two, some have none that can be read.
    assert set(dead) <= {"WRONG_SHAPE"}
    assert len(dead) <= 3
