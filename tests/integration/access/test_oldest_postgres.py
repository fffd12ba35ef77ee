"""On the oldest Postgres that is supported, where everybody may create in `public` by default."""

from collections.abc import Iterator

import asyncpg
import pytest

from tests.support.editing.working_day import working_day
from tests.support.services.oldest_postgres import VERSION, oldest_postgres
from worker.storage.access import schema
from worker.storage.access.roles import create_roles
from worker.storage.access.schema import OLDEST_POSTGRES, creators
from worker.storage.engine import create_engine, transaction
from worker.storage.errors import StorageFatal
from worker.storage.inspection import read_server
from worker.storage.migrate import current, known_revision, upgrade


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with oldest_postgres(tmp_path_factory.mktemp("oldest")) as url:
        yield url


async def test_everything_works_there_and_the_groups_take_the_right_to_create(oldest: str) -> None:
    assert VERSION.startswith(f"{OLDEST_POSTGRES}.")
    assert (await upgrade(oldest)).after == known_revision()
    engine = create_engine(oldest)
    async with transaction(engine) as connection:
        assert (await read_server(connection)).major == OLDEST_POSTGRES
        assert await creators(connection) == ["PUBLIC"]
        await create_roles(connection)
        assert await creators(connection) == []
    await working_day(engine)
    await engine.dispose()


async def test_whoever_installs_there_does_not_run_what_another_login_planted(oldest: str) -> None:
    administrator = await asyncpg.connect(oldest)
    await administrator.execute("CREATE DATABASE planted")
    await administrator.execute("CREATE ROLE somebody LOGIN")
    await administrator.close()
    somebody = await asyncpg.connect(oldest.replace("postgres@", "somebody@"), database="planted")
    await somebody.execute(
        "CREATE FUNCTION public.same(name, varchar) RETURNS boolean LANGUAGE sql RETURN true"
    )
    await somebody.execute(
        "CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = varchar, FUNCTION = public.same)"
    )
    await somebody.close()
    url = oldest.removesuffix("/postgres") + "/planted"
    with pytest.raises(
        StorageFatal, match=r"operator public\.=\(name,character varying\) of somebody"
    ):
        await upgrade(url)


async def test_an_older_server_is_refused_before_anything_is_created(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "OLDEST_POSTGRES", 99)
    with pytest.raises(StorageFatal, match="99 is the oldest that is supported"):
        await upgrade(database)
    assert await current(database) is None
