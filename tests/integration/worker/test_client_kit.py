"""The client kit as its users have it: installed from its wheel, against a real broker and a real worker."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from clients.python.market_mapping_client.access import KafkaAccess
from clients.python.market_mapping_client.compacted_state import CompactedState
from clients.python.market_mapping_client.compacted_topic import compacted
from schemas import examples
from tests.support.people.wheels import ROOT, build_wheel, install
from tests.support.services.installation import PATIENCE_S, Installation
from tests.unit.schemas.test_raw_reply import SPORTYBET
from worker.local.ports import pick_free

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client")
    wheel = build_wheel(ROOT / "clients" / "python", folder)
    return install(wheel, folder / "environment", extra="kafka") / "python"


def test_it_can_be_installed_from_a_checkout(tmp_path: Path) -> None:
    programs = install(ROOT / "clients" / "python", tmp_path / "environment", extra="kafka")
    shown = subprocess.run(
        [programs / "python", "-m", "market_mapping_client.publish", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "FILE" in shown.stdout


def publish(
    python: Path, installation: Installation, *files: Path, given: bytes = b""
) -> subprocess.CompletedProcess[str]:
    arguments = [
        "--bootstrap-servers",
        installation.settings.kafka_bootstrap_servers,
        *map(str, files),
    ]
    prefix = ["--topic-prefix", installation.settings.topic_prefix]
    return subprocess.run(
        [python, "-m", "market_mapping_client.publish", *prefix, *arguments],
        cwd=python.parent,
        input=given.decode(),
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


async def test_several_files_and_the_standard_input_are_published_and_it_is_said_where_to(
    python: Path, installation: Installation, tmp_path: Path
) -> None:
    first, second, third = map(orjson.dumps, examples.OBSERVATIONS.values())
    for name, content in (("first.json", first), ("second.json", second)):
        (tmp_path / name).write_bytes(content)
    files = [tmp_path / "first.json", tmp_path / "second.json", Path("-")]
    outcome = await asyncio.to_thread(publish, python, installation, *files, given=third)
    settings = installation.settings
    said = {line.split(" at ")[0] for line in outcome.stderr.splitlines()}
    assert said == {
        f"publish: 1 sent to {settings.topic_prefix}observations.{platform}"
        for platform in examples.OBSERVATIONS
    }
    assert len(await installation.consume(settings.topic_bet9ja)) == 1


async def test_a_payload_with_a_fault_is_refused_before_it_is_sent(
    python: Path, installation: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "observations.jsonl"
    file.write_bytes(orjson.dumps(examples.OBSERVATIONS["bet9ja"] | {"observed_at": "yesterday"}))
    outcome = await asyncio.to_thread(publish, python, installation, file)
    assert outcome.returncode == 1
    assert "observed_at" in outcome.stderr
    assert await installation.consume(installation.settings.topic_bet9ja) == []


async def test_an_example_runs_on_the_installed_wheel(
    python: Path, installation: Installation, tmp_path: Path
) -> None:
    reply = tmp_path / "reply.json"
    reply.write_bytes(orjson.dumps(SPORTYBET))
    example = ROOT / "clients" / "python" / "examples" / "publish_raw_reply.py"
    done = await asyncio.to_thread(
        subprocess.run,
        [python, example, reply],
        cwd=python.parent,
        env=installation.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(await installation.consume(installation.settings.topic_sportybet)) == 1


async def test_a_broker_that_does_not_answer_is_one_sentence(python: Path, tmp_path: Path) -> None:
    file = tmp_path / "observations.jsonl"
    file.write_bytes(orjson.dumps(examples.OBSERVATIONS["bet9ja"]))
    command: list[str | Path] = [python, "-m", "market_mapping_client.publish", file]
    done = await asyncio.to_thread(
        subprocess.run,
        [*command, "--bootstrap-servers", f"127.0.0.1:{pick_free(1)[0]}"],
        cwd=python.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("publish: BROKERS_UNREACHABLE: ")
    assert "Connection refused" in line


async def test_a_compacted_topic_is_read_over_all_partitions_and_then_followed(
    installation: Installation,
) -> None:
    settings = installation.settings
    access = KafkaAccess(settings.kafka_bootstrap_servers, topic_prefix=settings.topic_prefix)
    keys = [str(number).encode() for number in range(12)]
    await installation.publish(("odds.latest", key, b"1", []) for key in keys)
    await installation.publish([("odds.latest", keys[0], None, [])])
    state: CompactedState[int] = CompactedState(int, lambda value: value)
    async with compacted("odds.latest", access) as topic:
        async for record in topic.present():
            state.take(record)
        assert len(state) == len(keys) - 1
        assert state.get(keys[0]) is None
        await installation.publish([("odds.latest", keys[1], b"2", [])])
        async for record in topic.changes():
            assert state.take(record)
            break
    assert state.get(keys[1]) == 2
