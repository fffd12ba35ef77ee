"""What the doctor says of the database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from worker.domain.index import Conflict
from worker.operations.doctor import database_verdicts as verdicts
from worker.operations.doctor.database_verdicts import RoleFacts
from worker.operations.doctor.findings import Finding
from worker.operations.doctor.parts import part_of
from worker.settings.settings import Settings
from worker.storage.access.locks import MAPPINGS, LockHolder, relay_lock
from worker.storage.access.ownership import Stray
from worker.storage.access.roles import ROLES
from worker.storage.access.sessions import Sessions
from worker.storage.inspection import Server

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SERVER = Server("18.1", 18, is_read_only=False, login="app", is_superuser=False)
CONFLICT = Conflict("sportybet", "18", "Over", "winner", "loser")
WORKER = part_of(Settings(), "worker")


def mappings(**changed: Any) -> list[Finding]:
    facts = verdicts.MappingFacts(7, NOON, 3, {}, [])
    return verdicts.judge_mappings(facts._replace(**changed))


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.level, finding.message) for finding in findings]


def test_a_standby_is_a_failure() -> None:
    assert [one.level for one in verdicts.judge_server(SERVER, "postgresql://db/x")] == ["OK"]
    (finding,) = verdicts.judge_server(SERVER._replace(is_read_only=True), "postgresql://db/x")
    assert finding.level == "FAILURE"


@pytest.mark.parametrize(("major", "level"), [(13, "FAILURE"), (14, "OK"), (18, "OK")])
def test_a_server_older_than_the_oldest_supported_one_is_a_failure(major: int, level: str) -> None:
    server = SERVER._replace(major=major)
    assert [one.level for one in verdicts.judge_server(server, "postgresql://db/x")] == [level]


def test_a_schema_in_which_nobody_else_may_create_is_nothing_to_report() -> None:
    assert verdicts.judge_schema([], []) == []


def test_whoever_may_create_in_public_is_named_with_what_takes_the_right_away() -> None:
    found = verdicts.judge_schema(["PUBLIC", "somebody"], [])
    assert [(one.level, one.remedy) for one in found] == [
        ("FAILURE", "marketmap roles, as an administrator"),
        ("WARNING", "REVOKE CREATE ON SCHEMA public FROM somebody"),
    ]


def test_planted_operators_are_named_with_their_owner() -> None:
    planted = [f"operator {name}(text,text) of somebody" for name in ("=", "<", ">", "<>")]
    ((level, message),) = told(verdicts.judge_schema([], planted))
    assert level == "FAILURE"
    assert "operator =(text,text) of somebody" in message
    assert "and 1 more" in message


def test_functions_that_everybody_may_call_and_owners_without_rights_are_failures() -> None:
    work = Stray("ROUTINE", "marketmap_x()", "mig", is_powerless=True)
    found = verdicts.judge_owners(
        ["marketmap_y()"], [Stray("TABLE", "alarm", "mig", is_powerless=False), work]
    )
    assert [(one.level, one.remedy) for one in found] == [
        ("FAILURE", "marketmap roles, as an administrator"),
        (
            "FAILURE",
            "as an administrator: ALTER ROUTINE marketmap_x() OWNER TO marketmap_owner",
        ),
        ("WARNING", "marketmap roles, as an administrator"),
    ]
    assert "alarm of mig" in found[2].message
    assert verdicts.judge_owners([], []) == []


@pytest.mark.parametrize(
    ("revision", "is_known", "level", "remedy"),
    [
        ("0011", True, "OK", None),
        ("0010", True, "FAILURE", "marketmap migrate"),
        (None, True, "FAILURE", "marketmap migrate"),
        ("0012", False, "WARNING", "a newer program has migrated: upgrade this one too"),
    ],
)
def test_a_revision_is_judged_by_the_programs_own(
    revision: str | None, is_known: bool, level: str, remedy: str | None
) -> None:
    (finding,) = verdicts.judge_revision(revision, "0011", is_known=is_known)
    assert (finding.level, finding.remedy) == (level, remedy)


def test_a_login_with_what_a_worker_needs_is_one_line() -> None:
    assert told(verdicts.judge_roles(RoleFacts(SERVER, ROLES, [], []), WORKER)) == [
        ("OK", "app may do what a worker has to")
    ]


def test_missing_roles_too_many_rights_and_too_few_are_told_one_by_one() -> None:
    facts = RoleFacts(SERVER._replace(is_superuser=True), ROLES[1:], [], ["relay_cursor UPDATE"])
    found = verdicts.judge_roles(facts, WORKER)
    assert told(found) == [
        ("WARNING", "missing: marketmap_owner"),
        ("WARNING", "app is a superuser and may do more than a worker has to"),
        ("FAILURE", "app lacks relay_cursor UPDATE"),
    ]
    assert found[-1].remedy == "marketmap roles, then GRANT marketmap_worker TO app"


def test_before_the_first_migration_nothing_is_said_to_be_well_with_the_rights() -> None:
    (finding,) = verdicts.judge_roles(RoleFacts(SERVER, ROLES, ["relay_cursor"], []), WORKER)
    assert (finding.level, finding.message) == (
        "FAILURE",
        "no rights to check, these do not exist: relay_cursor",
    )


def test_the_advice_names_the_group_of_the_part() -> None:
    editor = part_of(Settings(), "editor")
    (finding,) = verdicts.judge_roles(RoleFacts(SERVER, ROLES, [], ["x SELECT"]), editor)
    assert finding.remedy == "marketmap roles, then GRANT marketmap_editor TO app"


def test_healthy_mappings_are_told_with_version_and_time() -> None:
    assert told(mappings()) == [("OK", "3 active, version 7, last changed 2026-11-22 12:00:00 UTC")]


def test_a_mapping_that_cannot_be_used_is_a_failure() -> None:
    (finding,) = mappings(unusable={"btts": "priority: 'x' is no number"})
    assert finding.level == "FAILURE"
    assert finding.message == "btts cannot be used: priority: 'x' is no number"


def test_the_call_that_shows_such_a_mapping_is_quoted_for_a_shell() -> None:
    (finding,) = mappings(unusable={"a; b": "bad"})
    assert finding.remedy == "marketmap mappings show 'a; b'"


def test_of_many_unusable_mappings_the_first_are_told_and_the_rest_counted() -> None:
    found = mappings(unusable={f"m{n}": "bad" for n in range(9)})
    assert len(found) == 6
    assert found[-1].message == "4 more cannot be used"


def test_conflicts_are_a_warning_with_the_first_of_them() -> None:
    (finding,) = mappings(conflicts=[CONFLICT, CONFLICT])
    assert finding.level == "WARNING"
    assert finding.message == (
        '2 labels claimed twice, as sportybet market 18, "Over", by winner and loser'
    )


def test_a_table_without_mappings_is_a_warning() -> None:
    assert [finding.level for finding in mappings(usable=0, version=0, changed_at=None)] == [
        "WARNING"
    ]


def holder(**fields: Any) -> LockHolder:
    return LockHolder(4711, "somebody", "psql", NOON, is_entitled=True)._replace(**fields)


def test_locks_that_are_held_by_those_who_may_and_briefly_are_nothing_to_report() -> None:
    held = {MAPPINGS: [holder()], relay_lock("changes"): [holder(since=NOON - timedelta(days=9))]}
    assert [one.level for one in verdicts.judge_locks(held, NOON)] == ["OK"]


def test_a_lock_in_the_hands_of_a_login_without_the_right_is_named_with_what_ends_it() -> None:
    (finding,) = verdicts.judge_locks({MAPPINGS: [holder(is_entitled=False)]}, NOON)
    assert finding.level == "FAILURE"
    assert finding.message == (
        "changing mappings waits for pid 4711, login somebody, application psql,"
        " since 2026-11-22 12:00:00 UTC, which may not do it"
    )
    assert finding.remedy == "as an administrator: SELECT pg_terminate_backend(4711)"


def test_a_lock_that_is_held_for_long_is_a_warning() -> None:
    held = {MAPPINGS: [holder()]}
    (finding,) = verdicts.judge_locks(held, NOON + timedelta(minutes=2))
    assert finding.level == "WARNING"


@pytest.mark.parametrize(
    ("sessions", "timeout_s", "level", "message"),
    [
        (Sessions(True, True), 5.0, "OK", "keeps its session"),
        (Sessions(False, False), 5.0, "FAILURE", "pooler in transaction mode"),
        (Sessions(True, False), 5.0, "FAILURE", "does not arrive"),
        (Sessions(True, True), 0.0, "FAILURE", "a statement timeout of 5 s was set"),
    ],
)
def test_a_connection_that_is_no_session_of_its_own_is_a_failure(
    sessions: Sessions, timeout_s: float, level: str, message: str
) -> None:
    (finding,) = verdicts.judge_sessions(sessions, timeout_s, 5.0)
    assert finding.level == level
    assert message in finding.message
    assert (finding.remedy is None) == (level == "OK")
