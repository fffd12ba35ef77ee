"""Hidden ids are missed and nothing else is different; what they are is in the file of the answers alone."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from tests.support.markets import CATALOGUE
from worker.cli.main import app
from worker.domain.index import MappingIndex
from worker.domain.mapping import parse_mapping
from worker.domain.resolve import resolve
from worker.ingest.planning.encode import resolved_event
from worker.ingest.reading.decode import Decoded, decode
from worker.lab.demo import commands as demo
from worker.lab.demo import hidden as hiding
from worker.lab.demo import odds
from worker.lab.demo.hidden import LeftOutId, TooFewIdsError, answers, choose, without_hidden
from worker.lab.synthetic.expected import UNKNOWN_MARKET, ExpectedMiss, Generated
from worker.lab.synthetic.extras import EXTRAS
from worker.lab.synthetic.oracle import check
from worker.lab.synthetic.scrape import generate_scrape

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
COUNT = 40


@pytest.fixture(scope="module")
def scrape() -> list[Generated]:
    return list(
        generate_scrape(seed=1, events=16, started_at=NOON, scrape=1, size="slim", extras=EXTRAS)
    )


@pytest.fixture(scope="module")
def hidden(scrape: list[Generated]) -> list[LeftOutId]:
    return choose(CATALOGUE, scrape, count=COUNT, seed=7)


def resolved(seen: Generated, index: MappingIndex) -> dict[str, Any]:
    value = orjson.dumps(seen.observation)
    decoded = decode(value, max_bytes=len(value))
    assert isinstance(decoded, Decoded)
    event: dict[str, Any] = orjson.loads(
        resolved_event(decoded.envelope, resolve(decoded.observation, index), 1)
    )
    return event


def test_the_truth_without_the_ids_is_what_a_worker_without_them_resolves(
    scrape: list[Generated], hidden: list[LeftOutId]
) -> None:
    index = MappingIndex(without_hidden(CATALOGUE, hidden))
    keys = [one.key for one in hidden]
    left = [odds.as_left_out(seen, keys) for seen in scrape]
    assert [fault for seen in left for fault in check(seen.expected, resolved(seen, index))] == []
    for platform, market_id in keys:
        miss = ExpectedMiss(market_id, UNKNOWN_MARKET, None)
        on = [one for one in left if one.platform == platform and miss in one.expected.misses]
        assert len(on) >= 10


def test_the_same_seed_hides_the_same_and_no_mapping_twice(
    scrape: list[Generated], hidden: list[LeftOutId]
) -> None:
    assert choose(CATALOGUE, scrape, count=COUNT, seed=7) == hidden
    assert choose(CATALOGUE, scrape, count=COUNT, seed=8) != hidden
    assert choose(CATALOGUE, scrape, count=COUNT // 2, seed=7) == hidden[: COUNT // 2]
    assert len({one.mapping.canonical_id for one in hidden}) == COUNT


def test_what_the_acts_of_the_demo_are_about_is_not_hidden(scrape: list[Generated]) -> None:
    with pytest.raises(TooFewIdsError) as raised:
        choose(CATALOGUE, scrape, count=10_000, seed=1)
    most = int(str(raised.value).split()[3])
    names = {one.mapping.canonical_id for one in choose(CATALOGUE, scrape, count=most, seed=1)}
    assert names.isdisjoint({odds.CANONICAL_ID, odds.SWAPPED[0], "over_under_asian_ft"})


def test_the_answers_hold_each_mapping_as_it_was_with_the_outcome_of_each_label(
    hidden: list[LeftOutId],
) -> None:
    for said, one in zip(orjson.loads(answers(hidden)), hidden, strict=True):
        assert (said["platform"], said["external_market_id"]) == one.key
        assert parse_mapping(said["mapping"]) == one.mapping
        labels = {
            label: out.canonical_id
            for out in one.mapping.outcomes
            if (label := out.on(one.platform))
        }
        assert said["outcomes"] == labels


def test_the_command_writes_the_answers_to_the_file_and_prints_none(
    tmp_path: Path, hidden: list[LeftOutId], monkeypatch: pytest.MonkeyPatch
) -> None:
    fed: list[demo.Feed] = []

    async def run(_base: object, feed: demo.Feed, **_options: object) -> int:
        fed.append(feed)
        return 0

    monkeypatch.setattr(demo, "_run", run)
    # That the servers answer is asked before anything is run.
    monkeypatch.setattr(demo, "run_on_kafka", lambda _settings, running: asyncio.run(running))
    monkeypatch.setattr(hiding, "choose", lambda *_, count, **__: hidden[:count])
    monkeypatch.setenv("MARKETMAP_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("MARKETMAP_DATABASE_URL", "postgresql+asyncpg://nobody@127.0.0.1:1/none")
    target = tmp_path / "answers.json"
    outcome = CliRunner().invoke(app, ["demo", "--hide", "3", "--hidden-to", str(target)])
    assert outcome.exit_code == 0, outcome.output
    assert fed[0].hidden == hidden[:3]
    assert target.read_bytes() == answers(hidden[:3])
    assert not any(one.mapping.canonical_id in outcome.output for one in hidden)


def test_a_file_without_ids_to_hide_is_refused(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, ["demo", "--hidden-to", str(tmp_path / "answers.json")])
    assert outcome.exit_code != 0
    assert "--hidden-to needs --hide" in outcome.output
