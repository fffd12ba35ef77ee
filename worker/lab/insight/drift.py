"""How soon a change of form is found: `python -m worker.lab.insight.drift --seed 1`.

Hours of generated scrapes, each of other events, are judged as the insight process judges them: every sign in
them is a false alarm. Then the last records of the next hour are given one change of form at a time, and the
fewest of them with which there is a sign are looked for.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson

from worker.cli.shipped import shipped_mappings
from worker.domain.books.platforms import PLATFORMS, Platform, is_platform
from worker.domain.index import MappingIndex
from worker.insight.drift.hours import HOUR, ShapeHour, judge_hour
from worker.insight.drift.sampling import MOST_RECORDS, Sampler
from worker.insight.drift.shapes import ShapeSample, SignKind
from worker.lab.synthetic.scrape import generate_scrape
from worker.settings.settings import Settings

_STARTED: Final = datetime(2026, 5, 1, tzinfo=UTC)

FormRewrite = Callable[[dict[str, Any]], None]


class LabRecord(NamedTuple):
    """A record as Kafka would hand it over."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class FormChange(NamedTuple):
    """Something that a bookmaker might change about what it sends."""

    platform: Platform
    name: str
    change: FormRewrite


class FoundChange(NamedTuple):
    """The fewest changed records at the end of an hour with a sign, None if 20 have none; their signs."""

    platform: Platform
    name: str
    records: int | None
    signs: Sequence[SignKind]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _renamed(old: str, new: str) -> FormRewrite:
    def change(document: dict[str, Any]) -> None:
        for each in _objects(document["markets"]):
            if old in each:
                each[new] = each.pop(old)

    return change


def _rewritten(name: str, pattern: str, replacement: str) -> FormRewrite:
    """Rewrite the text of a field."""
    compiled = re.compile(pattern)

    def change(document: dict[str, Any]) -> None:
        for each in _objects(document["markets"]):
            if isinstance(each.get(name), str | float):
                each[name] = compiled.sub(replacement, str(each[name]))

    return change


def _keys(pattern: str, replacement: str) -> FormRewrite:
    """Rewrite Bet9ja's keys."""
    compiled = re.compile(pattern)

    def change(document: dict[str, Any]) -> None:
        markets = document["markets"]
        document["markets"] = {
            compiled.sub(replacement, key): odds for key, odds in markets.items()
        }

    return change


def _values(document: dict[str, Any]) -> None:
    document["markets"] = {key: odds.replace(".", ",") for key, odds in document["markets"].items()}


def _market_ids(document: dict[str, Any]) -> None:
    for market in document["markets"]:
        market["marketType"]["id"] = f"m{market['marketType']['id']}"


CHANGES: Final = (
    FormChange("betpawa", "a field renamed: price", _renamed("price", "amount")),
    FormChange("betpawa", "a field renamed: handicap", _renamed("handicap", "line")),
    FormChange("betpawa", "another label: Over", _rewritten("name", "^Over$", "More")),
    FormChange("betpawa", "another language: yes and no", _rewritten("name", "^Yes$", "Oui")),
    FormChange("betpawa", "another form of a price", _rewritten("price", r"\.", ",")),
    FormChange("betpawa", "other ids of markets", _market_ids),
    FormChange("sportybet", "a field renamed: specifier", _renamed("specifier", "spec")),
    FormChange("sportybet", "a field renamed: odds", _renamed("odds", "price")),
    FormChange("sportybet", "another label: Over", _rewritten("desc", "^Over ", "More than ")),
    FormChange("sportybet", "another language: home", _rewritten("desc", "^Home$", "Domicile")),
    FormChange("sportybet", "another form of a price", _rewritten("odds", r"\.", ",")),
    FormChange("sportybet", "another key: total", _rewritten("specifier", "total=", "line=")),
    FormChange("bet9ja", "another key: prefix of all", _keys("^S_", "F_")),
    FormChange("bet9ja", "another key: over and under", _keys("^S_OU@", "S_OVERUNDER@")),
    FormChange("bet9ja", "another mark before the line", _keys("@", "#")),
    FormChange("bet9ja", "another label: O and U", _keys("_([OU])$", r"_\1V")),
    FormChange("bet9ja", "another form of a price", _values),
)


def records_of(seed: int, events: int) -> dict[Platform, list[LabRecord]]:
    """The last records of an hour, by bookmaker."""
    found: dict[Platform, list[LabRecord]] = {platform: [] for platform in PLATFORMS}
    for seen in generate_scrape(seed=seed, events=events, started_at=_STARTED):
        if is_platform(seen.platform):
            found[seen.platform].append(record_of(seen.platform, seen.observation))
    return {platform: records[-MOST_RECORDS:] for platform, records in found.items()}


def record_of(platform: Platform, observation: dict[str, Any]) -> LabRecord:
    moment = round(_STARTED.timestamp() * 1000)
    return LabRecord(f"observations.{platform}", 0, 0, moment, None, orjson.dumps(observation))


class DriftLab:
    """Hours of one bookmaker, judged one after the other."""

    def __init__(self, platform: Platform, settings: Settings, index: MappingIndex) -> None:
        self._platform: Platform = platform
        self._settings = settings
        self._index = index
        self._hours: list[ShapeHour] = []
        self._newest: Sequence[LabRecord] = ()
        self.seconds = 0.0

    def signs(self, records: Sequence[LabRecord]) -> list[SignKind]:
        """The signs in the next hour, if these are its last records."""
        before, now = self._sampled(records)
        hour = self._hour(now)
        found = judge_hour(hour, before, self._hours, ())
        return [kind for kind, sign in found.items() if sign is not None]

    def go_on(self, records: Sequence[LabRecord]) -> list[SignKind]:
        """Take an hour as the past of the next one; its signs."""
        found = self.signs(records)
        _, now = self._sampled(records)
        self._hours.append(self._hour(now))
        self._newest = records
        return found

    def fewest(self, records: Sequence[LabRecord], one: FormChange) -> FoundChange:
        """Look for the fewest changed records with a sign: more of them have it too."""
        changed = [_changed(record, one.change) for record in records]

        def signs(count: int) -> list[SignKind]:
            return self.signs([*records[: len(records) - count], *changed[len(records) - count :]])

        every = signs(len(records))
        if not every:
            return FoundChange(one.platform, one.name, None, ())
        low, high = 1, len(records)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if signs(middle) else (middle + 1, high)
        return FoundChange(one.platform, one.name, high, every)

    def _hour(self, sample: ShapeSample) -> ShapeHour:
        at = _STARTED + len(self._hours) * HOUR
        return ShapeHour(self._platform, at, self._index.version, sample)

    def _sampled(self, records: Sequence[LabRecord]) -> tuple[ShapeSample, ShapeSample]:
        began = time.thread_time()
        sampler = Sampler(self._settings, self._index)
        found = sampler.take(self._newest), sampler.take(records)
        self.seconds = time.thread_time() - began
        return found


def _changed(record: LabRecord, change: FormRewrite) -> LabRecord:
    document = orjson.loads(record.value or b"")
    change(document)
    return record._replace(value=orjson.dumps(document))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=25, help="Events in each hour.")
    parser.add_argument("--hours", type=int, default=24, help="Hours without a change.")
    options = parser.parse_args()
    index = MappingIndex(shipped_mappings(), 1)
    settings = Settings()
    labs = {platform: DriftLab(platform, settings, index) for platform in PLATFORMS}
    false: list[str] = []
    for number in range(options.hours):
        for platform, records in records_of(options.seed + number, options.events).items():
            signs = labs[platform].go_on(records)
            false += [f"hour {number}: {platform} {sign}" for sign in signs]
    last = records_of(options.seed + options.hours, options.events)
    seconds: dict[str, float] = {}
    for platform, records in last.items():
        false += [f"last hour: {platform} {sign}" for sign in labs[platform].signs(records)]
        seconds[platform] = round(labs[platform].seconds, 2)
    found = [labs[one.platform].fewest(last[one.platform], one) for one in CHANGES]
    json.dump(
        {
            "hours": options.hours + 1,
            "records": {platform: len(records) for platform, records in last.items()},
            "cpu_seconds_of_a_look": seconds,
            "false_signs": false,
            "changes": [one._asdict() for one in found],
        },
        sys.stdout,
        indent=2,
    )


if __name__ == "__main__":
    main()
