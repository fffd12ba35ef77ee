"""A broker and a Postgres that are there to be broken, and trials on them."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import pytest_asyncio

from tests.faults.stage import report
from tests.faults.stage.crew import Crew
from tests.faults.stage.network import Network
from tests.faults.stage.pair import Pair, breakable_pair
from tests.faults.stage.publisher import Publisher
from tests.faults.stage.report import Row
from tests.faults.stage.switchboard import Switchboard
from tests.faults.stage.tape import Tape
from tests.faults.stage.trial import BATCH_RECORDS, POLL_RECORDS, Trial
from tests.support.services.installation import execute, fill, installed, temporary_database
from tests.support.services.nursery import Nursery

SEED_VARIABLE = "MARKETMAP_FAULT_SEED"
ROUNDS_VARIABLE = "MARKETMAP_FAULT_ROUNDS"
RATE_VARIABLE = "MARKETMAP_FAULT_RATE"
SEED = os.environ.get(SEED_VARIABLE) or str(random.SystemRandom().randrange(10**6))
ROUNDS = int(os.environ.get(ROUNDS_VARIABLE) or 1)
RATE = int(os.environ.get(RATE_VARIABLE) or 120)

_rows: list[Row] = []


def pytest_report_header() -> str:
    return f"faults: {SEED_VARIABLE}={SEED} (give it to make the same choices again)"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not _rows:
        return
    form = "full" if config.getoption("markexpr", "") == "faults" else "short"
    path = report.write(_rows, seed=SEED, form=form)
    terminalreporter.section(f"faults, seed {SEED}")
    terminalreporter.write_line(report.table(_rows))
    terminalreporter.write_line(f"written to {path}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    outcome = yield
    if outcome.failed and "faults" in item.keywords:
        outcome.sections.append(("the choices of this run", f"{SEED_VARIABLE}={SEED}"))
    return outcome  # what a wrapper hook gives back


@pytest.fixture(scope="session")
def rounds() -> int:
    return ROUNDS


@pytest.fixture(scope="session")
def rows() -> list[Row]:
    """What the report at the end shows."""
    return _rows


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Every choice of a test; the same for the same seed and test."""
    return random.Random(f"{SEED}:{request.node.name}")


@pytest.fixture(scope="package")
def pair() -> Iterator[Pair]:
    with breakable_pair() as pair:
        yield pair


@pytest.fixture(scope="package")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery(
        "tests.faults.stage.faulty_worker:run",
        "scipy.optimize",
        "worker.insight.watching.process",
        "worker.operations.processes.commands",
    )
    yield nursery
    nursery.stop()


@pytest.fixture(scope="package")
def fault_template(pair: Pair) -> str:
    """A migrated database with the catalogue, to be copied."""

    async def make() -> None:
        await execute(pair.postgres, "CREATE DATABASE fault_template")
        await fill(urlunsplit(urlsplit(pair.postgres)._replace(path="/fault_template")))

    with ThreadPoolExecutor(1) as thread:  # the tests' event loops stay untouched
        thread.submit(asyncio.run, make()).result()
    return "fault_template"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trials(
    pair: Pair, fault_template: str, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Trials]:
    async with AsyncExitStack() as stack:
        trials = Trials(pair, fault_template, nursery, tmp_path_factory, stack)
        yield trials
        await trials.mend()


Wanted = tuple[int, bool, Network | None, list[tuple[str, str]]]


class Trials:
    """Opens trials and hands an open one out again, as long as nothing was found in it."""

    def __init__(
        self,
        pair: Pair,
        template: str,
        nursery: Nursery,
        folders: pytest.TempPathFactory,
        stack: AsyncExitStack,
    ) -> None:
        self._nursery = nursery
        self._pair = pair
        self._template = template
        self._folders = folders
        self._stack = stack
        self._open: tuple[Wanted, Trial] | None = None

    async def __call__(
        self,
        dice: random.Random,
        *,
        workers: int = 3,
        static: bool = False,
        through: Network | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Trial:
        wanted = workers, static, through, sorted(environment.items())
        if self._open is not None:
            was, trial = self._open
            if was == wanted and not trial.broken and trial.crew.slots == list(range(workers)):
                trial.dice, trial.broken = dice, True
                return trial
            await self.mend()
            await self._stack.aclose()
        trial = await self._start(dice, workers, static, through, environment)
        self._open = wanted, trial
        return trial

    async def mend(self) -> None:
        """Bring up what a test has left down, so that the next one does not fail for it."""
        if self._open is not None and self._open[1].broken:
            await asyncio.to_thread(self._pair.up)
            through = self._open[0][2]
            if through is not None:
                await through.mend()

    async def _start(
        self,
        dice: random.Random,
        workers: int,
        static: bool,
        through: Network | None,
        environment: Mapping[str, str],
    ) -> Trial:
        folder = self._folders.mktemp("trial")
        url = await self._stack.enter_async_context(
            temporary_database(self._pair.postgres, self._template)
        )
        installation = await self._stack.enter_async_context(
            installed(
                self._pair.kafka,
                url,
                folder,
                partitions=6,
                batch_max_records=POLL_RECORDS,
                count_max_records=BATCH_RECORDS,
                count_interval_s=1.0,  # as it is in production
            )
        )
        network = {} if through is None else through.environment(url)
        points = Switchboard(folder / "points")
        trial = Trial(
            installation,
            Crew(
                installation,
                workers,
                self._nursery,
                points=points.folder,
                static=static,
                environment={**environment, **network},
            ),
            points,
            Publisher(self._pair.kafka, installation.settings.topic_prefix.__add__, RATE),
            Tape(installation),
            dice,
            _rows,
        )
        self._stack.push_async_callback(trial.end)
        await trial.start()
        trial.broken = True
        return trial
