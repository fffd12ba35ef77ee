"""How much memory and time each list takes, of a thousand rows and of a million.

    python -m tests.bench.listing [--short] [csv] [json] [table]

Postgres is started on the same machine. What is printed goes through a pipe and is counted, not kept.
"""

from __future__ import annotations

import asyncio
import os
import sys

from tests.support.services.installation import temporary_database
from tests.support.services.long_lists import LISTS, fill, printed
from worker.local.owned import owned_services
from worker.storage.migrate import upgrade

FEW = 1_000
MANY = 1_000_000
MANY_IN_SHORT = 20_000
FORMS = ("csv", "json", "table")
MIB = 1024 * 1024


async def measure(server: str, rows: int) -> None:
    async with temporary_database(server) as url:
        await upgrade(url)
        await fill(url, rows)
        environment = {"MARKETMAP_DATABASE_URL": url, "COLUMNS": "200"}
        forms = [form for form in FORMS if form in sys.argv] or FORMS
        for command in LISTS:
            for form in forms:
                for limit in (FEW, rows):
                    arguments = [*command, "--output", form, "--limit", str(limit)]
                    found = await asyncio.to_thread(printed, arguments, environment)
                    print(  # noqa: T201  # what it is for
                        f"{' '.join(command):<18} {form:<6} {limit:>9,} {found.lines:>11,}"
                        f" {found.bytes / MIB:>9,.1f} {found.seconds:>8.1f} {found.peak_bytes / MIB:>8.1f}",
                        flush=True,
                    )


def main() -> None:
    print(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")  # noqa: T201  # as above
    print(  # noqa: T201  # as above
        f"{'list':<18} {'form':<6} {'rows':>9} {'lines':>11} {'MiB out':>9} {'s':>8} {'peak MiB':>8}"
    )
    with owned_services(["postgres"]) as services:
        asyncio.run(measure(services.postgres, MANY_IN_SHORT if "--short" in sys.argv else MANY))


if __name__ == "__main__":
    main()
