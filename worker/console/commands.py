"""`marketmap console`: the users who sign in to the console by name and password."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from worker.cli.connection import known_settings
from worker.cli.console import err, fail, out
from worker.cli.options import ListAsCsv, ListAsJson, Output, completing
from worker.cli.output import chosen_form
from worker.cli.rows import ListLayout, print_all
from worker.cli.tables import Column, ListTable
from worker.settings.console_access import CONSOLE_ROLES
from worker.settings.console_users import (
    ConsoleUser,
    UsersFileError,
    is_name,
    ordered_roles,
    read_users,
    write_users,
)

UsersFile = Annotated[
    Path | None,
    typer.Option("--file", help="The file of users; by default MARKETMAP_CONSOLE_USERS_FILE."),
]
UserName = Annotated[str, typer.Argument(help="The person's name.", show_default=False)]

app = typer.Typer(no_args_is_help=True)
users = typer.Typer(no_args_is_help=True)
app.add_typer(users, name="users")


@app.callback()
def root() -> None:
    """Keep the users of the console, which `marketmap run console` serves."""


@users.callback()
def users_root() -> None:
    """Add, list and remove the people who sign in to the console by name and password."""


@users.command("list")
def list_(
    *,
    file: UsersFile = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List the users and their roles.

    Example: marketmap console users list --file users.txt
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    known = _read(_chosen(file))
    print_all(form, ListLayout(("name", "roles"), _user_json, _users_table), known.values())


@users.command()
def add(
    name: UserName,
    *,
    role: Annotated[
        list[str],
        typer.Option(
            help=f"{', '.join(CONSOLE_ROLES)}. Repeatable.",
            show_default=False,
            autocompletion=completing(CONSOLE_ROLES),
        ),
    ],
    file: UsersFile = None,
) -> None:
    """Add a user, or give one another password and other roles. It asks for the password, or reads stdin.

    Example: marketmap console users add ada --role editor --file users.txt
    """
    module = _module()
    roles = ordered_roles(role)
    if len(roles) != len(set(role)):
        fail(f"--role is one of {', '.join(CONSOLE_ROLES)}", code=2)
    if not is_name(name) or ":" in name or name.startswith("#"):
        fail("A name has 1 to 100 printable characters, without a colon.", code=2)
    path = _chosen(file)
    known = _read(path) if path.exists() else {}
    try:
        hashed = module.hash_password(_password())
    except ValueError as error:
        fail(f"{error}; nothing was changed", code=2)
    is_new = name not in known
    _write(path, {**known, name: ConsoleUser(name, roles, hashed)})
    err.print(f"{name} is {'added' if is_new else 'changed'}: {', '.join(roles)}.", markup=False)


@users.command()
def remove(name: UserName, *, file: UsersFile = None) -> None:
    """Remove a user: they cannot sign in any more. A session that they have lasts until it ends.

    Example: marketmap console users remove ada --file users.txt
    """
    path = _chosen(file)
    known = _read(path)
    if name not in known:
        fail(f"there is no user {name}; nothing was changed", kind="NOT_FOUND")
    _write(path, {key: one for key, one in known.items() if key != name})
    out.print(f"{name} is removed.", markup=False)


def _user_json(user: ConsoleUser) -> dict[str, Any]:
    return {"name": user.name, "roles": list(user.roles)}


def _users_table(known: Iterable[ConsoleUser]) -> ListTable:
    table = ListTable((Column("name", is_typed=True), Column("roles")))
    for one in known:
        table.add(one.name, ", ".join(one.roles))
    return table


def _chosen(file: Path | None) -> Path:
    given = known_settings().console_users_file
    if file is None and given is None:
        fail("Give --file, or set MARKETMAP_CONSOLE_USERS_FILE.", code=2)
    return file or Path(given or "")


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


def _read(file: Path) -> dict[str, ConsoleUser]:
    if not file.exists():
        fail(f"{file}: no such file", code=2)
    try:
        return read_users(file)
    except UsersFileError as error:
        fail(str(error))


def _write(file: Path, known: dict[str, ConsoleUser]) -> None:
    try:
        write_users(file, known)
    except UsersFileError as error:
        fail(f"{error}; nothing was changed")


def _module() -> Any:
    """Return what hashes passwords; it needs the extra `console`."""
    try:
        from worker.console.sign_in import users as module  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "argon2":
            raise
        fail(
            "`marketmap console users add` needs the package argon2-cffi, which is not installed. "
            "The extra `console` of market-mapping-worker holds what it needs."
        )
    return module
