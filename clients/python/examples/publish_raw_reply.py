"""Publish a bookmaker's own reply: `python publish_raw_reply.py REPLY.json`."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from market_mapping_client import observation_from_reply
from market_mapping_client.publish import publish

reply = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
observation = observation_from_reply(reply, observed_at=datetime.now(UTC))
asyncio.run(publish([observation]))
print("sent", observation.platform, observation.event.id)
