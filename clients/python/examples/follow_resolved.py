"""Show every new price of every bookmaker: `python follow_resolved.py`."""

from market_mapping_client import run
from market_mapping_client.follow import follow


async def main() -> None:
    async for event in follow():
        for market in event.markets:
            for price in market.outcomes:
                if price.active:
                    print(
                        event.platform, market.canonical_id, market.line, price.outcome, price.odds
                    )


run(main())
