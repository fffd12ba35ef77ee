"""`marketmap roles`: the database's groups with the least rights."""

from typing import Annotated

import typer

from worker.cli.console import err, out, print_json
from worker.cli.database import chosen_url, run_on_database
from worker.cli.options import AsJson, DatabaseUrl, DryRun
from worker.storage.access.roles import ROLES, create_roles, existing_roles, roles_sql
from worker.storage.engine import opened, printable_url, transaction


def roles(
    *,
    database_url: DatabaseUrl = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL; connect to nothing.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Create the groups marketmap_owner, _worker, _editor, _approver, _reader and _operator.

    Each is granted what it needs. Run it as an administrator, after `marketmap migrate` and after each
    upgrade; or give psql what --sql prints. A login gets its rights with `GRANT marketmap_worker TO name`.
    Safe to repeat.

    Example: marketmap roles --dry-run
    """
    if sql:
        typer.echo(roles_sql(), nl=False)
        return
    url = chosen_url(database_url)
    err.print(f"Database: {printable_url(url)}", soft_wrap=True, markup=False)
    missing = run_on_database(_run(url, dry_run=dry_run))
    if as_json:
        print_json({"roles": list(ROLES), "created": missing, "dry_run": dry_run})
    else:
        out.print(
            f"{'would create' if dry_run else 'created'}: {', '.join(missing) or 'none, all are there'}"
        )


async def _run(url: str, *, dry_run: bool) -> list[str]:
    async with (
        opened(url, application_name="marketmap-cli", pool_size=1) as engine,
        transaction(engine) as connection,
    ):
        there = await existing_roles(connection)
        if not dry_run:
            await create_roles(connection)
        return [role for role in ROLES if role not in there]
