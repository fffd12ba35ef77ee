"""Who takes part, how each is started, and when it is done."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

# When a run is over: all is committed, all is published, or the process has said what it measured itself.
End = Literal["committed", "published", "measured"]
# What its outputs are held against.
Truth = Literal["resolved", "unchanged", "looked up"]


class Contestant(NamedTuple):
    """``module`` is run with ``arguments``; ``begins`` is the event it logs when it begins to fetch.

    ``counts``: the misses it leaves in the database must be exact. ``share`` is how much of a workload it
    gets, from the start, where all of it would take minutes.
    """

    name: str
    title: str
    module: str
    arguments: tuple[str, ...] = ()
    begins: str = "begun"
    end: End = "committed"
    truth: Truth = "unchanged"
    counts: bool = False
    share: float = 1.0


_PEERS: Final = "worker.lab.bench.peers"
_ALL: Final = (
    Contestant(
        "worker",
        "this worker, as it is run",
        "worker.cli",
        ("run", "worker"),
        begins="partition_opened",
        truth="resolved",
        counts=True,
    ),
    Contestant(
        "unguarded",
        "this worker without its guarantees",
        f"{_PEERS}.unguarded",
        begins="partition_opened",
        end="published",
        truth="resolved",
    ),
    Contestant("bytes", "aiokafka, bytes passed through", f"{_PEERS}.passthrough", ("bytes",)),
    Contestant("json", "aiokafka, orjson decode and encode", f"{_PEERS}.passthrough", ("json",)),
    Contestant("librdkafka", "confluent-kafka, bytes passed through", f"{_PEERS}.librdkafka"),
    Contestant(
        "naive",
        "FastStream, one market at a time",
        f"{_PEERS}.naive",
        truth="looked up",
        share=0.05,
    ),
    Contestant(
        "resolver",
        "the resolver alone, in memory",
        f"{_PEERS}.memory",
        ("resolver",),
        end="measured",
        truth="resolved",
    ),
    Contestant(
        "orjson",
        "orjson decode and encode, in memory",
        f"{_PEERS}.memory",
        ("orjson",),
        end="measured",
    ),
)
CONTESTANTS: Final = {contestant.name: contestant for contestant in _ALL}
# Workloads other than `scrape` are run only by the contestants that their targets name.
OF_EVERY_WORKLOAD: Final = ("worker", "bytes", "json", "resolver")
