"""Publish bookmakers' own replies: `python publish_raw_reply.py REPLY.json ...`."""

import sys
from datetime import UTC, datetime

from market_mapping_client import observation_from_reply, run
from market_mapping_client.publish import publish, read_reply


async def main() -> None:
    for file in sys.argv[1:]:
        observation = observation_from_reply(read_reply(file), observed_at=datetime.now(UTC))
        await publish([observation])
        print("sent", observation.platform, observation.event.id)


run(main())
