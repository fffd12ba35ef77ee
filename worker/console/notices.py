"""What a page says after a decision, with a way back. Kept in the process, for the person who decided."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Final, NamedTuple

_MOST: Final = 2000


class UndoStep(NamedTuple):
    """What the button Undo sends: a path and the fields of its form."""

    path: str
    fields: tuple[tuple[str, str], ...]


class Notice(NamedTuple):
    """A sentence for one person; ``lines`` say more."""

    viewer: str
    sentence: str
    lines: tuple[str, ...] = ()
    undo: UndoStep | None = None
    is_refusal: bool = False


class Notices:
    """The last notices. A link to one shows it to nobody else."""

    def __init__(self) -> None:
        self._notices: OrderedDict[str, Notice] = OrderedDict()

    def add(self, notice: Notice) -> str:
        identifier = secrets.token_urlsafe(9)
        self._notices[identifier] = notice
        while len(self._notices) > _MOST:
            self._notices.popitem(last=False)
        return identifier

    def find(self, identifier: str | None, viewer: str) -> Notice | None:
        found = self._notices.get(identifier or "")
        return found if found is not None and found.viewer == viewer else None
