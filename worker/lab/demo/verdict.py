"""Whether a demo run was right: what came out, held against what the generator knows to be true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from worker.lab.demo import pictures
from worker.lab.demo.mapping import MARKET, Mapped
from worker.lab.demo.odds import CANONICAL_ID, LEFT_OUT, SWAPPED, ThirdAct
from worker.lab.synthetic.expected import Generated, expected_miss_counts
from worker.lab.synthetic.oracle import Discrepancy, Kind, check

# A scrape of this number of events has the market that the second act maps.
DEFAULT_EVENTS: Final = 60


class Seen(NamedTuple):
    """What a demo run found on the topics and in the database."""

    events: list[pictures.ResolvedJson]
    dead: list[pictures.Dead]
    misses: list[pictures.DemoMiss]
    seconds: float


def judge(
    truth: Sequence[Generated], seen: Seen, mapped: Mapped | None, *, events: int
) -> list[Discrepancy]:
    """Everything that is wrong with a run over this number of events; nothing if all is right."""
    if mapped is None:
        return [*compare(truth, seen), *_no_second_act(events)]
    return [*compare(truth, seen), *_outdated(mapped, truth, seen)]


def judge_odds(third: ThirdAct, why_not: str | None, *, events: int) -> Iterator[Discrepancy]:
    """What the odds did not say, or said wrongly; ``why_not``: there was no third act, for this reason."""
    suggested, alarmed = third
    if suggested is not None:
        name = suggested.suggestion.canonical_id
        if name != CANONICAL_ID:
            yield Discrepancy("WRONG_LABEL", " ".join(LEFT_OUT), CANONICAL_ID, name)
    elif why_not is None and events >= DEFAULT_EVENTS:
        yield Discrepancy("MISSING_MARKET", " ".join(LEFT_OUT), "a suggestion", "none")
    if alarmed is None and why_not is None and events >= DEFAULT_EVENTS:
        yield Discrepancy("MISSING_MARKET", " ".join(SWAPPED), "an alarm", "none")


def exit_code(differences: Sequence[Discrepancy]) -> int:
    return 1 if differences else 0


def _no_second_act(events: int) -> Iterator[Discrepancy]:
    """A small scrape may lack the market; one of the default size must not."""
    if events >= DEFAULT_EVENTS:
        yield Discrepancy("MISSING_MISS", " ".join(MARKET), "a place in the queue", "no second act")


def _outdated(mapped: Mapped, truth: Sequence[Generated], seen: Seen) -> Iterator[Discrepancy]:
    """Events of later scrapes that were resolved before the mapping: none, the worker had it by then."""
    first = min(generated.observation["scrape_id"] for generated in truth)
    for event in seen.events:
        version = event["mapping_version"]
        if event["scrape_id"] != first and version < mapped.version:
            expected = f"version {mapped.version}"
            yield Discrepancy(
                "MISSING_MARKET", event["event"]["id"], expected, f"version {version}"
            )


def compare(truth: Sequence[Generated], seen: Seen) -> list[Discrepancy]:
    """Every difference between what the generator knows and what came out."""
    by_event = {_identity(event): event for event in seen.events}
    differences = []
    for generated in truth:
        event = by_event.get(_identity(generated.observation))
        if event is None:
            differences.append(Discrepancy("MISSING_MARKET", generated.key, "an event", "nothing"))
        else:
            differences += check(generated.expected, event)
    counted = Counter(
        {(miss.source, miss.external_market_id): miss.occurrences for miss in seen.misses}
    )
    expected = expected_miss_counts(truth)
    for key in counted.keys() | expected.keys():
        if counted[key] != expected[key]:
            kind: Kind = "MISSING_MISS" if counted[key] < expected[key] else "EXTRA_MISS"
            differences.append(
                Discrepancy(kind, " ".join(key), str(expected[key]), str(counted[key]))
            )
    if len(seen.events) != len(truth) or len(seen.dead) != 1:
        found = f"{len(seen.events)} events, {len(seen.dead)} dead letters"
        differences.append(
            Discrepancy("REPEATED", "topics", f"{len(truth)} events, 1 dead letter", found)
        )
    return differences


def _identity(observation: pictures.ResolvedJson) -> tuple[str, str, str]:
    return observation["scrape_id"], observation["platform"], observation["event"]["id"]
