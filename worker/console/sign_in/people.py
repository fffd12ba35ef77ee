"""Who looks at a page, and what they may do."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from worker.settings.console_access import ConsoleRole

Permission = Literal["read", "edit", "approve", "operate"]

PERMISSIONS: Final[dict[ConsoleRole, frozenset[Permission]]] = {
    "reader": frozenset({"read"}),
    "editor": frozenset({"read", "edit"}),
    "approver": frozenset({"read", "edit", "approve"}),
    "operator": frozenset({"read", "operate"}),
}


class Viewer(NamedTuple):
    """A person who is signed in. ``csrf`` is the token that their forms carry."""

    name: str
    roles: tuple[ConsoleRole, ...]
    csrf: str

    def may(self, permission: Permission) -> bool:
        return any(permission in PERMISSIONS[role] for role in self.roles)
