"""Show the newest state of every event: `python read_latest.py`."""

from market_mapping_client import run
from market_mapping_client.present import read_latest


async def main() -> None:
    states = await read_latest()
    if not states:
        print("odds.latest is empty: does `marketmap run snapshot` run?")
    for state in states:
        event = state.event
        print(state.platform, event.id, event.home, "-", event.away, len(state.markets), "markets")


run(main())
