"""What the doctor says of the console: its sign-in, and the logins that it asks the database as."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.operations.doctor.console_checks import checks_of
from worker.operations.doctor.console_verdicts import (
    ConsoleLogin,
    ConsoleLogins,
    judge_logins,
)
from worker.operations.doctor.findings import Finding
from worker.operations.doctor.parts import part_of
from worker.settings.console_users import ConsoleUser, write_users
from worker.settings.settings import Settings

HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$YWJj"
READER = ConsoleLogin("MARKETMAP_CONSOLE_READER_DATABASE_URL", is_own=True, login="reads")
EDITOR = ConsoleLogin(
    "MARKETMAP_CONSOLE_EDITOR_DATABASE_URL", is_own=True, login="edits", may_write=True
)
APPROVER = ConsoleLogin(
    "MARKETMAP_CONSOLE_APPROVER_DATABASE_URL",
    is_own=True,
    login="approves",
    may_write=True,
    may_approve=True,
)
LOGINS = ConsoleLogins(READER, EDITOR, APPROVER)


def said(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.level, one.message) for one in found]


async def signed_in_by(**settings: object) -> list[tuple[str, str]]:
    given = Settings.model_validate(settings)
    (check, _) = checks_of(part_of(given, "console"))
    return said(list(await check.run(given, 10)))


def test_three_logins_with_their_rights_are_fine() -> None:
    assert said(judge_logins(LOGINS)) == [("OK", "reads reads, edits decides, approves approves")]


def test_a_login_that_was_named_and_lacks_rights_is_a_failure() -> None:
    lacking = ("a SELECT", "b UPDATE", "c INSERT", "d DELETE")
    (found,) = judge_logins(LOGINS._replace(editor=EDITOR._replace(lacking=lacking)))
    assert (found.level, found.message) == (
        "FAILURE",
        "editors decide as edits, which lacks a SELECT, b UPDATE, c INSERT and 1 more",
    )
    assert found.remedy == "marketmap roles, then GRANT marketmap_editor TO edits"


def test_a_console_with_one_login_that_reads_is_warned_of_and_not_failed() -> None:
    one = READER._replace(is_own=False, lacking=())
    decides = one._replace(lacking=("user_market_mappings UPDATE",))
    found = judge_logins(ConsoleLogins(one, decides, decides))
    assert {finding.level for finding in found} == {"WARNING"}
    assert "editors decide as reads, which lacks user_market_mappings UPDATE" in {
        finding.message for finding in found
    }


def test_a_login_that_reads_and_may_write_is_a_warning() -> None:
    (found,) = judge_logins(LOGINS._replace(reader=READER._replace(may_write=True)))
    assert (found.level, found.message) == (
        "WARNING",
        "reads reads the pages and may change mappings",
    )


def test_who_edits_and_who_approves_are_two_logins() -> None:
    both = APPROVER._replace(login="both")
    assert said(judge_logins(ConsoleLogins(READER, both, both))) == [
        ("WARNING", "both makes the decisions of editors and approves: with four eyes it may not")
    ]
    assert said(judge_logins(LOGINS._replace(editor=EDITOR._replace(may_approve=True)))) == [
        ("WARNING", "edits makes the decisions of editors and is in marketmap_approver")
    ]
    assert said(judge_logins(LOGINS._replace(approver=APPROVER._replace(may_approve=False)))) == [
        ("WARNING", "approves approves and is not in marketmap_approver: with four eyes it may not")
    ]


def test_a_login_that_is_refused_hides_nothing_of_the_others() -> None:
    refused = EDITOR._replace(login="", fault="password authentication failed")
    lacks = APPROVER._replace(lacking=("change_set SELECT",))
    assert said(judge_logins(ConsoleLogins(READER, refused, lacks))) == [
        ("FAILURE", "MARKETMAP_CONSOLE_EDITOR_DATABASE_URL: password authentication failed"),
        ("FAILURE", "approvers approve as approves, which lacks change_set SELECT"),
    ]


async def test_settings_that_the_console_refuses_are_a_failure_with_its_words() -> None:
    ((level, message),) = await signed_in_by(console_host="0.0.0.0")  # noqa: S104  (it is refused)
    assert level == "FAILURE"
    assert "without a sign-in the console listens on this machine alone" in message


async def test_a_console_on_which_nobody_signs_in_is_a_warning() -> None:
    ((level, message),) = await signed_in_by()
    assert (level, "nobody signs in" in message) == ("WARNING", True)


async def test_the_people_of_the_file_are_counted_by_role(tmp_path: Path) -> None:
    file = tmp_path / "users.txt"
    people = {"ada": ("editor", "approver"), "bob": ("editor",), "cem": ("reader",)}
    write_users(file, {name: ConsoleUser(name, roles, HASH) for name, roles in people.items()})  # type: ignore[arg-type]  # roles
    users = {"console_sign_in": "users", "console_users_file": str(file)}
    assert await signed_in_by(**users) == [
        ("OK", "3 users in users.txt: 1 reader, 2 editor, 1 approver")
    ]
    file.chmod(0o644)
    write_users(file, {"cem": ConsoleUser("cem", ("reader",), HASH)})
    assert [level for level, _ in await signed_in_by(**users)] == ["OK", "WARNING", "WARNING"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [(None, "No such file"), ("ada:boss:x", "the roles are"), ("# nobody\n", "names nobody")],
)
async def test_a_file_that_lets_nobody_in_is_a_failure(
    tmp_path: Path, text: str | None, fault: str
) -> None:
    file = tmp_path / "users.txt"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    ((level, message),) = await signed_in_by(console_sign_in="users", console_users_file=str(file))
    assert (level, fault in message) == ("FAILURE", True)


def test_no_other_part_is_asked_how_people_sign_in() -> None:
    assert checks_of(part_of(Settings(), "editor")) == ()


def test_a_console_without_brokers_is_not_asked_about_dead_letters() -> None:
    assert part_of(Settings(), "console").grants == []
    assert part_of(Settings(kafka_bootstrap_servers="kafka:9092"), "console").grants != []
