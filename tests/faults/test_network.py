"""Connections that are cut, slow, or half open, between the workers and their servers."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Literal

import pytest
import pytest_asyncio

from tests.faults.conftest import Trials
from tests.faults.stage.network import Network, network
from tests.faults.stage.pair import Pair
from tests.faults.stage.trial import IN_FLIGHT_RECORDS
from tests.support.services.proxy import Proxy

pytestmark = [pytest.mark.services, pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]

Server = Literal["kafka", "postgres"]
SERVERS: list[Server] = ["kafka", "postgres"]
NAMES = {"kafka": "the broker", "postgres": "Postgres"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxies(pair: Pair) -> AsyncIterator[Network]:
    async with network(pair) as proxies:
        yield proxies


def proxy_of(proxies: Network, server: Server) -> Proxy:
    return proxies.kafka if server == "kafka" else proxies.postgres


@pytest.mark.parametrize("server", SERVERS)
async def test_connections_that_are_reset_cost_nothing(
    proxies: Network, trials: Trials, dice: random.Random, rounds: int, server: Server
) -> None:
    trial = await trials(dice, through=proxies)
    resets = 3 * rounds
    for _ in range(resets):
        await trial.flowed(dice.randint(1, 60))
        proxy_of(proxies, server).reset()
    await trial.judged(f"connections to {NAMES[server]} reset", injected=resets)


async def test_a_postgres_that_cannot_be_reached_is_waited_for(
    proxies: Network, trials: Trials, dice: random.Random
) -> None:
    trial = await trials(dice, through=proxies)
    await trial.flowed()
    await proxies.postgres.cut()
    await trial.said("counting_waits")
    await proxies.postgres.start()
    await trial.judged("network to Postgres cut")


async def test_a_broker_that_cannot_be_reached_past_the_session_is_waited_for(
    proxies: Network, trials: Trials, dice: random.Random
) -> None:
    trial = await trials(dice, through=proxies)
    await trial.flowed()
    before = trial.openings()
    await proxies.kafka.cut()
    await trial.group_is_empty()
    await proxies.kafka.start()
    await trial.rejoined(before)
    # Whoever is back first takes over what another one has published and not counted.
    await trial.judged(
        "network to the broker cut past the session", in_flight=3 * IN_FLIGHT_RECORDS
    )


async def test_latency_costs_nothing(proxies: Network, trials: Trials, dice: random.Random) -> None:
    trial = await trials(dice, through=proxies)
    for proxy in (proxies.kafka, proxies.postgres):
        proxy.delay_s = 0.05
    await trial.flowed(100)
    await trial.judged("latency of 50 ms each way")
    for proxy in (proxies.kafka, proxies.postgres):
        proxy.delay_s = 0


@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_that_is_silent_and_goes_on_costs_nothing(
    proxies: Network, trials: Trials, dice: random.Random, server: Server
) -> None:
    trial = await trials(dice, through=proxies)
    await trial.flowed()
    proxy = proxy_of(proxies, server)
    proxy.freeze()
    await proxy.held(4)
    proxy.thaw()
    await trial.judged(f"{NAMES[server]} silent for a while", in_flight=0)


@pytest.mark.lengthy
@pytest.mark.parametrize("server", SERVERS)
async def test_connections_that_stay_half_open_are_given_up(
    proxies: Network, trials: Trials, dice: random.Random, server: Server
) -> None:
    trial = await trials(dice, through=proxies)
    await trial.flowed()
    before = trial.openings()
    proxy_of(proxies, server).forget()
    if server == "kafka":
        await trial.rejoined(before)
    await trial.flowed(200)
    in_flight = 3 * IN_FLIGHT_RECORDS if server == "kafka" else 0
    await trial.judged(f"connections to {NAMES[server]} half open", in_flight=in_flight, ends=[1])
