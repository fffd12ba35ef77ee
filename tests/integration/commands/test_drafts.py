"""Proposing, reviewing and taking back changes of mappings by commands."""

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]
Change = Callable[..., Any]
Query = Callable[..., list[dict[str, Any]]]
Miss = Callable[..., None]

ANN = ("--actor", "ann", "--reason", "sold again")


@pytest.fixture
def asked(run: Run) -> Change:
    """`asked("changes", "show", "1")`: a command that must succeed; returns its JSON."""

    def invoke(*arguments: str, text: str | None = None) -> Any:
        result = run(*arguments, "--json", text=text)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return invoke


@pytest.fixture
def refused(run: Run) -> Callable[..., str]:
    """`refused("changes", "approve", "1")`: a command that must be refused; returns what it says."""

    def invoke(*arguments: str, code: int = 1, text: str | None = None) -> str:
        result = run(*arguments, text=text)
        assert result.exit_code == code, result.output
        return str(result.stderr)

    return invoke


def test_a_draft_is_written_reviewed_and_approved(
    asked: Change, mapping_file: str, run: Run, query: Query
) -> None:
    written = asked("drafts", "create", "--file", mapping_file, *ANN)
    assert written == {"change_set": 1, "drafts": [1], "state": "DRAFT", "dry_run": False}
    assert query("SELECT count(*) AS n FROM user_market_mappings") == [{"n": 0}]
    (listed,) = asked("drafts", "list")
    assert (listed["canonical_id"], listed["action"], listed["state"]) == (
        *("btts", "CREATE", "DRAFT"),
    )
    asked("drafts", "propose", "1", "--actor", "ann")
    shown = asked("changes", "diff", "1")
    assert {one["field"] for one in shown[0]["changes"]} >= {"name", "sportybet_id"}
    done = asked("changes", "approve", "1", "--actor", "bob", "--reason", "right")
    assert (done["state"], done["decided_by"], done["changes"][0]["action"]) == (
        *("APPROVED", "bob", "CREATE"),
    )
    (version,) = asked("changes", "show", "1")["versions"]
    assert (version["actor"], version["reason"]) == ("ann", "sold again")
    assert "bob" in run("changes", "list").stdout


def test_fields_of_a_mapping_are_proposed(
    asked: Change, change: Change, mapping_file: str, query: Query
) -> None:
    change("mappings", "create", "--file", mapping_file)
    asked("drafts", "create", "btts", "--set", "priority=5", "--propose", *ANN)
    (fields,) = asked("changes", "diff", "2")
    assert fields["changes"] == [{"field": "priority", "old": 0, "new": 5}]
    asked("changes", "approve", "2", "--actor", "bob")
    assert query("SELECT priority FROM user_market_mappings") == [{"priority": 5}]


@pytest.mark.parametrize("option", ["--deactivate", "--delete"])
def test_switching_off_and_deleting_are_proposed(
    asked: Change, change: Change, mapping_file: str, query: Query, option: str
) -> None:
    change("mappings", "create", "--file", mapping_file)
    asked("drafts", "create", "btts", option, "--propose", *ANN)
    asked("changes", "approve", "2", "--actor", "bob")
    active = query("SELECT count(*) AS n FROM user_market_mappings WHERE is_active")
    assert active == [{"n": 0}]
    asked("changes", "revert", "2", "--actor", "bob", "--reason", "it is sold")
    active = query("SELECT count(*) AS n FROM user_market_mappings WHERE is_active")
    assert active == [{"n": 1}]


def test_several_drafts_are_one_change_set(
    asked: Change, change: Change, mapping_file: str
) -> None:
    change("mappings", "create", "--file", mapping_file)
    asked("drafts", "create", "btts", "--set", "name=GG", "--name", "Names", *ANN)
    fields = [
        *("--set", "canonical_id=odd_even", "--set", "name=Odd", "--set", "sportybet_id=26"),
        *("--set", "outcome.odd.sportybet_desc=Odd", "--set", "outcome.even.sportybet_desc=Even"),
    ]
    written = asked("drafts", "create", *fields, "--change-set", "2", "--propose", *ANN)
    assert written["change_set"] == 2
    assert len(asked("changes", "approve", "2", "--actor", "bob")["changes"]) == 2
    done = asked("changes", "revert", "2", "--actor", "bob", "--reason", "wrong")
    assert {one["action"] for one in done["changes"]} == {"UPDATE", "DELETE"}
    (reverted,) = asked("changes", "list", "--state", "REVERTED")
    assert (reverted["name"], reverted["reverted_by"]) == ("Names", 3)
    assert "ann" in reverted["authors"]


def test_a_change_set_is_sent_back_edited_and_proposed_again(
    asked: Change, refused: Callable[..., str], mapping_file: str
) -> None:
    asked("drafts", "create", "--file", mapping_file, "--propose", *ANN)
    assert "is PROPOSED" in refused("drafts", "edit", "1", "--set", "name=GG", *ANN)
    asked("changes", "send-back", "1", "--actor", "bob", "--reason", "name it GG")
    assert "is SENT_BACK by bob" in refused("changes", "approve", "1", "--actor", "bob")
    asked("drafts", "edit", "1", "--set", "name=GG", *ANN)
    asked("drafts", "propose", "1", "--actor", "ann")
    found = asked("changes", "show", "1")
    assert (found["revision"], found["comments"][0]["comment"]) == (2, "name it GG")
    message = refused("changes", "approve", "1", "--actor", "bob", "--expected-revision", "1")
    assert "proposed again" in message


def test_a_change_set_is_compared_in_a_spreadsheet(
    asked: Change, change: Change, run: Run, refused: Callable[..., str], mapping_file: str
) -> None:
    change("mappings", "create", "--file", mapping_file)
    asked("drafts", "create", "btts", "--set", "name==1+1", "--propose", *ANN)
    drafted = rows_of(run("changes", "diff", "2", "--csv").stdout)
    assert [(one["draft"], one["by"], one["field"], one["new"]) for one in drafted] == [
        ("1", "ann", "name", "'=1+1")
    ]
    asked("changes", "approve", "2", "--actor", "bob")
    made = rows_of(run("changes", "diff", "2", "--csv").stdout)
    assert [(one["version"], one["action"], one["new"]) for one in made] == [
        ("2", "UPDATE", "'=1+1")
    ]
    assert "Give one of" in refused("changes", "diff", "2", "--csv", "--json", code=2)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text.removeprefix("\ufeff"), newline="")))


def test_a_change_set_is_withdrawn(asked: Change, mapping_file: str) -> None:
    asked("drafts", "create", "--file", mapping_file, "--propose", *ANN)
    asked("drafts", "withdraw", "1", *ANN)
    assert asked("drafts", "list") == []
    asked("drafts", "remove", "1", *ANN)
    assert asked("drafts", "list", "--state", "WITHDRAWN") == []


def test_whoever_removes_a_draft_is_an_author_of_the_change_set(
    asked: Change, refused: Callable[..., str], mapping_file: str
) -> None:
    asked("drafts", "create", "--file", mapping_file, *ANN)
    assert "--actor" in refused("drafts", "remove", "1", "--reason", "not sold", code=2)
    asked("drafts", "remove", "1", "--actor", "dora", "--reason", "not sold")
    assert "dora" in asked("changes", "show", "1")["authors"]


def test_what_was_changed_meanwhile_is_named_and_a_draft_can_follow(
    asked: Change, change: Change, refused: Callable[..., str], mapping_file: str
) -> None:
    change("mappings", "create", "--file", mapping_file)
    asked("drafts", "create", "btts", "--set", "name=GG", "--propose", *ANN)
    change("mappings", "update", "btts", "--set", "priority=3")
    message = refused("changes", "approve", "2", "--actor", "bob")
    assert "btts is at version 2 now, the draft changes version 1" in message
    asked("drafts", "withdraw", "2", *ANN)
    asked("drafts", "edit", "1", "--expected-version", "2", "--set", "priority=3", *ANN)
    asked("drafts", "propose", "2", "--actor", "ann")
    asked("changes", "approve", "2", "--actor", "bob")


def test_a_refusal_is_json_for_a_program(
    asked: Change, change: Change, run: Run, mapping_file: str
) -> None:
    change("mappings", "create", "--file", mapping_file)
    asked("drafts", "create", "btts", "--set", "name=GG", "--propose", *ANN)
    change("mappings", "delete", "btts")
    result = run("changes", "approve", "2", "--actor", "bob", "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert [(one["canonical_id"], one["kind"]) for one in said["refusals"]] == [("btts", "GONE")]
    assert json.loads(result.stderr)["code"] == "CONFLICT"


def test_a_direct_change_is_listed_and_reverted(
    asked: Change, change: Change, mapping_file: str, query: Query
) -> None:
    change("mappings", "create", "--file", mapping_file)
    (listed,) = asked("changes", "list", "--mapping", "btts")
    assert (listed["name"], listed["is_direct"]) == ("direct change of btts", True)
    asked("changes", "revert", "1", "--actor", "bob", "--reason", "too early")
    assert query("SELECT count(*) AS n FROM user_market_mappings") == [{"n": 0}]


def test_four_eyes_are_required_and_shown(
    asked: Change, refused: Callable[..., str], mapping_file: str, run: Run
) -> None:
    asked("changes", "four-eyes", "on", "--actor", "olga", "--reason", "audit")
    assert "four eyes are required" in run("changes", "four-eyes").stdout
    message = refused("mappings", "create", "--file", mapping_file, *ANN)
    assert "changed by a change set that somebody else has approved" in message
    tried = run("mappings", "create", "--file", mapping_file, *ANN, "--dry-run")
    assert "A dry run: nothing was changed." in tried.stderr
    written = asked("drafts", "create", "--file", mapping_file, "--propose", *ANN)
    number = str(written["change_set"])
    message = refused("changes", "approve", number, "--actor", "bob")
    assert "cannot be approved" in message
    asked("changes", "four-eyes", "off", "--actor", "olga", "--reason", "alone today")
    asked("changes", "approve", number, "--actor", "ann")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("changes", "show", "7"), "there is no change set 7"),
        (("changes", "diff", "7"), "there is no change set 7"),
        (("changes", "approve", "7", "--actor", "bob"), "there is no change set 7"),
        (("changes", "revert", "7", *ANN), "there is no change set 7"),
        (("drafts", "show", "7"), "there is no draft 7"),
        (("drafts", "propose", "7", "--actor", "ann"), "there is no change set 7"),
        (("drafts", "create", "bts", "--delete", *ANN), "Did you mean btts?"),
    ],
)
def test_what_is_not_there_is_said(
    change: Change,
    refused: Callable[..., str],
    mapping_file: str,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    change("mappings", "create", "--file", mapping_file)
    assert says in refused(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("drafts", "create", "btts", *ANN),
        ("drafts", "create", "--delete", *ANN),
        ("drafts", "create", "btts", "--delete", "--activate", *ANN),
        ("drafts", "create", "btts", "--set", "name=G", "--miss", "sportybet", *ANN),
        ("drafts", "edit", "1", *ANN),
        ("drafts", "list", "--state", "OPEN"),
        ("changes", "list", "--state", "OPEN"),
        ("changes", "approve", "1", "--actor", "bob", "--force"),
        ("changes", "four-eyes", "maybe"),
        ("changes", "four-eyes", "on"),
    ],
)
def test_wrong_use_is_refused(refused: Callable[..., str], arguments: tuple[str, ...]) -> None:
    refused(*arguments, code=2)


def grid_of(run: Run, *arguments: str) -> list[dict[str, str]]:
    text = run("drafts", "export", *arguments).stdout.removeprefix("\ufeff")
    return list(csv.DictReader(StringIO(text, newline="")))


def as_csv(rows: list[dict[str, str]]) -> str:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def test_a_group_of_misses_is_decided_in_a_spreadsheet(
    asked: Change,
    change: Change,
    run: Run,
    miss: Miss,
    mapping_file: str,
    tmp_path: Path,
    query: Query,
) -> None:
    change("mappings", "create", "--file", mapping_file)
    miss("bet9ja", "S_GGNG", "GG/NG", ["Y", "N"])
    miss("sportybet", "900", "Goal Odd/Even", ["Odd", "Even", "=None"])
    rows = grid_of(run)
    assert [(row["market_id"], row["label"]) for row in rows] == [
        *(("S_GGNG", "Y"), ("S_GGNG", "N")),
        *(("900", "Odd"), ("900", "Even"), ("900", "'=None")),
    ]
    decided = dict(zip("YN", ("yes", "no"), strict=True)) | {"Odd": "odd", "Even": "even"}
    for row in rows:
        row["canonical_id"] = "btts" if row["platform"] == "bet9ja" else "odd_even"
        row["outcome"] = decided.get(row["label"], "none")
    file = tmp_path / "grid.csv"
    file.write_text("\ufeff" + as_csv(rows), encoding="utf-8")
    written = asked("drafts", "import", str(file), "--name", "Goals", "--propose", *ANN)
    assert sorted(written["mappings"]) == ["btts", "odd_even"]
    done = asked("changes", "approve", str(written["change_set"]), "--actor", "bob")
    assert {(one["source"], one["external_market_id"]) for one in done["covered"]} == {
        *(("bet9ja", "S_GGNG"), ("sportybet", "900")),
    }
    (odd,) = query(
        "SELECT outcome_mapping FROM user_market_mappings WHERE canonical_id = 'odd_even'"
    )
    assert [one["sportybet_desc"] for one in json.loads(odd["outcome_mapping"])] == [
        *("Odd", "Even", "=None"),
    ]
    asked("changes", "revert", str(written["change_set"]), "--actor", "bob", "--reason", "no")
    statuses = query("SELECT status FROM unmapped_market_log")
    assert [row["status"] for row in statuses] == ["NEW", "NEW"]


def test_the_markets_of_a_grid_are_named_or_those_of_their_group(
    refused: Callable[..., str], run: Run, miss: Miss
) -> None:
    miss("sportybet", "901", "Goal in minutes 1-10", ["Yes", "No"])
    miss("sportybet", "902", "Goal in minutes 11-20", ["Yes", "No"])
    miss("sportybet", "903", "Card in minutes 1-10", ["Yes", "No"])
    miss("bet9ja", "901", "Goal in minutes 1-10", ["Yes", "No"])

    def markets(*arguments: str) -> list[tuple[str, str]]:
        rows = grid_of(run, "--platform", "sportybet", *arguments)
        return list(dict.fromkeys((row["platform"], row["market_id"]) for row in rows))

    assert markets("--market-id", "902") == [("sportybet", "902")]
    by_name = markets("--market-id", "902", "--group-by", "name")
    assert by_name == [("sportybet", "902"), ("sportybet", "901")]
    by_labels = markets("--market-id", "903", "--group-by", "labels")
    assert set(by_labels) == {("sportybet", one) for one in ("901", "902", "903")}
    one_of_them = ("--market-id", "903", "--group-by", "labels", "--limit", "1")
    assert markets(*one_of_them) == [("sportybet", "903")]
    said = run("drafts", "export", "--platform", "sportybet", *one_of_them).stderr
    assert said == "Only the first 1 of 3 markets: --limit takes more.\n"
    export = ("drafts", "export", "--platform", "sportybet")
    assert "904" in refused(*export, "--market-id", "904")
    assert "--platform" in refused("drafts", "export", "--market-id", "901", code=2)
    assert "--market-id" in refused(*export, "--group-by", "name", code=2)
    assert "not by both" in refused(*export, "goal", "--market-id", "901", code=2)


def test_every_fault_of_a_grid_is_named_and_nothing_is_written(
    refused: Callable[..., str], run: Run, miss: Miss, query: Query
) -> None:
    miss("sportybet", "900", "Goal Odd/Even", ["Odd", "Even"])
    rows = grid_of(run)
    rows[0] |= {"canonical_id": "Odd Even!", "outcome": "odd"}
    rows.append(rows[0] | {"market_id": "901"})
    message = refused("drafts", "import", "-", *ANN, text=as_csv(rows))
    assert "2 faults" in message or "1 fault" in message
    assert "nothing was changed" in message
    assert query("SELECT count(*) AS n FROM change_set") == [{"n": 0}]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", 2), ("a,b\n1,2\n", 1), ("platform,market_id,label,canonical_id,outcome\n", 2)],
)
def test_a_file_that_is_no_grid_is_refused(
    refused: Callable[..., str], text: str, code: int
) -> None:
    refused("drafts", "import", "-", *ANN, text=text, code=code)


def test_a_dry_run_writes_nothing(asked: Change, mapping_file: str, query: Query) -> None:
    said = asked("drafts", "create", "--file", mapping_file, "--dry-run", *ANN)
    assert (said["change_set"], said["dry_run"]) == (None, True)
    assert query("SELECT count(*) AS n FROM change_set") == [{"n": 0}]


def test_a_miss_is_taken_put_off_and_released(
    asked: Change, refused: Callable[..., str], miss: Miss, query: Query
) -> None:
    miss("sportybet", "900", "Goal Odd/Even")
    changed = [{"source": "sportybet", "external_market_id": "900"}]
    market = ("sportybet", "900", "--actor", "ann")
    assert asked("unmapped", "take", *market)["changed"] == changed
    message = refused("unmapped", "take", "sportybet", "900", "--actor", "bob")
    assert "ann works on sportybet 900" in message
    assert asked("unmapped", "take", *market)["changed"] == []
    asked("unmapped", "snooze", *market, "--for", "3d", "--reason", "cup")
    (case,) = asked("unmapped", "cases", "--owner", "ann", "--snoozed")
    assert (case["status"], case["reason"]) == ("ACKNOWLEDGED", "cup")
    asked("unmapped", "wake", *market, "--reason", "now")
    assert asked("unmapped", "cases", "--snoozed") == []
    asked("unmapped", "release", *market, "--reason", "no time")
    assert query("SELECT status FROM unmapped_market_log") == [{"status": "NEW"}]
    refused("unmapped", "snooze", *market, "--reason", "cup", code=2)
    assert "never missed" in refused("unmapped", "take", "sportybet", "901", "--actor", "ann")


def test_regressions_are_listed(asked: Change, miss: Miss, query: Query) -> None:
    miss("sportybet", "900", "Goal Odd/Even")
    query("UPDATE unmapped_market_log SET status = 'MAPPED'")
    query("UPDATE unmapped_market_log SET status = 'NEW', occurrence_count = 2")
    (case,) = asked("unmapped", "cases", "--regressed")
    assert (case["external_market_id"], case["regressed_from"]) == ("900", 0)


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_lists_print_in_every_form(run: Run, asked: Change, mapping_file: str, form: str) -> None:
    asked("drafts", "create", "--file", mapping_file, *ANN)
    for noun in ("drafts", "changes"):
        result = run(noun, "list", "--output", form)
        assert result.exit_code == 0, result.output
        assert "btts" in result.stdout


def test_the_markets_of_a_kept_view_are_listed_by_its_name(
    run: Run, asked: Change, refused: Callable[..., str], miss: Miss
) -> None:
    miss("sportybet", "800", "Corners", ["Over 2.5"])
    miss("betpawa", "900", "Corners", ["Over 2.5"])
    views = ("unmapped", "views")
    kept = ("--query", "?platform=betpawa&group=labels&place=50&color=red", "--actor", "ann")
    assert (
        "theirs is kept: platform=betpawa&group=labels"
        in run(*views, "save", "theirs", *kept).stdout
    )
    (listed,) = asked(*views, "list", "--actor", "ann")
    assert (listed["name"], listed["query"]) == ("theirs", "platform=betpawa&group=labels")
    (group,) = asked(*views, "show", "theirs", "--actor", "ann")
    assert group["source"] == "betpawa"
    saved = asked(*views, "save", "theirs", "--query", "platform=sportybet", "--actor", "ann")
    assert saved == {"name": "theirs", "query": "platform=sportybet"}
    (market,) = asked(*views, "show", "theirs", "--actor", "ann")
    assert market["external_market_id"] == "800"
    assert asked(*views, "list", "--actor", "bob") == []
    assert "bob keeps no view theirs" in refused(*views, "show", "theirs", "--actor", "bob")
    assert "theirs is removed" in run(*views, "delete", "theirs", "--actor", "ann").stdout
    assert "keeps no view" in refused(*views, "delete", "theirs", "--actor", "ann")
    asked(*views, "save", "more", "--query", "", "--actor", "ann")
    assert asked(*views, "delete", "more", "--actor", "ann") == {"name": "more", "deleted": True}
    assert "ck_queue_view_name" in refused(*views, "save", " ", "--query", "", "--actor", "ann")
