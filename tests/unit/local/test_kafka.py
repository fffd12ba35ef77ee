"""The broker's properties."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.local.instance import Instance
from worker.local.kafka import Kafka


@pytest.fixture
def kafka(tmp_path: Path) -> Kafka:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.properties").touch()  # as it is after the first start
    return Kafka(tmp_path, lambda _: None)


def properties(kafka: Kafka) -> dict[str, str]:
    """As Java reads them: of two lines with one name the last one counts."""
    kafka.prepare(Instance("token", (15001, 15002)))
    lines = kafka.properties.read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_the_broker_listens_on_its_own_port(kafka: Kafka) -> None:
    assert properties(kafka)["advertised.listeners"] == "PLAINTEXT://127.0.0.1:15001"


def test_a_file_of_overrides_wins_and_leaves_the_rest_alone(kafka: Kafka) -> None:
    before = properties(kafka)
    (kafka.folder / "override.properties").write_text("num.io.threads=1\n")
    assert properties(kafka) == before | {"num.io.threads": "1"}
