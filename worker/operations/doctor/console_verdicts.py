"""What to say of the console: how people sign in, and as whom it asks the database. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from worker.cli.words import number_of
from worker.operations.doctor.findings import Finding, failure, fine, warning
from worker.settings.console_access import CONSOLE_ROLES, ConsoleAccess
from worker.settings.console_users import ConsoleUser

_PAGE: Final = "docs/console.md, Sign-in"
_ROLES: Final = "docs/console.md, Roles"
_DECIDERS: Final = frozenset({"editor", "approver"})
_MOST_SHOWN: Final = 3


class ConsoleLogin(NamedTuple):
    """A login of the console. ``setting`` is where its address is from; ``lacking`` what it may not do.

    ``fault`` says why it could not be asked; then the rest is not known.
    """

    setting: str
    is_own: bool
    login: str = ""
    lacking: Sequence[str] = ()
    may_write: bool = False
    may_approve: bool = False
    fault: str | None = None


class ConsoleLogins(NamedTuple):
    """The logins for reading pages, for the decisions of editors, and for approvals."""

    reader: ConsoleLogin
    editor: ConsoleLogin
    approver: ConsoleLogin


class UsersFileFacts(NamedTuple):
    """The file of users as it is. ``others_read`` says whether every user of the machine may read it."""

    name: str
    users: Sequence[ConsoleUser]
    others_read: bool
    fault: str | None = None


def judge_sign_in(
    settings: ConsoleAccess, fault: str | None, users: UsersFileFacts | None
) -> list[Finding]:
    """``fault`` is what the process would refuse to start with."""
    if fault is not None:
        return [failure("sign-in", fault, _PAGE)]
    form = settings.console_sign_in
    if form == "none":
        message = "nobody signs in: whoever reaches this machine's console may do everything"
        return [warning("sign-in", message, "for more than a try-out: MARKETMAP_CONSOLE_SIGN_IN")]
    if users is not None:
        return _of_users(users)
    named = ", ".join(sorted(settings.console_roles.split(",")))
    return [fine("sign-in", f"by {form}; roles of groups: {named}")]


def _of_users(file: UsersFileFacts) -> list[Finding]:
    if file.fault is not None:
        return [failure("sign-in", file.fault, "marketmap console users add NAME --role ROLE")]
    if not file.users:
        message = f"{file.name} names nobody: the console does not start"
        return [failure("sign-in", message, "marketmap console users add NAME --role ROLE")]
    counts = Counter(role for user in file.users for role in user.roles)
    people = ", ".join(f"{counts[role]} {role}" for role in CONSOLE_ROLES if counts[role])
    found = [fine("sign-in", f"{number_of(len(file.users), 'user')} in {file.name}: {people}")]
    if not _DECIDERS & counts.keys():
        message = f"nobody in {file.name} may decide about a mapping"
        found.append(warning("sign-in", message, "marketmap console users add NAME --role editor"))
    if file.others_read:
        message = f"{file.name} can be read by every user of this machine: it holds hashes"
        found.append(warning("sign-in", message, f"chmod o-r {file.name}"))
    return found


def judge_logins(logins: ConsoleLogins) -> list[Finding]:
    """Whether each login may do what the console needs it for, and no two of them are one."""
    found = [
        *_of_reader(logins.reader),
        *_of_login(logins.editor, "editors decide", "marketmap_editor"),
        *_of_login(logins.approver, "approvers approve", "marketmap_approver"),
    ]
    if any(one.fault is not None for one in logins):
        return found
    editor, approver = logins.editor, logins.approver
    if approver.login == editor.login:
        message = (
            f"{editor.login} makes the decisions of editors and approves: with four eyes it may not"
        )
        remedy = "a login in marketmap_approver, in MARKETMAP_CONSOLE_APPROVER_DATABASE_URL"
        found.append(warning("logins", message, remedy))
    elif editor.may_approve:
        message = f"{editor.login} makes the decisions of editors and is in marketmap_approver"
        remedy = f"REVOKE marketmap_approver FROM {editor.login}"
        found.append(warning("logins", message, remedy))
    if not approver.may_approve:
        message = (
            f"{approver.login} approves and is not in marketmap_approver: with four eyes it may not"
        )
        remedy = f"marketmap roles, then GRANT marketmap_approver TO {approver.login}"
        found.append(warning("logins", message, remedy))
    names = f"{logins.reader.login} reads, {editor.login} decides, {approver.login} approves"
    return found or [fine("logins", names)]


def _of_reader(reader: ConsoleLogin) -> list[Finding]:
    found = _of_login(reader, "all pages are read", "marketmap_reader")
    if reader.may_write:
        message = f"{reader.login} reads the pages and may change mappings"
        remedy = "a login in marketmap_reader, in MARKETMAP_CONSOLE_READER_DATABASE_URL"
        found.append(warning("logins", message, remedy))
    return found


def _of_login(one: ConsoleLogin, what: str, group: str) -> list[Finding]:
    """A login that was named for it must be able to; without one, the console may be for readers."""
    if one.fault is not None:
        return [_unreached(one)]
    if not one.lacking:
        return []
    shown = ", ".join(one.lacking[:_MOST_SHOWN])
    more = f" and {len(one.lacking) - _MOST_SHOWN} more" if len(one.lacking) > _MOST_SHOWN else ""
    message = f"{what} as {one.login}, which lacks {shown}{more}"
    if one.is_own:
        remedy = f"marketmap roles, then GRANT {group} TO {one.login}"
        return [failure("logins", message, remedy)]
    return [warning("logins", message, f"a login in {group}, in {one.setting}; {_ROLES}")]


def _unreached(one: ConsoleLogin) -> Finding:
    return failure("logins", f"{one.setting}: {one.fault}", "check its user and password")
