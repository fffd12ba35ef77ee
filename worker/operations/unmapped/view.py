"""A view of the queue: filters, order and groups, as the query string of its page has them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, get_args
from urllib.parse import parse_qsl, urlencode

from schemas import MissReason
from worker.domain.books.platforms import PLATFORMS
from worker.operations.unmapped.families import GROUPS, GroupBy
from worker.storage import misses
from worker.storage.misses import MissFilters, QueueOrder

ORDERS: Final[tuple[QueueOrder, ...]] = get_args(QueueOrder)
REASONS: Final = get_args(MissReason)
ME: Final = "me"
NOBODY: Final = "nobody"
SNOOZED: Final[Mapping[str, str]] = {
    "": "left out",
    "only": "only these",
    "with": "among the others",
}
_MOST_ROWS: Final = 1_000_000


class QueueView(NamedTuple):
    """Which misses a person looks at, as the address of a page says, or a view that they keep.

    ``owner`` is a name, `ME` or `NOBODY`. An open market that is put off is left out unless it is asked for.
    """

    containing: str = ""
    platform: str | None = None
    status: str | None = None
    reason: str | None = None
    order: QueueOrder = "priority"
    place: int = 0
    owner: str = ""
    snoozed: str = ""
    regressed: bool = False
    group: GroupBy | None = None

    def filters(self, viewer: str) -> MissFilters:
        """The filters, for whom `ME` is."""
        by_word: dict[str, bool | None] = {"only": True, "with": None}
        is_open = self.status is None
        return {
            "containing": self.containing,
            "source": self.platform,
            "statuses": misses.WORK if self.status is None else [self.status],
            "reason": self.reason,
            "owner": {ME: viewer, NOBODY: None, "": None}.get(self.owner, self.owner),
            "unowned": self.owner == NOBODY,
            "snoozed": by_word.get(self.snoozed, False if is_open else None),
            "regressed": self.regressed,
        }

    def query(self, **changed: object) -> str:
        """The query string of this view, with some parts changed."""
        values: dict[str, object] = {
            "q": self.containing,
            "platform": self.platform,
            "status": self.status,
            "why": self.reason,
            "order": None if self.order == "priority" else self.order,
            "place": self.place or None,
            "owner": self.owner,
            "snoozed": self.snoozed,
            "regressed": "yes" if self.regressed else None,
            "group": self.group,
        } | changed
        return urlencode({name: value for name, value in values.items() if value})


def view_of(values: Mapping[str, str]) -> QueueView:
    """Read a view from a query string; what is not known there is left out."""
    status, platform, reason = values.get("status"), values.get("platform"), values.get("why")
    wanted, group = values.get("order"), values.get("group")
    place = values.get("place", "")
    return QueueView(
        values.get("q", "").strip()[:200].replace("\0", ""),
        platform if platform in PLATFORMS else None,
        status if status in misses.STATUSES else None,
        reason if reason in REASONS else None,
        next((order for order in ORDERS if order == wanted), "priority"),
        min(int(place), _MOST_ROWS)
        if place.isascii() and place.isdigit() and len(place) < 8
        else 0,
        values.get("owner", "").strip()[:100].replace("\0", ""),
        next((one for one in SNOOZED if one == values.get("snoozed")), ""),
        values.get("regressed") == "yes",
        next((one for one in GROUPS if one == group), None),
    )


def view_of_query(query: str) -> QueueView:
    """Read a view from a query string, of the first part of its list."""
    return view_of(dict(parse_qsl(query)))._replace(place=0)
