from __future__ import annotations

import json

from typer.testing import CliRunner

from worker.operations.installation.topics import app

SETTINGS = {"MARKETMAP_TOPIC_PREFIX": "staging.", "MARKETMAP_GROUP_ID": "g"}


def test_the_grants_of_a_part_have_the_names_of_the_settings() -> None:
    told = CliRunner().invoke(app, ["grants", "relay", "--json"], env=SETTINGS)
    assert [grant["name"] for grant in json.loads(told.stdout)["relay"]] == [
        "staging.mappings.changes",
        "staging.mappings.changes-relay",
    ]


def test_without_a_part_the_grants_of_all_are_told() -> None:
    told = CliRunner().invoke(app, ["grants"], env=SETTINGS)
    assert told.exit_code == 0
    assert {"worker", "redrive", "scraper"} <= set(told.stdout.split())


def test_a_part_that_is_unknown_is_wrong_usage() -> None:
    told = CliRunner().invoke(app, ["grants", "nobody"], env=SETTINGS)
    assert told.exit_code == 2
