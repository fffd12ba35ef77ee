"""Makes Kafka records of verdicts: resolved events, dead letters, first sightings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from schemas import ID_HEADER, REPLAY_HEADER, DeadLetter, DeadReason, UnmappedMarket
from schemas.cloud_events import cloud_event, moment
from worker.domain.books.rows import MissReason
from worker.domain.events import event_key
from worker.domain.resolve import (
    Miss,
    Resolution,
    miss_document,
    rejection_document,
)
from worker.ingest.reading.record_ids import NO_IDS, RecordIds
from worker.kafka.record import Headers, Outgoing, Record

# A hostile payload could name more than fits into a message; what is left out is counted in ``omitted``.
MOST_ENTRIES: Final = 1000
_JSON: Final = ("content-type", b"application/json")
_MOST_BYTES_A_CHARACTER: Final = 4
_MOST_WRITTEN: Final = 10_000
_FRAMING: Final = 10  # two lengths of up to five bytes


class Preamble(NamedTuple):
    """What follows from an envelope alone: the key of the resolved event, and its JSON up to the markets."""

    key: bytes
    head: bytes


class Entries(NamedTuple):
    """The JSON of a resolved event from its markets on. Each entry ends with a comma.

    Markets are in the order of ``Layout.place``, misses in the order of their ids. ``rest`` follows them. The
    markets of players come last, in the order of ``PlayerLayout.order``.
    """

    markets: Sequence[str]
    misses: Sequence[str]
    rest: str
    players: Sequence[str]


def resolved_event(envelope: dict[str, Any], resolution: Resolution, version: int) -> bytes:
    """Return a ResolvedEvent as JSON. ``envelope`` has the observation's fields, without its markets."""
    markets: list[str] = []
    for layout, prices in resolution.markets:
        begin = len(markets) + 1
        markets += layout.pieces
        markets[begin::2] = prices
    texts = [',"markets":[', *markets]
    _end_list(texts)
    texts += [',"misses":[', *_misses(resolution)]
    _end_list(texts)
    texts.append(_rest(resolution))
    if resolution.players:
        texts += [',"participant_markets":[', *_players(resolution)]
        _end_list(texts)
    texts.append("}")
    return _head(envelope, version) + "".join(texts).encode()


def entries(resolution: Resolution) -> Entries:
    """Return the entries that ``resolved_event`` writes of a resolution."""
    markets = []
    for layout, prices in resolution.markets:
        pieces = list(layout.pieces)
        pieces[1::2] = prices
        markets.append("".join(pieces))
    return Entries(markets, _misses(resolution), _rest(resolution), _players(resolution))


def _head(envelope: dict[str, Any], version: int) -> bytes:
    return orjson.dumps({"schema_version": 1, **envelope, "mapping_version": version})[:-1]


def _misses(resolution: Resolution) -> list[str]:
    return [_written[miss[:4]] for miss in resolution.misses[:MOST_ENTRIES]]


def _rest(resolution: Resolution) -> str:
    rejected = [rejection_document(rejection) for rejection in resolution.rejected[:MOST_ENTRIES]]
    return "".join([',"rejected":', orjson.dumps(rejected).decode(), *_omitted(resolution)])


def _players(resolution: Resolution) -> list[str]:
    return [
        layout.text(prices, is_complete=is_complete)
        for layout, prices, is_complete in resolution.players
    ]


def _end_list(texts: list[str]) -> None:
    """Close the list whose entries each end with a comma."""
    texts[-1] = f"{texts[-1].removesuffix(',')}]"


def _omitted(resolution: Resolution) -> list[str]:
    omitted: dict[str, int] = {
        "misses": max(0, len(resolution.misses) - MOST_ENTRIES),
        "rejected": max(0, len(resolution.rejected) - MOST_ENTRIES)
        + resolution.more_rejected.total(),
    }
    if resolution.players_omitted:
        omitted["participant_markets"] = resolution.players_omitted
    return [',"omitted":', orjson.dumps(omitted).decode()] if any(omitted.values()) else []


_Said = tuple[str, str | None, MissReason, str | None]


class _Written(dict[_Said, str]):
    """A cache of misses as JSON, each with a comma: most are among a few hundred."""

    def __missing__(self, said: _Said) -> str:
        text = f"{orjson.dumps(miss_document(Miss(*said, rows=[]))).decode()},"
        if len(self) >= _MOST_WRITTEN:
            self.clear()
        self[said] = text
        return text


_written: Final = _Written()


class Encoder:
    """Makes records for the topics of the outputs, with values of at most ``max_bytes``.

    ``replay_id`` is the side replay that the headers name; None for a live worker.
    """

    def __init__(
        self,
        *,
        resolved_topic: str,
        dead_topic: str,
        group: str,
        max_bytes: int,
        max_dead_bytes: int,
        replay_id: str | None = None,
    ) -> None:
        self._resolved_topic = resolved_topic
        self._dead_topic = dead_topic
        self._group = group
        self._max_bytes = max_bytes
        self._max_dead_bytes = max_dead_bytes
        self._replay_id = replay_id
        self._replay: Headers = [] if replay_id is None else [(REPLAY_HEADER, replay_id.encode())]

    def resolved(
        self,
        source_id: str,
        record: Record,
        envelope: dict[str, Any],
        resolution: Resolution,
        version: int,
    ) -> Outgoing | None:
        value = resolved_event(envelope, resolution, version)
        return self._resolved(source_id, record, event_key(envelope).encode(), value)

    def preamble(self, envelope: dict[str, Any], version: int) -> Preamble:
        return Preamble(event_key(envelope).encode(), _head(envelope, version))

    def assembled(
        self, source_id: str, record: Record, preamble: Preamble, body: bytes
    ) -> Outgoing | None:
        """As ``resolved``, if the JSON is already there: ``body`` is it from the markets on."""
        return self._resolved(source_id, record, preamble.key, preamble.head + body)

    def entries(self, resolution: Resolution) -> Entries:
        return entries(resolution)

    def _resolved(
        self, source_id: str, record: Record, key: bytes, value: bytes
    ) -> Outgoing | None:
        if len(value) > self._max_bytes:
            return None
        ours: Headers = [(ID_HEADER, source_id.encode()), *self._replay, _JSON]
        event_id = source_id if self._replay_id is None else f"{source_id}/{self._replay_id}"
        theirs = cloud_event("ResolvedEvent", event_id, record.topic, moment(record.timestamp))
        return Outgoing(self._resolved_topic, key, value, ours + theirs)

    def dead(
        self,
        source_id: str,
        record: Record,
        reason: DeadReason,
        detail: str,
        ids: RecordIds = NO_IDS,
    ) -> Outgoing:
        """Return the record with its own bytes, key and headers, followed by our headers.

        A record from a compressed batch can be larger than the topic accepts. Then only the head of its value
        is kept. A key and headers that take more than half of the space are left out.
        """
        key, headers, key_and_headers, left_out = (
            record.key,
            record.headers,
            _bytes_of_key_and_headers(record),
            None,
        )
        if key_and_headers > self._max_dead_bytes // 2:
            detail = f"its key and headers, {key_and_headers} bytes, are left out; {detail}"
            key, headers, key_and_headers, left_out = None, (), 0, key_and_headers
        value, room = record.value, self._max_dead_bytes - key_and_headers
        too_long = value is not None and len(value) > room
        letter = DeadLetter.model_validate(
            {
                "id": source_id,
                "reason": reason,
                "detail": detail[:500],
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "timestamp": max(0, record.timestamp),
                "group": self._group[:255],
                "scrape_id": ids.scrape_id,
                "event_id": ids.event_id,
                "truncated_from": len(value or b"") if too_long else None,
                "left_out": left_out,
            }
        )
        return Outgoing(
            self._dead_topic,
            key,
            value[:room] if value else value,
            [*headers, *letter.to_headers()],
        )


def _bytes_of_key_and_headers(record: Record) -> int:
    """Return an upper bound of the bytes that key and headers take on the wire."""
    headers = sum(
        len(name) * _MOST_BYTES_A_CHARACTER + len(value or b"") + _FRAMING
        for name, value in record.headers
    )
    return len(record.key or b"") + headers


def unmapped_market(topic: str, market: UnmappedMarket) -> Outgoing:
    """Return the message that announces a market's first miss, keyed by source and id."""
    key = f"{market.source}:{market.external_market_id}"
    ours: Headers = [(ID_HEADER, key.encode()), _JSON]
    theirs = cloud_event("UnmappedMarket", key, "unmapped_market_log", market.first_seen_at)
    return Outgoing(topic, key.encode(), market.model_dump_json().encode(), ours + theirs)
