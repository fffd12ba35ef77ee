"""Pages with times that Python has not: written with SQL, by anybody who may decide about markets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.hostile.times import UNUSABLE_TIMES
from tests.support.services.console import ConsoleClient

pytestmark = pytest.mark.services

SNOOZED = """
INSERT INTO miss_case (source, external_market_id, snoozed_until)
VALUES ('sportybet', $1, $2::text::timestamptz)
"""
IGNORED = """
UPDATE unmapped_market_log SET status = 'IGNORED', ignored_until = $2::text::timestamptz
WHERE external_market_id = $1
"""
MAPPING = """
INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping, created_at)
VALUES ($1, $1, $1, '[{"canonical_id": "yes", "sportybet_desc": "Yes"}]', $2::text::timestamptz)
"""
AUDITED = """
INSERT INTO mapping_audit_log (canonical_id, action, new_value, created_at)
VALUES ($1, 'UPDATE', '{}', $2::text::timestamptz)
"""
REPLAY = """
INSERT INTO replay_run (id, consumer_group, ranges, filters, mapping_version, actor, reason, state,
    created_at, finished_at)
VALUES (md5($1), 'g', '[1]', '{}', 0, 'ada', 'r', 'DONE', $2::text::timestamptz, $2::text::timestamptz)
"""


def test_every_page_is_served(
    client: ConsoleClient, miss: Callable[..., None], query: Callable[..., Any]
) -> None:
    for written in UNUSABLE_TIMES:
        name = f"at {written}"
        miss("sportybet", name, "Snoozed")
        miss("sportybet", f"ignored {name}", "Ignored")
        query(SNOOZED, name, written)
        query(IGNORED, f"ignored {name}", written)
        query(MAPPING, f"mapping {name}", written)
        query(AUDITED, f"mapping {name}", written)
        query(REPLAY, name, written)
    assert "snoozed until" in client.get("/queue?snoozed=only").seen
    paths = ["/", "/queue", "/queue?status=IGNORED", "/mappings", "/history", "/replays", "/alarms"]
    for written in UNUSABLE_TIMES:
        name = f"at {written}"
        paths += [
            f"/case?{urlencode({'source': 'sportybet', 'market': market})}"
            for market in (name, f"ignored {name}")
        ]
        paths.append(f"/mapping?{urlencode({'id': f'mapping {name}'})}")
    for path in paths:
        assert client.get(path).status == 200, path
    fields = {"source": "sportybet", "market": "at infinity", "csrf": client.get(paths[-3]).token}
    woken = client.post("/case/decide", fields | {"decision": "wake"})
    assert woken.status == 303, woken.seen
    (case,) = query("SELECT snoozed_until FROM miss_case WHERE external_market_id = 'at infinity'")
    assert case["snoozed_until"] is None
