"""What a command says when the database fails."""

from worker.cli.database import database_failure
from worker.storage.errors import StorageFatal, StorageUnavailable


def test_a_missing_table_names_the_commands_that_say_where_and_create_it() -> None:
    said = database_failure(StorageFatal('relation "suggestion" does not exist', "42P01"))
    assert said.startswith('The database refused: relation "suggestion" does not exist. ')
    assert "`marketmap config`" in said
    assert "`marketmap migrate`" in said


def test_another_refusal_is_shown_as_it_is() -> None:
    assert database_failure(StorageFatal("no", "42501")) == "The database refused: no"


def test_a_server_that_does_not_answer_is_called_so() -> None:
    error = StorageUnavailable("[Errno 111] Connect call failed ('127.0.0.1', 5)")
    assert database_failure(error) == (
        "The database does not answer: 127.0.0.1:5 refuses the connection"
    )
