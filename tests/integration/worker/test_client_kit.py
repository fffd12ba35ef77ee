"""The client kit as its users have it: installed from its wheel, against a real broker and a real worker."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas import examples
from tests.support.people.wheels import ROOT, build_wheel, install
from tests.support.services.installation import PATIENCE_S, Installation

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client")
    wheel = build_wheel(ROOT / "clients" / "python", folder)
    return install(wheel, folder / "environment", extra="kafka") / "python"


def publish(
    python: Path, installation: Installation, file: Path
) -> subprocess.CompletedProcess[str]:
    arguments = [
        "--bootstrap-servers",
        installation.settings.kafka_bootstrap_servers,
        str(file),
    ]
    prefix = ["--topic-prefix", installation.settings.topic_prefix]
    return subprocess.run(
        [python, "-m", "market_mapping_client.publish", *prefix, *arguments],
        cwd=python.parent,
        capture_output=True,
        text=True,
        check=False,
    )


async def follow(python: Path, installation: Installation, lines: int) -> list[Any]:
    """The first lines that the example prints; by itself it never ends."""
    settings = installation.settings
    process = await asyncio.create_subprocess_exec(
        python, "-m", "market_mapping_client.follow",
        "--bootstrap-servers", settings.kafka_bootstrap_servers,
        "--topic", settings.topics.resolved,
        cwd=python.parent, stdout=subprocess.PIPE, limit=1 << 22,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert process.stdout is not None
            return [orjson.loads(await process.stdout.readline()) for _ in range(lines)]
    finally:
        process.kill()
        await process.wait()


async def test_what_the_example_publishes_is_resolved_and_what_it_follows_is_the_newest(
    python: Path, installation: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "observations.jsonl"
    installation.start_worker()
    observations = list(map(orjson.dumps, examples.OBSERVATIONS.values()))
    file.write_bytes(b"\n".join(observations * 2))  # the second time nothing is newer
    outcome = await asyncio.to_thread(publish, python, installation, file)
    assert outcome.returncode == 0, outcome.stderr
    await installation.caught_up()
    shown = await follow(python, installation, lines=len(observations))
    assert {event["platform"] for event in shown} == set(examples.OBSERVATIONS)
    assert all(event["markets"] for event in shown)


async def test_a_payload_with_a_fault_is_refused_before_it_is_sent(
    python: Path, installation: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "observations.jsonl"
    file.write_bytes(orjson.dumps(examples.OBSERVATIONS["bet9ja"] | {"observed_at": "yesterday"}))
    outcome = await asyncio.to_thread(publish, python, installation, file)
    assert outcome.returncode == 1
    assert "observed_at" in outcome.stderr
    assert await installation.consume(installation.settings.topic_bet9ja) == []
