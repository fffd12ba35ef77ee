"""The labels that the editor offers are worked out for one form at a time: the sign-in has threads left."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from worker.console import pairing
from worker.console.bounded import BoundedWork
from worker.console.editor.form import fields_of
from worker.console.pairing import LooseLabel, Sightings, loose_labels
from worker.storage.insight.evidence import StoredEvent

FIELDS = fields_of({"sportybet_id": "8", "outcome_mapping": [{"sportybet_desc": "Yes"}]})
# Its labels are not read here: there are events, or none.
EVENTS: Any = [None]
SEEN = Sightings({"sportybet": ["8"]}, (), EVENTS)
OFFERED = [LooseLabel("sportybet", "sportybet_desc", "No")]


async def test_forms_that_are_opened_leave_threads_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, may_end = threading.Semaphore(0), threading.Event()

    def labels_of_events(
        _events: Sequence[StoredEvent], _ids: Mapping[str, str]
    ) -> dict[str, list[str]]:
        begun.release()
        may_end.wait()
        return {"sportybet": ["Yes", "No"]}

    monkeypatch.setattr(pairing, "_labels_of_events", labels_of_events)
    monkeypatch.setattr(pairing, "_working_out", BoundedWork(1, patience_s=60))
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    opened = [asyncio.ensure_future(loose_labels(FIELDS, SEEN)) for _ in range(4)]
    try:
        await asyncio.to_thread(begun.acquire)
        async with asyncio.timeout(30):
            assert await asyncio.to_thread(lambda: "signed in") == "signed in"
    finally:
        may_end.set()
    assert await asyncio.gather(*opened) == [OFFERED] * 4


async def test_a_form_is_shown_without_labels_of_events_while_others_wait_for_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def labels_of_events(
        events: Sequence[StoredEvent], _ids: Mapping[str, str]
    ) -> dict[str, list[str]]:
        return {"sportybet": ["No"] if events else []}

    work = BoundedWork(1, patience_s=0)
    monkeypatch.setattr(pairing, "_labels_of_events", labels_of_events)
    monkeypatch.setattr(pairing, "_working_out", work)
    async with work.place():
        assert await loose_labels(FIELDS, SEEN) == []
    assert await loose_labels(FIELDS, SEEN) == OFFERED
