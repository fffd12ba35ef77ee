"""Run by Alembic. `worker.storage.migrate` hands over its connection; the bare command opens its own."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from worker.storage.migrate import locked_connection
from worker.storage.tables import metadata


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


def print_sql() -> None:
    context.configure(
        dialect_name="postgresql",
        target_metadata=metadata,
        literal_binds=True,
        output_buffer=context.config.output_buffer,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_alone() -> None:
    async with locked_connection(os.environ["MARKETMAP_DATABASE_URL"]) as connection:
        await connection.run_sync(run)


if context.is_offline_mode():
    print_sql()
elif (handed_over := context.config.attributes.get("connection")) is not None:
    run(handed_over)
else:
    asyncio.run(run_alone())
