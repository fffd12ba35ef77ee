import pytest

from worker.storage.engine import create_engine, driver_url, printable_url


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_an_address_of_postgres_is_taken_in_each_of_its_spellings(scheme: str) -> None:
    assert (
        driver_url(f"{scheme}://u:p@h:5432/d?sslmode=require")
        == "postgresql://u:p@h:5432/d?sslmode=require"
    )


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "postgresql://", "h:5432", ""])
def test_another_address_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="starts with postgresql://") as refused:
        create_engine(url)
    assert "secret" not in str(refused.value)


def test_a_printed_address_has_no_user_password_or_query() -> None:
    assert (
        printable_url("postgresql+asyncpg://u:p%40x@h:5432/d?password=y") == "postgresql://h:5432/d"
    )


def test_an_engine_s_errors_do_not_show_the_values_of_a_statement() -> None:
    assert create_engine("postgresql://u:secret@h/d").sync_engine.hide_parameters


def test_an_engine_does_not_show_the_password() -> None:
    assert "secret" not in repr(create_engine("postgresql://u:secret@h/d"))
