"""What `replay run` asks before it connects to anything."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from worker.cli.main import app


@pytest.mark.parametrize("target", [[], ["--to-topic", "x.odds.resolved"]])
def test_older_answers_on_the_live_topic_are_confirmed_however_it_is_named(
    target: list[str],
) -> None:
    environment = {
        "MARKETMAP_TOPIC_PREFIX": "x.",
        "MARKETMAP_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "MARKETMAP_DATABASE_URL": "postgresql://127.0.0.1:1/none",
    }
    given = ["replay", "run", "--from", "1h", "--as-of", "3", "--actor", "a", "--reason", "b"]
    result = CliRunner(env=environment).invoke(app, [*given, *target])
    assert result.exit_code == 2
    assert "Readers of x.odds.resolved would get the answers of version 3" in result.stderr
