"""The commands that create and change mappings, as editors call them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from worker.domain.books.platforms import PLATFORMS

Run = Callable[..., Result]
Change = Callable[..., Any]
Query = Callable[..., list[dict[str, Any]]]

pytestmark = pytest.mark.services
SIGNED = ("--actor", "ada", "--reason", "because")
YES = ["--set", "name=X", "--set", "sportybet_id=29", "--set", "outcome.yes.sportybet_desc=Yes"]
OTHER = ["--set", "name=O", "--set", "sportybet_id=30", "--set", "outcome.yes.sportybet_desc=Yes"]


@pytest.fixture
def version(change: Change, mapping_file: str) -> int:
    """The mapping `btts` is there; its version."""
    version: int = change("mappings", "create", "--file", mapping_file)["version"]
    return version


def audit(query: Query) -> list[tuple[Any, ...]]:
    rows = query(
        "SELECT action, canonical_id, created_by, reason FROM mapping_audit_log ORDER BY id"
    )
    return [tuple(row.values()) for row in rows]


def test_a_mapping_is_created_from_a_file_and_signed(version: int, run: Run, query: Query) -> None:
    shown = json.loads(run("mappings", "show", "btts", "--json").stdout)
    assert (shown["sportybet_id"], shown["version"], shown["created_by"]) == ("29", version, "ada")
    assert [row["sportybet_desc"] for row in shown["outcome_mapping"]] == ["Yes", "No"]
    assert audit(query) == [("CREATE", "btts", "ada", "because")]


def test_a_mapping_says_how_much_it_is_used(version: int, run: Run, query: Query) -> None:
    assert json.loads(run("mappings", "show", "btts", "--json").stdout)["uses"] == {}
    query(
        """INSERT INTO shape_hour (platform, hour, version, observations, unreadable, markets, unread,
            examples, records)
        SELECT platform, now(), 1, 20, 0, '{}', '[]', '{}', 900 FROM unnest(ARRAY['sportybet', 'bet9ja'])
            AS platform
        RETURNING hour"""
    )
    none = {"observations": 0, "per_day": 0, "sampled": 20, "records": 900}
    assert json.loads(run("mappings", "show", "btts", "--json").stdout)["uses"] == {
        "sportybet": none
    }
    query(
        "INSERT INTO mapping_hour SELECT 'btts', platform, hour, 4 FROM shape_hour RETURNING hour"
    )
    (row,) = json.loads(run("mappings", "list", "--json").stdout)
    assert row["uses"] == {"sportybet": none | {"observations": 4, "per_day": 180}}
    said = "on 4 of 20 sampled observations of the last 24 hours, about 180 of 900"
    assert said in " ".join(run("mappings", "show", "btts").stdout.split())


def test_a_spreadsheet_gets_the_mappings(version: int, run: Run) -> None:
    lines = run("mappings", "list", "--csv").stdout_bytes.decode("utf-8-sig").split("\r\n")
    (row,) = csv.DictReader(lines)
    assert (row["canonical_id"], row["sportybet_id"], row["version"]) == (
        "btts",
        "29",
        str(version),
    )
    assert [outcome["sportybet_desc"] for outcome in json.loads(row["outcome_mapping"])] == [
        "Yes",
        "No",
    ]


def test_a_mapping_is_created_from_options_alone(change: Change) -> None:
    created = change("mappings", "create", "--set", "canonical_id=x", *YES)
    assert {"field": "outcome.yes.sportybet_desc", "old": None, "new": "Yes"} in created["changes"]


@pytest.mark.parametrize(
    "command", ["create", "activate", "deactivate", "delete", "update", "import"]
)
@pytest.mark.parametrize("missing", [0, 2])
def test_a_change_without_actor_or_reason_is_wrong_usage(
    run: Run, query: Query, mapping_file: str, command: str, missing: int
) -> None:
    arguments = {
        "create": ["--file", mapping_file],
        "update": ["btts", "--set", "name=x"],
        "import": [],
    }
    signed = SIGNED[missing : missing + 2]
    result = run("mappings", command, *arguments.get(command, ["btts"]), *signed)
    assert (result.exit_code, audit(query)) == (2, [])


def test_the_actor_may_come_from_the_environment(
    run: Run, query: Query, mapping_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKETMAP_ACTOR", "grace")
    assert run("mappings", "create", "--file", mapping_file, "--reason", "new").exit_code == 0
    assert audit(query) == [("CREATE", "btts", "grace", "new")]


@pytest.mark.parametrize(
    ("assignment", "field"),
    [
        ("line_rule.kind=fancy", "line_rule.kind"),
        ("outcome.yes.sportybet_desc=", "outcome_mapping"),
        ("sportybetid=1", "sportybetid"),
        ("priority=high", "priority"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_by_field_and_nothing_is_written(
    run: Run, query: Query, assignment: str, field: str
) -> None:
    result = run(
        "mappings", "create", "--set", "canonical_id=x", *YES, "--set", assignment, *SIGNED
    )
    assert (result.exit_code, audit(query)) == (1, [])
    assert result.stderr.startswith(f"{field} = ")


def test_a_canonical_id_that_is_taken_is_refused(version: int, run: Run, mapping_file: str) -> None:
    result = run("mappings", "create", "--file", mapping_file, *SIGNED)
    assert result.exit_code == 1
    assert "there is a mapping btts already" in result.stderr


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_rival_is_named_and_nothing_is_written(
    version: int, run: Run, query: Query, options: list[str]
) -> None:
    result = run("mappings", "create", "--set", "canonical_id=x", *YES, *SIGNED, *options)
    assert result.exit_code == 1
    assert 'x conflicts with btts: both claim sportybet market 29, label "yes"' in result.stderr
    assert len(audit(query)) == 1


def test_machines_get_the_conflicts_too(version: int, run: Run) -> None:
    result = run("mappings", "create", "--set", "canonical_id=x", *YES, *SIGNED, "--json")
    rival = {
        "canonical_id": "x",
        "rival": "btts",
        "platform": "sportybet",
        "market_id": "29",
        "label": "yes",
    }
    assert json.loads(result.stdout) == {"refused": True, "conflicts": [rival]}


def test_another_priority_or_an_inactive_mapping_is_no_rival(version: int, change: Change) -> None:
    change("mappings", "create", "--set", "canonical_id=x", *YES, "--set", "priority=1")
    change("mappings", "create", "--set", "canonical_id=y", *YES, "--inactive")


def test_a_rival_is_found_when_it_is_switched_on(version: int, change: Change, run: Run) -> None:
    change("mappings", "create", "--set", "canonical_id=x", *YES, "--inactive")
    result = run("mappings", "activate", "x", *SIGNED)
    assert result.exit_code == 1
    assert "x conflicts with btts" in result.stderr


def test_a_dry_run_shows_the_difference_and_changes_nothing(
    version: int, run: Run, query: Query
) -> None:
    result = run("mappings", "update", "btts", "--set", "name=GG", *SIGNED, "--dry-run")
    assert [line.split() for line in result.stdout.splitlines()][-1] == [
        "name",
        *["Both", "Teams", "To", "Score"],
        "GG",
    ]
    assert len(audit(query)) == 1


def test_a_change_that_changes_nothing_is_said_and_not_written(
    version: int, run: Run, query: Query
) -> None:
    result = run("mappings", "update", "btts", "--set", "name=Both Teams To Score", *SIGNED)
    assert (result.exit_code, len(audit(query))) == (0, 1)
    assert "nothing to change" in result.stderr


def test_an_editor_of_an_outdated_version_is_told_what_changed_and_by_whom(
    version: int, run: Run, change: Change, query: Query
) -> None:
    change("mappings", "update", "btts", "--set", "name=GG")
    result = run(
        "mappings",
        "update",
        "btts",
        "--set",
        "name=NG",
        "--expected-version",
        str(version),
        *SIGNED,
    )
    assert result.exit_code == 1
    for told in ("ada", "because", "Both Teams To Score", "GG", "nothing was changed"):
        assert told in result.stderr
    assert len(audit(query)) == 2


def test_an_exported_file_remembers_its_version(
    version: int, run: Run, change: Change, tmp_path: Path
) -> None:
    file = tmp_path / "edit.yaml"
    assert run("mappings", "export", "btts", "--output", str(file)).exit_code == 0
    file.write_text(file.read_text().replace("Both Teams To Score", "GG"))
    assert change("mappings", "update", "btts", "--file", str(file))["changes"] == [
        {"field": "name", "old": "Both Teams To Score", "new": "GG"}
    ]
    again = run("mappings", "update", "btts", "--file", str(file), *SIGNED)
    assert again.exit_code == 1
    assert "you changed version" in again.stderr


@pytest.mark.parametrize("options", [[], ["--file", "-", "--set", "name=x"]])
def test_an_update_takes_either_a_file_or_fields(run: Run, options: list[str]) -> None:
    assert run("mappings", "update", "btts", *options, *SIGNED).exit_code == 2


def test_switching_off_and_on_is_told_as_such(
    version: int, change: Change, query: Query, run: Run
) -> None:
    assert change("mappings", "deactivate", "btts")["action"] == "DEACTIVATE"
    assert json.loads(run("mappings", "list", "--active", "--json").stdout) == []
    assert change("mappings", "activate", "btts")["action"] == "ACTIVATE"
    assert [action for action, *_ in audit(query)] == ["CREATE", "DEACTIVATE", "ACTIVATE"]


def test_the_list_finds_a_mapping_by_the_whole_id_of_any_bookmaker(version: int, run: Run) -> None:
    assert "btts" in run("mappings", "list", "29").stdout
    assert run("mappings", "list", "2", "--json").stdout.strip() == "[]"


def test_mappings_with_a_hole_are_those_that_are_not_sold_there(
    version: int, change: Change, run: Run, tmp_path: Path
) -> None:
    """Also those without any further id, and not those that have only a further one."""
    further = """
canonical_id: corners
name: Corners
betpawa_id: 7
also: [{platform: bet9ja, id: S_C}]
outcome_mapping: [{canonical_id: yes, betpawa_name: Yes, sportybet_desc: Yes, bet9ja_suffix: Y}]
"""
    file = tmp_path / "corners.yaml"
    file.write_text(further, encoding="utf-8")
    change("mappings", "create", "--file", str(file))

    def listed(*options: str) -> list[str]:
        rows = json.loads(run("mappings", "list", *options, "--json").stdout)
        return [one["canonical_id"] for one in rows]

    assert listed("--lacks", "sportybet") == ["corners"]
    for platform in PLATFORMS:
        lacking, sold = listed("--lacks", platform), listed("--platform", platform)
        assert sorted([*lacking, *sold]) == ["btts", "corners"]
    every = [option for one in PLATFORMS for option in ("--lacks", one)]
    assert listed(*every) == []
    refused = run("mappings", "list", "--lacks", "elsewhere")
    assert refused.exit_code == 2
    assert "--lacks is one of betpawa, sportybet, bet9ja" in refused.stderr


def test_a_limited_list_says_how_many_there_are(version: int, change: Change, run: Run) -> None:
    change("mappings", "create", "--set", "canonical_id=other", *OTHER)
    assert "1 of 2 mappings" in run("mappings", "list", "--limit", "1").stderr
    assert "\n2 mappings" in "\n" + run("mappings", "list").stderr


@pytest.mark.parametrize("command", ["show", "history", "export"])
def test_a_misspelt_id_is_answered_with_the_close_ones(
    version: int, run: Run, command: str
) -> None:
    result = run("mappings", command, "bttss")
    assert (result.exit_code, "Did you mean btts?" in result.stderr) == (1, True)


def test_history_without_an_id_shows_the_newest_changes_of_all(
    version: int, change: Change, run: Run
) -> None:
    change("mappings", "create", "--set", "canonical_id=other", *OTHER)
    change("mappings", "deactivate", "btts")
    told = json.loads(run("mappings", "history", "--limit", "2", "--json").stdout)
    assert [(one["canonical_id"], one["action"]) for one in told] == [
        ("other", "CREATE"),
        ("btts", "DEACTIVATE"),
    ]
    assert "other" in run("mappings", "history").stdout


def test_history_shows_who_when_why_and_what(version: int, change: Change, run: Run) -> None:
    change("mappings", "update", "btts", "--set", "outcome.yes.betpawa_name=Ja")
    last = run("mappings", "history", "btts").stdout.splitlines()[-1].split()
    actor, login = last[3], last[4:6]
    assert (actor, login) == ("ada", ["(login", "postgres)"])
    assert last[6:] == ["UPDATE", "because", "outcome.yes.betpawa_name", "Ja"]
    told = json.loads(run("mappings", "history", "btts", "--json").stdout)
    assert [one["action"] for one in told] == ["CREATE", "UPDATE"]
    assert told[1]["changes"] == [{"field": "outcome.yes.betpawa_name", "old": None, "new": "Ja"}]


def test_a_rollback_makes_a_new_version_equal_to_the_old_one(
    version: int, change: Change, run: Run
) -> None:
    before = json.loads(run("mappings", "show", "btts", "--json").stdout)
    change(
        "mappings", "update", "btts", "--set", "name=GG", "--set", "outcome.no.sportybet_desc=Nope"
    )
    change("mappings", "deactivate", "btts")
    back = change("mappings", "rollback", "btts", str(version))
    after = json.loads(run("mappings", "show", "btts", "--json").stdout)
    moved = {"version", "updated_at"}
    assert back["version"] == version + 3
    assert {k: v for k, v in after.items() if k not in moved} == {
        k: v for k, v in before.items() if k not in moved
    }


def test_a_deleted_mapping_keeps_its_history_and_comes_back(
    version: int, change: Change, run: Run, query: Query
) -> None:
    change("mappings", "delete", "btts")
    assert run("mappings", "show", "btts").exit_code == 1
    change("mappings", "rollback", "btts", str(version))
    assert json.loads(run("mappings", "show", "btts", "--json").stdout)["sportybet_id"] == "29"
    assert [action for action, *_ in audit(query)] == ["CREATE", "DELETE", "CREATE"]


@pytest.mark.parametrize("command", ["roll", "recreate"])
def test_a_deleted_mapping_comes_back_only_from_the_expected_version(
    version: int, change: Change, run: Run, query: Query, command: str
) -> None:
    change("mappings", "delete", "btts")
    back = ("mappings", "rollback", "btts", str(version), "--expected-version")
    if command == "recreate":
        change(*back, str(version + 1))
        change("mappings", "delete", "btts")
    stale = run(*back, str(version), *SIGNED)
    assert stale.exit_code == 1
    assert f"you changed version {version}; nothing was changed" in stale.stderr
    assert "DELETE" in stale.stderr
    assert query("SELECT 1 FROM user_market_mappings") == []
    deleted = query("SELECT max(id) AS version FROM mapping_audit_log")[0]["version"]
    assert change(*back, str(deleted))["action"] == "CREATE"


def test_a_rollback_to_where_there_was_nothing_is_refused(
    version: int, change: Change, run: Run
) -> None:
    change("mappings", "delete", "btts")
    deleted = run("mappings", "rollback", "btts", str(version + 1), *SIGNED)
    unknown = run("mappings", "rollback", "nobody", str(version), *SIGNED)
    assert (deleted.exit_code, unknown.exit_code) == (1, 1)
    assert "was deleted at version" in deleted.stderr
    assert "did not exist yet" in unknown.stderr


@pytest.mark.parametrize("command", [["show"], ["history"], ["export"], ["activate", *SIGNED]])
def test_a_mapping_that_is_not_there_is_a_failure(run: Run, command: list[str]) -> None:
    assert run("mappings", command[0], "nobody", *command[1:]).exit_code == 1


def test_a_row_that_got_in_by_sql_is_shown_and_can_be_replaced(
    run: Run, change: Change, query: Query, mapping_file: str
) -> None:
    query(
        "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES ('btts', 'x', '[1]')"
    )
    assert "btts" in run("mappings", "show", "btts").stdout
    assert run("mappings", "update", "btts", "--set", "name=y", *SIGNED).exit_code == 1
    change("mappings", "update", "btts", "--file", mapping_file)


def test_a_terminal_is_not_steered_by_what_a_mapping_holds(run: Run, query: Query) -> None:
    query(
        "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES ('a', $1, '[1]')",
        "\x1b[31mred",
    )
    assert "\x1b" not in run("mappings", "list").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "btt"),
        ("export", "btt"),
        ("history", "btt"),
        ("update", "btt", "--set", "priority=1", *SIGNED),
        ("activate", "btt", *SIGNED),
        ("deactivate", "btt", *SIGNED),
        ("delete", "btt", *SIGNED),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_misspelt_canonical_id_is_answered_with_those_that_are_close(
    version: int, run: Run, arguments: tuple[str, ...]
) -> None:
    result = run("mappings", *arguments)
    assert (result.exit_code, "Did you mean btts?" in result.stderr) == (1, True)
    if arguments[0] != "export":
        error = json.loads(run("mappings", *arguments, "--json").stderr.splitlines()[-1])
        assert (error["code"], error["hint"]) == ("NOT_FOUND", "Did you mean btts?")


def test_a_misspelt_id_of_a_mapping_to_extend_is_answered_likewise(
    version: int, run: Run, miss: Callable[..., None]
) -> None:
    miss("bet9ja", "S_NEW")
    result = run("unmapped", "map", "bet9ja", "S_NEW", "--into", "btt", *SIGNED)
    assert (result.exit_code, "Did you mean btts?" in result.stderr) == (1, True)
