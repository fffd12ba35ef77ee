"""Records whose headers have names that are no text, read by a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from schemas import DeadLetter
from tests.support.hostile.header_names import ESCAPED, RawName, send
from tests.support.markets import observation, sportybet
from tests.support.services.installation import Installation
from worker.kafka.record import RawRecord

pytestmark = pytest.mark.services

MARKETS = [sportybet("18", "total=2.5", prices={"Over 2.5": "1.9", "Under 2.5": "1.9"})]
BAD = RawName("bad")


@dataclass
class Seen:
    resolved: list[str]
    dead: list[RawRecord]
    exit_code: int


async def scenario(installation: Installation) -> Seen:
    def good(name: str) -> bytes:
        return observation("sportybet", MARKETS, id=name)

    topic = installation.settings.topics.observations["sportybet"]
    async with AIOKafkaProducer(
        bootstrap_servers=installation.settings.kafka_bootstrap_servers
    ) as producer:
        await send(
            producer, topic, (good("before"), "plain"), (good("named"), BAD), (b"no json", BAD)
        )
        await send(producer, topic, (good("after"), "plain"))
        await send(producer, topic, (good("elsewhere"), BAD), partition=1)
    installation.start_worker()
    await installation.caught_up()
    exit_code = await installation.stop_worker()
    resolved = [
        orjson.loads(each.value or b"") for each in await installation.consume("odds.resolved")
    ]
    dead = await installation.consume("observations.dead")
    return Seen(sorted(each["event"]["id"] for each in resolved), dead, exit_code)


@pytest.fixture(scope="module")
def seen(in_installation: Callable[..., Any]) -> Seen:
    outcome: Seen = in_installation(scenario)
    return outcome


def test_a_good_observation_is_resolved_whatever_its_headers_are_called(seen: Seen) -> None:
    assert seen.resolved == ["after", "before", "elsewhere", "named"]


def test_the_dead_letter_of_a_bad_one_carries_the_name_with_escapes(seen: Seen) -> None:
    (letter,) = seen.dead
    assert DeadLetter.from_headers(letter.headers).reason == "INVALID_JSON"
    assert list(letter.headers[:2]) == [(ESCAPED, b"content"), ("null", None)]


def test_the_worker_goes_on_and_stops_in_good_order(seen: Seen) -> None:
    assert seen.exit_code == 0
