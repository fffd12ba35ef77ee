"""The limits of `validate` and `resolve` are those that the settings of the same names have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from worker.cli.main import app
from worker.settings.settings import Settings

BEYOND = {
    "--max-bytes": ("max_message_bytes", 1024**3 + 1),
    "--max-clock-ahead-s": ("max_clock_ahead_s", 366 * 86_400 + 1),
}


@pytest.mark.parametrize("command", ["validate", "resolve"])
@pytest.mark.parametrize("option", BEYOND)
def test_more_than_the_setting_allows_is_wrong_usage(
    command: str, option: str, tmp_path: Path
) -> None:
    setting, value = BEYOND[option]
    with pytest.raises(ValidationError, match=setting):
        Settings.model_validate({setting: value})
    file = tmp_path / "observations.jsonl"
    file.write_text(json.dumps({}) + "\n")
    for given in (value, 10**30):
        result = CliRunner().invoke(app, [command, str(file), option, str(given)])
        assert result.exit_code == 2, result.exception
        assert "less than or equal to" in result.output
