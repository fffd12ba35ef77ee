"""Show the newest state of every event: `python read_latest.py`."""

import asyncio

from market_mapping_client.present import read_latest


async def main() -> None:
    for state in await read_latest():
        event = state.event
        print(state.platform, event.id, event.home, "-", event.away, len(state.markets), "markets")


asyncio.run(main())
