"""Keeps how often each market had been missed when a day began, for a picture of its last week.

Theory of operation. The leader does it in the first turn of a day by the server's clock, or later if none
led then: a count is stored with its time, so what follows from two of them is exact all the same. Whoever
takes over begins the day again, which changes nothing that is stored. It is here because this process has a
leader and time; counting itself would write more for every miss.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.insight import miss_days


class MissDays:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._taken: date | None = None

    async def look(self) -> None:
        """Take the counts of the day, if this was not done yet."""
        day = await miss_days.read_day(self._connection)
        if day != self._taken:
            await miss_days.take_counts(self._connection, day)
            self._taken = day
