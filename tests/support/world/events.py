"""What can happen in a world at one moment, and how likely each of it is beside the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from aiokafka.errors import RequestTimedOutError

from tests.support.world.network import Request
from tests.support.world.servers import Servers
from worker.domain.errors import FatalError, TransientError
from worker.storage.errors import StorageUnavailable

MOST_WORKERS: Final = 3
MOST_RECORDS: Final = 10
_OF_THE_DATABASE: Final = {"count", "look up in the ledger"}
_FAILURES: Final[dict[str, Callable[[], Exception]]] = {
    "publish": lambda: FatalError("not acknowledged"),
    "commit": RequestTimedOutError,
    "look up": lambda: TransientError("away"),
    "look up in the ledger": lambda: StorageUnavailable("away"),
    "count": lambda: StorageUnavailable("away"),
}


class Event(NamedTuple):
    """Something that can happen now."""

    name: str
    weight: float
    happen: Callable[[], None]


def good_events(at: Servers) -> Iterator[Event]:
    """What brings a world on."""
    yield from _of_requests(at)
    yield from _of_the_group(at)
    yield from _of_polls(at)
    for worker in at.alive:
        if worker.is_frozen:
            yield Event(f"{worker.name} thaws", 2, worker.thaw)


def start_of_a_worker(at: Servers, most: int) -> Iterator[Event]:
    if len(at.alive) < most:
        yield Event("a worker starts", 0.4 if at.alive else 4, at.start)


def _of_requests(at: Servers) -> Iterator[Event]:
    for request in at.network.requests:
        name = _named(request)
        if _is_away(at, request):
            yield Event(f"{name} fails: away", 2, _failure(at, request))
        elif request.is_listened_to and not request.sender.is_frozen:
            yield Event(f"{name} is served", 12, partial(at.network.serve, request))
        elif not request.is_listened_to and not request.steps:
            yield Event(f"{name} is forgotten", 3, partial(at.network.reply, request))


def _of_the_group(at: Servers) -> Iterator[Event]:
    for worker in at.running:
        consumer = worker.consumer
        if consumer.generation >= 0 and not consumer.is_told and at.group.must_rejoin(worker.name):
            yield Event(f"{worker.name} learns of a rebalance", 6, consumer.learn_of_rebalance)
    running = {worker.name for worker in at.running}
    for name in at.group.members:
        if name not in running:
            yield Event(f"{name} expires", 3, partial(at.expire, name))


def _of_polls(at: Servers) -> Iterator[Event]:
    for worker in at.running:
        if worker.idle and worker.has_fetched:
            yield Event(f"{worker.name} takes what it fetched", 6, worker.hand_over)
        elif worker.waits_for_records and worker.consumer.fetchable():
            for most in (1, 3, 8):
                yield Event(f"{worker.name} fetches {most}", 2, partial(worker.fetch, most))
    if any(worker.waits_for_records and not worker.idle for worker in at.alive):
        yield Event("batches have taken enough in", 2, at.pass_a_moment)


def lost_requests(at: Servers) -> Iterator[Event]:
    """In a calm world what a dead process has sent is not carried out any more."""
    for request in at.network.requests:
        if not request.is_listened_to and request.steps:
            lost = partial(at.network.fail, request, TransientError("lost"))
            yield Event(f"{_named(request)} is lost", 1, lost)


def records(at: Servers) -> Iterator[Event]:
    for place, end in at.log.ends(at.log.places).items():
        number = place.partition
        if end < MOST_RECORDS:
            yield Event(f"append to {number}", 3, partial(at.append, number))
            yield Event(f"append garbage to {number}", 0.3, partial(at.append, number, good=False))
            yield Event(
                f"append to {number} what is refused", 0.2, partial(at.append_refused, number)
            )
            yield Event(f"marker in {number}", 0.3, partial(at.log.append_marker, number))


def faults(at: Servers) -> Iterator[Event]:
    yield Event("time passes", 0.15, at.pass_time)
    yield Event("the database comes or goes", 0.1, at.toggle_database)
    yield Event("the power fails", 0.08, at.kill_all)
    for request in at.network.requests:
        if request.steps and not _is_away(at, request):
            yield Event(f"{_named(request)} goes on", 1, request.step)
        if request.is_listened_to or request.steps:
            yield Event(f"{_named(request)} fails", 0.1, _failure(at, request))
    for worker in at.running:
        yield Event(f"{worker.name} is killed", 0.12, partial(at.kill, worker))
        yield Event(f"{worker.name} freezes", 0.12, worker.freeze)
        yield Event(f"{worker.name} stops", 0.08, partial(at.stop, worker))
        yield Event(f"{worker.name} checks its logs", 0.08, partial(at.check_logs, worker))


def operators(at: Servers) -> Iterator[Event]:
    """Backups, retention, and what is done to a group and its topic while nobody is in it."""
    yield Event("a backup is made", 0.05, at.back_up)
    if at.backup is not None:
        yield Event("the backup is restored", 0.08, at.restore)
    for place, end in at.log.ends(at.log.places).items():
        for offset in range(2, end + 1, 4):
            delete = partial(at.delete_before, place, offset)
            yield Event(f"{place.partition} is deleted before {offset}", 0.01, delete)
        if not at.group.members:
            for offset in range(0, end + 1, 2):
                yield Event(
                    f"{place.partition} is reset to {offset}", 0.5, partial(at.reset, place, offset)
                )
                read = partial(at.read_by_another, place, offset)
                yield Event(f"{place.partition} is read by another to {offset}", 0.2, read)
    if not at.group.members:
        for stay in (True, False):
            again = partial(at.create_topic_again, commits_stay=stay)
            yield Event(f"the topic is created again; commits stay: {stay}", 0.05, again)


def _is_away(at: Servers, request: Request) -> bool:
    return at.is_database_away and request.kind in _OF_THE_DATABASE and bool(request.steps)


def _failure(at: Servers, request: Request) -> Callable[[], None]:
    return partial(at.fail, request, _FAILURES[request.kind]())


def _named(request: Request) -> str:
    return f"{request.kind} of {request.sender.name}"
