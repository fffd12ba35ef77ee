"""The file of users: read with care, written so that only its owner reads it."""

from pathlib import Path

import pytest

from worker.console.sign_in.users import UserDirectory, hash_password
from worker.settings.console_users import ConsoleUser, UsersFileError, parse_users, write_users

HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$YWJj"


def test_a_line_holds_name_roles_and_hash() -> None:
    users = parse_users(f"# people\n\nada:editor,approver:{HASH}\nÖzil K.:reader:{HASH}\n")
    assert users["ada"] == ConsoleUser("ada", ("editor", "approver"), HASH)
    assert users["Özil K."].roles == ("reader",)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("ada", "NAME:ROLES:HASH"),
        (f":editor:{HASH}", "printable"),
        (f"ada:boss:{HASH}", "roles are"),
        (f"ada::{HASH}", "roles are"),
        ("ada:editor:secret", "hash must begin"),
        (f"ada:editor:{HASH}\nada:reader:{HASH}", "twice"),
        (f"a\tb:editor:{HASH}", "printable"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_without_its_hash(line: str, fault: str) -> None:
    with pytest.raises(UsersFileError, match=fault) as raised:
        parse_users(line)
    assert "secret" not in str(raised.value)
    assert "YWJj" not in str(raised.value)


def test_only_the_right_password_of_the_right_person_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "users.txt"
    hashed = hash_password("correct horse battery")
    write_users(file, {"ada": ConsoleUser("ada", ("editor",), hashed)})
    assert file.stat().st_mode & 0o777 == 0o600
    directory = UserDirectory(file)
    assert directory.verify("ada", "correct horse battery") is not None
    assert directory.verify("ada", "correct horse batterY") is None
    assert directory.verify("bob", "nobody has this password") is None


def test_who_is_removed_from_the_file_cannot_sign_in_any_more(tmp_path: Path) -> None:
    file = tmp_path / "users.txt"
    ada = ConsoleUser("ada", ("editor",), hash_password("correct horse battery"))
    write_users(file, {"ada": ada})
    directory = UserDirectory(file)
    assert directory.load() == {"ada": ada}
    write_users(file, {})
    assert directory.verify("ada", "correct horse battery") is None
    file.unlink()
    with pytest.raises(UsersFileError, match="No such file"):
        directory.load()


@pytest.mark.parametrize("password", ["short", "x" * 1001])
def test_a_password_that_is_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="12 to 1000"):
        hash_password(password)
